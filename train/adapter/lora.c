/* LoRA, arXiv:2106.09685: y = W x + b + s B (A drop(x)) with s = alpha / r, or alpha / sqrt(r) with rsLoRA
 * (arXiv:2312.03732). Rank and alpha may differ by site (rank_pattern, alpha_pattern). */
#include <math.h>
#include <stdlib.h>

#include "kernels/memory.h"
#include "train/adapter/method.h"

static void attach(Adapter *adapter, const Site *site)
{
    SiteParams *at = &adapter->at[site->index];
    char *a = memory_format("base_model.model.%s.lora_A.weight", site->path), *b = memory_format("base_model.model.%s.lora_B.weight", site->path);
    at->param[0] = state_add(adapter->state, a, at->rank, site->w.cols, true);
    at->param[1] = state_add(adapter->state, b, site->w.rows, at->rank, true);
    at->n = 2;
    free(a);
    free(b);
}

static float *values(const Adapter *adapter, const Site *site, int i)
{
    return adapter->state->value + adapter->state->param[adapter->at[site->index].param[i]].offset;
}

/* torch first makes two default linears, then PEFT draws again what it wants; the draws in between must be made too. */
static void initialize(const Adapter *adapter, const Site *site, Random *random)
{
    int64_t r = adapter->at[site->index].rank, n_a = r * site->w.cols, n_b = site->w.rows * r;
    double bound_a = random_kaiming_bound(site->w.cols), bound_b = random_kaiming_bound(r);
    float *a = values(adapter, site, 0), *b = values(adapter, site, 1);
    random_uniform(random, -bound_a, bound_a, n_a, a);
    if (adapter->config.init == LORA_INIT_FALSE) {
        random_uniform(random, -bound_b, bound_b, n_b, b);
        return;
    }
    random_skip(random, n_b);
    if (adapter->config.init == LORA_INIT_GAUSSIAN) random_normal(random, 0, 1.0 / (double)r, n_a, a);
    else random_uniform(random, -bound_a, bound_a, n_a, a);
}

static Var param(Tape *tape, const State *state, int i)
{
    const Param *p = &state->param[i];
    return tape_param(tape, (Tensor){ state->value + p->offset, p->rows, p->cols }, (Tensor){ state->grad + p->offset, p->rows, p->cols });
}

static Var forward(Tape *tape, const Adapter *adapter, const Site *site, SiteContext context, Var x)
{
    const SiteParams *at = &adapter->at[site->index];
    LowRank term = { .a = param(tape, adapter->state, at->param[0]), .b = param(tape, adapter->state, at->param[1]), .scale = at->scale };
    if (context.training) term.drop = (Dropout){ (float)adapter->config.lora_dropout, context.random };
    return op_linear(tape, x, &site->w, site->b, &term, 1);
}

const Method lora = { .name = "LORA", .attach = attach, .initialize = initialize, .forward = forward };
