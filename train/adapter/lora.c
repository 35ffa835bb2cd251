/* LoRA, arXiv:2106.09685: y = W x + b + s (B (A drop(x)) + b_B) with s = alpha / r, or alpha / sqrt(r) with rsLoRA
 * (arXiv:2312.03732). Rank and alpha may differ by module (rank_pattern, alpha_pattern); b_B only with lora_bias.
 *
 * On an embedding: y = E[id] + s B A[:, id], without dropout. A [r, vocabulary] starts at zero and B at random: the other way round. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/adapter/method.h"

enum { A, B, B_BIAS };

static void add(Adapter *adapter, const Module *module, const char *suffix, int64_t rows, int64_t cols)
{
    Adapted *at = &adapter->at[module->index];
    char *name = memory_format("base_model.model.%s.%s", module->path, suffix);
    bool decays = cols > 0;
    at->param[at->n++] = state_add(adapter->state, name, rows, cols, decays);
    free(name);
}

static Status refuse(const Adapter *adapter, const Module *module)
{
    bool bias = adapter->config.lora_bias;
    if (module->kind == MODULE_HEAD)
        return fail(STATUS_INPUT, "target_modules: %s cannot be adapted, in TRL neither: the loss multiplies with its weight directly", module->path);
    if (module->kind == MODULE_NORM) return fail(STATUS_INPUT, "target_modules: %s is a norm, and LoRA is for linears and embeddings", module->path);
    if (module->kind == MODULE_EMBEDDING && bias) return fail(STATUS_INPUT, "lora_bias: not on an embedding, and %s is a target", module->path);
    if (bias && adapter->config.init == LORA_INIT_GAUSSIAN) return fail(STATUS_INPUT, "lora_bias needs init_lora_weights true or false");
    return STATUS_OK;
}

static Status attach(Adapter *adapter, const Module *module)
{
    int64_t rank = adapter->at[module->index].rank;
    bool embedding = module->kind == MODULE_EMBEDDING;
    TRY(refuse(adapter, module));
    add(adapter, module, embedding ? "lora_embedding_A" : "lora_A.weight", rank, embedding ? module->w->rows : module->w->cols);
    add(adapter, module, embedding ? "lora_embedding_B" : "lora_B.weight", embedding ? module->w->cols : module->w->rows, rank);
    if (adapter->config.lora_bias) add(adapter, module, "lora_B.bias", module->w->rows, 0);
    return STATUS_OK;
}

static float *values(const Adapter *adapter, const Module *module, int i)
{
    return adapter->state->value + adapter->state->param[adapter->at[module->index].param[i]].offset;
}

/* torch first makes both at random, then PEFT draws again what it wants. */
static void initialize_embedding(const Adapter *adapter, const Module *module, Random *random)
{
    int64_t r = adapter->at[module->index].rank, n_a = r * module->w->rows, n_b = module->w->cols * r;
    float *a = values(adapter, module, A), *b = values(adapter, module, B);
    random_normal(random, 0, 1, n_a, a);
    random_normal(random, 0, 1, n_b, b);
    if (adapter->config.init == LORA_INIT_FALSE) return;
    memset(a, 0, (size_t)n_a * sizeof *a);
    random_normal(random, 0, 1, n_b, b);
}

/* torch first makes two default linears, then PEFT draws again what it wants; the draws in between must be made too. */
static void initialize(const Adapter *adapter, const Module *module, Random *random)
{
    if (module->kind == MODULE_EMBEDDING) {
        initialize_embedding(adapter, module, random);
        return;
    }
    int64_t r = adapter->at[module->index].rank, n_a = r * module->w->cols, n_b = module->w->rows * r, n_bias = adapter->config.lora_bias ? module->w->rows : 0;
    double bound_a = random_kaiming_bound(module->w->cols), bound_b = random_kaiming_bound(r);
    float *a = values(adapter, module, A);
    random_uniform(random, -bound_a, bound_a, n_a, a);
    if (adapter->config.init == LORA_INIT_FALSE) {
        random_uniform(random, -bound_b, bound_b, n_b, values(adapter, module, B));
        if (n_bias) random_uniform(random, -bound_b, bound_b, n_bias, values(adapter, module, B_BIAS));
        return;
    }
    random_skip(random, n_b + n_bias);
    if (adapter->config.init == LORA_INIT_GAUSSIAN) random_normal(random, 0, 1.0 / (double)r, n_a, a);
    else random_uniform(random, -bound_a, bound_a, n_a, a);
}

static Var linear(Tape *tape, const Adapter *adapter, const Module *module, const float *b, SiteContext context, Var x)
{
    const Adapted *at = &adapter->at[module->index];
    LowRank term = { .a = adapter_param(tape, adapter, at->param[A]), .b = adapter_param(tape, adapter, at->param[B]), .scale = at->scale };
    if (context.training) term.drop = (Dropout){ (float)adapter->config.lora_dropout, context.random };
    Var y = op_linear(tape, x, module->w, b, &term, 1);
    return at->n == 3 ? op_add_row(tape, y, op_scale(tape, adapter_param(tape, adapter, at->param[B_BIAS]), at->scale)) : y;
}

static Var embedding(Tape *tape, const Adapter *adapter, const Module *module, const int32_t *ids, int64_t n, Var y)
{
    const Adapted *at = &adapter->at[module->index];
    Var xa = op_gather(tape, adapter_param(tape, adapter, at->param[A]), ids, n, true);
    return op_add_scaled(tape, y, op_dense(tape, xa, adapter_param(tape, adapter, at->param[B]), false), at->scale);
}

const Method lora = { .name = "LORA", .attach = attach, .initialize = initialize, .linear = linear, .embedding = embedding };
