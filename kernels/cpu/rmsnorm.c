#include "kernels/cpu/cpu.h"

#include <math.h>

#include "kernels/cpu/vector.h"

static VECTOR_CLONES float normalize(const float *x, const float *w, float eps, int64_t n, float *y)
{
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += x[i + j] * x[i + j];
    for (; i < n; i++) lane[i % LANES] += x[i] * x[i];
    float rstd = 1.0f / sqrtf(lanes_sum(lane) / (float)n + eps);
    if (y) for (i = 0; i < n; i++) y[i] = x[i] * rstd * w[i];
    return rstd;
}

/* dx = rstd (w dy - x rstd^2 mean(w dy x)) */
static VECTOR_CLONES void gradient(const float *x, const float *w, const float *dy, float rstd, int64_t n, float beta, float *dx)
{
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += w[i + j] * dy[i + j] * x[i + j];
    for (; i < n; i++) lane[i % LANES] += w[i] * dy[i] * x[i];
    float c = lanes_sum(lane) / (float)n * rstd * rstd;
    if (beta != 0) for (i = 0; i < n; i++) dx[i] += rstd * (w[i] * dy[i] - x[i] * c);
    else for (i = 0; i < n; i++) dx[i] = rstd * (w[i] * dy[i] - x[i] * c);
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t n = c->in[0].cols;
    RowRange range = task_rows(task, c->in[0].rows, n);
    for (int64_t r = range.begin; r < range.end; r++)
        c->saved[0].data[r] = normalize(c->in[0].data + r * n, c->args->rmsnorm.w, c->args->rmsnorm.eps, n, c->out[0].data ? c->out[0].data + r * n : NULL);
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t n = c->in[0].cols;
    RowRange range = task_rows(task, c->in[0].rows, n);
    for (int64_t r = range.begin; r < range.end; r++)
        gradient(c->in[0].data + r * n, c->args->rmsnorm.w, c->dout[0].data + r * n, c->saved[0].data[r], n, c->beta[0], c->din[0].data + r * n);
}

void cpu_rmsnorm_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }
void cpu_rmsnorm_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, bwd_rows); }
