#include "train/adapter/param_tensors.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

enum { MORE = 1 };      /* tensors beside the parameters: shared, or own */

static ParamTensors room_for(int n) { return (ParamTensors){ memory_new((size_t)n, sizeof(TensorEntry)), memory_new((size_t)n, sizeof(float *)), 0, NULL }; }

static void add(ParamTensors *out, char *name, bool vector, int64_t rows, int64_t cols, float *values)
{
    out->values[out->n] = values;
    out->entry[out->n++] = (TensorEntry){ .name = name, .dtype = DTYPE_F32, .n_dims = vector ? 1 : 2, .dims = { vector ? cols : rows, vector ? 0 : cols },
                                          .bytes = values, .n_bytes = rows * cols * (int64_t)sizeof(float) };
}

static void add_param(ParamTensors *out, const Param *p, const char *suffix, float *values)
{
    add(out, memory_format("%s%s", p->name, suffix), p->vector, p->rows, p->cols, values);
}

static void add_shared(ParamTensors *out, const Adapter *adapter, const Module *head)
{
    const Param *p = &adapter->state->param[adapter->at[head->index].weight];
    add(out, memory_format("base_model.model.%s.weight", head->path), p->vector, p->rows, p->cols, adapter->state->value + p->offset);
}

/* PEFT's save_embedding_layers: a list must have the name itself, an expression must match. */
static bool keeps_own(const Adapter *adapter, const Module *embedding)
{
    const Words *targets = &adapter->config.target_modules;
    const char *dot = strrchr(embedding->path, '.');
    bool named = targets->pattern && dot && !strcmp(dot, ".embed_tokens");
    for (int i = 0; i < targets->n && !targets->pattern; i++) named = named || !strcmp(targets->item[i], "embed_tokens");
    return named && adapter->at[embedding->index].n;
}

static void add_own(ParamTensors *out, const Adapter *adapter, const Module *embedding)
{
    out->own = memory_new((size_t)(embedding->n * embedding->w->cols), sizeof *out->own);
    module_weight(adapter->model, embedding, out->own);
    add(out, memory_format("base_model.model.%s.base_layer.weight", embedding->path), false, embedding->n, embedding->w->cols, out->own);
}

ParamTensors param_tensors_values(const Adapter *adapter)
{
    const State *state = adapter->state;
    const Module *embedding = &adapter->modules.item[0], *head = &adapter->modules.item[adapter->modules.n - 1];
    ParamTensors out = room_for(state->n_params + MORE);
    for (int i = 0; i < state->n_params; i++) add_param(&out, &state->param[i], "", state->value + state->param[i].offset);
    if (adapter->tied) add_shared(&out, adapter, head);
    else if (keeps_own(adapter, embedding)) add_own(&out, adapter, embedding);
    return out;
}

ParamTensors param_tensors_moments(const State *state)
{
    ParamTensors out = room_for(2 * state->n_params);
    for (int i = 0; i < state->n_params; i++) {
        const Param *p = &state->param[i];
        add_param(&out, p, ".exp_avg", state->m + p->offset);
        add_param(&out, p, ".exp_avg_sq", state->v + p->offset);
    }
    return out;
}

void param_tensors_free(ParamTensors *tensors)
{
    for (int i = 0; i < tensors->n; i++) free((char *)tensors->entry[i].name);
    free(tensors->entry);
    free(tensors->values);
    free(tensors->own);
    *tensors = (ParamTensors){0};
}
