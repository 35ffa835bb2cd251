#include "train/run/param_tensors.h"

#include <stdlib.h>

#include "kernels/memory.h"
#include "train/run/fingerprint.h"

static void add(ParamTensors *out, const Param *p, const char *suffix, float *values)
{
    int64_t n = p->rows * p->cols;
    out->values[out->n] = values;
    out->entry[out->n++] = (TensorEntry){ .name = memory_format("%s%s", p->name, suffix), .dtype = DTYPE_F32, .n_dims = 2, .dims = { p->rows, p->cols },
                                          .bytes = values, .n_bytes = n * (int64_t)sizeof(float) };
}

static ParamTensors room_for(int n) { return (ParamTensors){ memory_new((size_t)n, sizeof(TensorEntry)), memory_new((size_t)n, sizeof(float *)), 0 }; }

ParamTensors param_tensors_values(const State *state)
{
    ParamTensors out = room_for(state->n_params);
    for (int i = 0; i < state->n_params; i++) add(&out, &state->param[i], "", state->value + state->param[i].offset);
    return out;
}

ParamTensors param_tensors_moments(const State *state)
{
    ParamTensors out = room_for(2 * state->n_params);
    for (int i = 0; i < state->n_params; i++) {
        const Param *p = &state->param[i];
        add(&out, p, ".exp_avg", state->m + p->offset);
        add(&out, p, ".exp_avg_sq", state->v + p->offset);
    }
    return out;
}

void param_tensors_free(ParamTensors *tensors)
{
    for (int i = 0; i < tensors->n; i++) free((char *)tensors->entry[i].name);
    free(tensors->entry);
    free(tensors->values);
    *tensors = (ParamTensors){0};
}

uint64_t param_tensors_fingerprint(const TensorEntry *entry, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) sum += fingerprint_tensor(&entry[i]);
    return sum;
}
