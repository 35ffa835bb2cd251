#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

/* Both norms are one: an RMSNorm has mean 0, and x - 0 is x to the bit. */
typedef struct { float mean, rstd; } Moments;

static VECTOR_CLONES Moments moments(const float *x, int64_t n, bool center, float eps)
{
    float sum[LANES] = {0}, square[LANES] = {0}, mean = 0;
    int64_t i = 0;
    if (center) {
        for (; i + LANES <= n; i += LANES)
            for (int j = 0; j < LANES; j++) sum[j] += x[i + j];
        for (; i < n; i++) sum[i % LANES] += x[i];
        mean = lanes_sum(sum) / (float)n;
    }
    for (i = 0; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) square[j] += (x[i + j] - mean) * (x[i + j] - mean);
    for (; i < n; i++) square[i % LANES] += (x[i] - mean) * (x[i] - mean);
    return (Moments){ mean, 1.0f / sqrtf(lanes_sum(square) / (float)n + eps) };
}

static VECTOR_CLONES void normalize(const float *x, Moments m, const float *w, float offset, const float *b, int64_t n, float *y)
{
    if (b) for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m.mean) * m.rstd * (offset + w[i]) + b[i];
    else for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m.mean) * m.rstd * (offset + w[i]);
}

/* With g = (offset + w) dy and c = x - mean: dx = rstd (g - mean(g) - c rstd^2 mean(g c)), mean(g) only where x was centered. */
static VECTOR_CLONES void gradient(const float *x, Moments m, bool center, const float *w, float offset, const float *dy, int64_t n, float beta, float *dx)
{
    float along[LANES] = {0}, sum[LANES] = {0}, level = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) along[j] += (offset + w[i + j]) * dy[i + j] * (x[i + j] - m.mean);
    for (; i < n; i++) along[i % LANES] += (offset + w[i]) * dy[i] * (x[i] - m.mean);
    float slope = lanes_sum(along) / (float)n * m.rstd * m.rstd;
    if (center) {
        for (i = 0; i + LANES <= n; i += LANES)
            for (int j = 0; j < LANES; j++) sum[j] += (offset + w[i + j]) * dy[i + j];
        for (; i < n; i++) sum[i % LANES] += (offset + w[i]) * dy[i];
        level = lanes_sum(sum) / (float)n;
    }
    if (beta != 0) for (i = 0; i < n; i++) dx[i] += m.rstd * ((offset + w[i]) * dy[i] - level - (x[i] - m.mean) * slope);
    else for (i = 0; i < n; i++) dx[i] = m.rstd * ((offset + w[i]) * dy[i] - level - (x[i] - m.mean) * slope);
}

static VECTOR_CLONES void add_weight_gradient(const float *x, Moments m, const float *dy, int64_t n, double *dw)
{
    for (int64_t i = 0; i < n; i++) dw[i] += (double)dy[i] * (double)(x[i] - m.mean) * (double)m.rstd;
}

static VECTOR_CLONES void add_bias_gradient(const float *dy, int64_t n, double *db)
{
    for (int64_t i = 0; i < n; i++) db[i] += (double)dy[i];
}

static const float *weight(const OpCall *c) { return c->n_in > 1 ? c->in[1].data : c->args->norm.w; }
static const float *bias(const OpCall *c) { return c->n_in > 2 ? c->in[2].data : c->args->norm.b; }
static int64_t width(const OpCall *c) { return c->in[0].cols / c->saved[0].cols; }
static int64_t n_weights(const OpCall *c) { return c->args->norm.each ? c->in[0].cols : width(c); }

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    const float *w = weight(c), *b = bias(c);
    int64_t cols = c->in[0].cols, n = width(c), groups = c->saved[0].cols, step = c->args->norm.each ? n : 0;
    RowRange range = task_rows(task, c->in[0].rows, cols);
    for (int64_t i = range.begin * groups; i < range.end * groups; i++) {
        const float *x = c->in[0].data + i * n;
        int64_t at = i % groups * step;
        Moments m = moments(x, n, c->args->norm.center, c->args->norm.eps);
        c->saved[0].data[i] = m.rstd;
        if (c->args->norm.center) c->saved[1].data[i] = m.mean;
        if (c->out[0].data) normalize(x, m, w + at, c->args->norm.offset, b ? b + at : NULL, n, c->out[0].data + i * n);
    }
}

/* The sums that a task of rows keeps in scratch, for dw (input 1) and db (input 2): many terms that nearly cancel, so in double. */
static double *partial(const OpCall *c, int task, int input) { return (double *)c->scratch + (2 * (int64_t)task + input - 1) * n_weights(c); }

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->in[0].cols, n = width(c), groups = c->saved[0].cols, step = c->args->norm.each ? n : 0;
    RowRange range = task_rows(task, c->in[0].rows, cols);
    for (int input = 1; input < c->n_in; input++)
        if (c->din[input].data) memset(partial(c, task, input), 0, (size_t)n_weights(c) * sizeof(double));
    for (int64_t i = range.begin * groups; i < range.end * groups; i++) {
        const float *dy = c->dout[0].data + i * n;
        int64_t at = i % groups * step;
        Moments m = { c->args->norm.center ? c->saved[1].data[i] : 0, c->saved[0].data[i] };
        if (c->din[0].data)
            gradient(c->in[0].data + i * n, m, c->args->norm.center, weight(c) + at, c->args->norm.offset, dy, n, c->beta[0], c->din[0].data + i * n);
        if (c->din[1].data) add_weight_gradient(c->in[0].data + i * n, m, dy, n, partial(c, task, 1) + at);
        if (c->din[2].data) add_bias_gradient(dy, n, partial(c, task, 2) + at);
    }
}

static int n_tasks(const OpCall *c) { return (int)ceil_div(c->in[0].rows, rows_per_task(c->in[0].cols)); }

/* dw or db from the partial sums of the tasks, in their order. */
static void collect(const OpCall *c, int input)
{
    enum { PIECE = 256 };
    for (int64_t at = 0; at < n_weights(c); at += PIECE) {
        int64_t n = least(PIECE, n_weights(c) - at);
        double sum[PIECE] = {0};
        for (int task = 0; task < n_tasks(c); task++) {
            const double *part = partial(c, task, input) + at;
            for (int64_t j = 0; j < n; j++) sum[j] += part[j];
        }
        for (int64_t j = 0; j < n; j++) c->din[input].data[at + j] = (float)((c->beta[input] != 0 ? (double)c->din[input].data[at + j] : 0) + sum[j]);
    }
}

void cpu_norm_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }

void cpu_norm_bwd(const Backend *b, const OpCall *c)
{
    cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, bwd_rows);
    for (int input = 1; input < c->n_in; input++)
        if (c->din[input].data) collect(c, input);
}

size_t cpu_norm_scratch(const Backend *b, const OpCall *c, bool bwd)
{
    (void)b;
    return bwd && c->wanted >> 1 ? (size_t)n_tasks(c) * 2 * (size_t)n_weights(c) * sizeof(double) : 0;
}
