#include "kernels/cpu/activation.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/vector.h"

static inline __attribute__((always_inline)) void value_loop(Act act, const float *x, int64_t n, float *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = activation(act, x[i]);
}

static VECTOR_CLONES void value(Act act, const float *x, int64_t n, float *y)
{
    ACT_LOOP(value_loop, act, x, n, y)
}

/* dx = dy act'(x), in place too. */
static inline __attribute__((always_inline)) void gradient_loop(Act act, const float *x, const float *dy, int64_t n, float beta, float *dx)
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) {
        float d = dy[i] * activation_sloped(act, x[i]).slope;
        dx[i] = beta != 0 ? dx[i] + d : d;
    }
}

static VECTOR_CLONES void gradient(Act act, const float *x, const float *dy, int64_t n, float beta, float *dx)
{
    ACT_LOOP(gradient_loop, act, x, dy, n, beta, dx)
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t at = range.begin * c->in[0].cols;
    value(c->args->act.act, c->in[0].data + at, (range.end - range.begin) * c->in[0].cols, c->out[0].data + at);
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t at = range.begin * c->in[0].cols, n = (range.end - range.begin) * c->in[0].cols;
    gradient(c->args->act.act, c->in[0].data + at, c->dout[0].data + at, n, c->beta[0], c->din[0].data + at);
}

void cpu_act_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }
void cpu_act_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, bwd_rows); }
