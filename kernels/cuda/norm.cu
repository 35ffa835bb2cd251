/* Both norms are one: an RMSNorm has mean 0, and x - 0 is x to the bit. One warp has one group of a row; its lanes take every 32nd element, so a
 * warp reads whole lines, the second time from cache. */
#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/reduce.cuh"

enum { GROUPS = 8 };       /* of a block */

/* The running warp's group; all lanes have the same. */
DEVICE int64_t group_of_warp(void) { return (int64_t)blockIdx.x * GROUPS + threadIdx.x / WARP; }

/* A lane's share of a sum over a group, in four parts that take turns: rounding grows with a 128th of the group's size. */
enum { TURNS = 4, STRIDE = WARP * TURNS };
struct Sum { float turn[TURNS]; };
DEVICE float sum_of(Sum s) { return warp_sum((s.turn[0] + s.turn[1]) + (s.turn[2] + s.turn[3])); }

DEVICE float mean_of(const float *x, int n, int lane)
{
    Sum sum = {};
    for (int first = lane; first < n; first += STRIDE)
        for (int k = 0; k < TURNS; k++)
            if (first + k * WARP < n) sum.turn[k] += x[first + k * WARP];
    return sum_of(sum) / (float)n;
}

DEVICE float variance_of(const float *x, float mean, int n, int lane)
{
    Sum sum = {};
    for (int first = lane; first < n; first += STRIDE)
        for (int k = 0; k < TURNS; k++) {
            if (first + k * WARP >= n) continue;
            float d = x[first + k * WARP] - mean;
            sum.turn[k] = fmaf(d, d, sum.turn[k]);
        }
    return sum_of(sum) / (float)n;
}

/* block 256, shared 0, registers 48. `step` is how far the weights of a row's next group lie behind: 0, all have the same. y may be NULL. */
static __global__ void __launch_bounds__(GROUPS * WARP, 5) norm_values(const float *x, const float *w, const float *b, float eps, float offset, bool center,
                                                                       int64_t n_groups, int64_t groups_of_row, int n, int64_t step, float *rstd,
                                                                       float *mean, float *y)
{
    int64_t group = group_of_warp(), at = group * n, weights = group % groups_of_row * step;
    if (group >= n_groups) return;
    int lane = (int)threadIdx.x % WARP;
    x += at;
    float m = center ? mean_of(x, n, lane) : 0, r = 1.0f / sqrtf(variance_of(x, m, n, lane) + eps);
    if (lane == 0) rstd[group] = r;
    if (lane == 0 && center) mean[group] = m;
    if (!y) return;
    y += at;
    for (int i = lane; i < n; i += WARP) {
        float value = (x[i] - m) * r * (offset + w[weights + i]);
        y[i] = b ? value + b[weights + i] : value;
    }
}

/* block 256, shared 0, registers 64. With g = (offset + w) dy and c = x - mean: dx = rstd (g - mean(g) - c rstd^2 mean(g c)), mean(g) only where x was
 * centered. */
static __global__ void __launch_bounds__(GROUPS * WARP, 4) norm_gradient(const float *x, const float *w, float offset, bool center, const float *rstd,
                                                                         const float *mean, const float *dy, int64_t n_groups, int64_t groups_of_row,
                                                                         int n, int64_t step, float beta, float *dx)
{
    int64_t group = group_of_warp(), at = group * n, weights = group % groups_of_row * step;
    if (group >= n_groups) return;
    int lane = (int)threadIdx.x % WARP;
    x += at, dy += at, dx += at, w += weights;
    float m = center ? mean[group] : 0, r = rstd[group];
    Sum along = {}, level = {};
    for (int first = lane; first < n; first += STRIDE)
        for (int k = 0; k < TURNS; k++) {
            int i = first + k * WARP;
            if (i >= n) continue;
            float g = (offset + w[i]) * dy[i];
            along.turn[k] = fmaf(g, x[i] - m, along.turn[k]);
            level.turn[k] += g;
        }
    float slope = sum_of(along) / (float)n * r * r, mean_g = center ? sum_of(level) / (float)n : 0;
    for (int i = lane; i < n; i += WARP)
        dx[i] = added(dx, i, beta, r * ((offset + w[i]) * dy[i] - mean_g - (x[i] - m) * slope));
}

static const float *weight(const Backend *b, const OpCall *c) { return c->n_in > 1 ? c->in[1].data : placed(b, c->args->norm.w); }
static const float *bias(const Backend *b, const OpCall *c) { return c->n_in > 2 ? c->in[2].data : placed(b, c->args->norm.b); }
static int64_t groups_of_row(const OpCall *c) { return c->saved[0].cols; }
static int64_t width(const OpCall *c) { return c->in[0].cols / groups_of_row(c); }
static int64_t n_groups(const OpCall *c) { return c->in[0].rows * groups_of_row(c); }
static int64_t n_weights(const OpCall *c) { return c->args->norm.each ? c->in[0].cols : width(c); }
static int64_t step(const OpCall *c) { return c->args->norm.each ? width(c) : 0; }

void cuda_norm_fwd(const Backend *b, const OpCall *c)
{
    bool center = c->args->norm.center;
    RUN(b, c, norm_values, blocks_for(n_groups(c), GROUPS), GROUPS * WARP, 0, c->in[0].data, weight(b, c), bias(b, c), c->args->norm.eps,
        c->args->norm.offset, center, n_groups(c), groups_of_row(c), (int)width(c), step(c), c->saved[0].data, center ? c->saved[1].data : NULL, c->out[0].data);
}

void cuda_norm_bwd(const Backend *b, const OpCall *c)
{
    bool center = c->args->norm.center;
    const float *mean = center ? c->saved[1].data : NULL;
    int64_t rows = n_groups(c) * width(c) / n_weights(c);
    ColumnTerms of_w = { c->dout[0].data, c->in[0].data, mean, c->saved[0].data, rows, n_weights(c), width(c) }, of_b = of_w;
    of_b.x = NULL;
    if (c->din[1].data) column_sums(b, c, of_w, c->scratch, c->beta[1], c->din[1].data);
    if (c->din[2].data) column_sums(b, c, of_b, c->scratch, c->beta[2], c->din[2].data);
    if (!c->din[0].data) return;
    RUN(b, c, norm_gradient, blocks_for(n_groups(c), GROUPS), GROUPS * WARP, 0, c->in[0].data, weight(b, c), c->args->norm.offset, center,
        c->saved[0].data, mean, c->dout[0].data, n_groups(c), groups_of_row(c), (int)width(c), step(c), c->beta[0], c->din[0].data);
}

size_t cuda_norm_scratch(const Backend *, const OpCall *c, bool bwd)
{
    return bwd && c->wanted >> 1 ? column_sums_scratch(n_groups(c) * width(c) / n_weights(c), n_weights(c)) : 0;
}
