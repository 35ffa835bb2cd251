#include "optim/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

enum { PAD = 16, CHUNK = 1 << 14 };

int state_add(State *state, const char *name, int64_t rows, int64_t cols, bool decay)
{
    CHECK(!state->value, "parameters are registered before state_allocate");
    Param param = { .name = memory_string(name), .offset = state->n, .rows = cols ? rows : 1, .cols = cols ? cols : rows, .vector = !cols, .decay = decay };
    MEMORY_PUSH(state->param, state->n_params, state->cap) = param;
    state->n += (param.rows * param.cols + PAD - 1) / PAD * PAD;
    return state->n_params - 1;
}

int64_t state_bytes(const State *state) { return 4 * state->n * (int64_t)sizeof(float); }

Status state_allocate(State *state)
{
    float **buffers[] = { &state->value, &state->grad, &state->m, &state->v };
    for (int i = 0; i < 4; i++) {
        *buffers[i] = memory_try((size_t)state->n * sizeof(float));
        if (!*buffers[i])
            return fail(STATUS_INPUT, "no memory for %lld bytes of trainable parameters and their optimizer state",
                        (long long)state_bytes(state));
    }
    state->kernel_value = state->value;
    state->kernel_grad = state->grad;
    return STATUS_OK;
}

static size_t buffer_bytes(const State *state) { return (size_t)state->n * sizeof(float); }

static Status take(const State *state, const Backend *backend, float **buffer)
{
    void *memory;
    TRY(backend->memory->take(backend->device, buffer_bytes(state), &memory), "trainable parameters");
    *buffer = memory;
    return STATUS_OK;
}

Status state_place(State *state, const Backend *backend)
{
    if (!backend->memory) return STATUS_OK;
    TRY(take(state, backend, &state->kernel_value));
    TRY(take(state, backend, &state->kernel_grad));
    state_send_value(state, backend);
    return STATUS_OK;
}

void state_zero_grad(State *state, const Backend *backend)
{
    if (backend->memory) backend->memory->clear(backend->device, state->kernel_grad, buffer_bytes(state));
    else memset(state->grad, 0, buffer_bytes(state));
}

Status state_fetch_grad(State *state, const Backend *backend)
{
    return backend->memory ? backend->memory->read(backend->device, state->grad, state->kernel_grad, buffer_bytes(state)) : STATUS_OK;
}

void state_send_value(State *state, const Backend *backend)
{
    if (backend->memory) backend->memory->write(backend->device, state->kernel_value, state->value, buffer_bytes(state));
}

int64_t state_trainable(const State *state)
{
    int64_t n = 0;
    for (int i = 0; i < state->n_params; i++) n += state->param[i].rows * state->param[i].cols;
    return n;
}

void state_free(State *state)
{
    for (int i = 0; i < state->n_params; i++) free(state->param[i].name);
    free(state->param);
    free(state->value);
    free(state->grad);
    free(state->m);
    free(state->v);
    *state = (State){0};
}

typedef struct { const float *x; int64_t n; double *partial; } Squares;

static void sum_squares(const void *ctx, int task, int worker)
{
    (void)worker;
    const Squares *s = ctx;
    int64_t begin = (int64_t)task * CHUNK, end = begin + CHUNK < s->n ? begin + CHUNK : s->n;
    double lane[8] = {0};
    int64_t i = begin;
    for (; i + 8 <= end; i += 8)
        for (int j = 0; j < 8; j++) lane[j] += (double)s->x[i + j] * s->x[i + j];
    for (; i < end; i++) lane[0] += (double)s->x[i] * s->x[i];
    double sum = 0;
    for (int j = 0; j < 8; j++) sum += lane[j];
    s->partial[task] = sum;
}

double state_grad_norm(const State *state, Pool *pool)
{
    int n_tasks = (int)((state->n + CHUNK - 1) / CHUNK);
    double *partial = memory_new((size_t)n_tasks, sizeof *partial), sum = 0;
    pool_run(pool, n_tasks, sum_squares, &(Squares){ state->grad, state->n, partial });
    for (int i = 0; i < n_tasks; i++) sum += partial[i];
    free(partial);
    return sqrt(sum);
}
