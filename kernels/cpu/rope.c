#include "kernels/cpu/cpu.h"

#include "kernels/cpu/vector.h"

/* One row of heads: (a, b) -> (a cos - b sin, b cos + a sin) on the halves; `sign` -1 turns back. */
static VECTOR_CLONES void rotate(const float *x, const float *cos, const float *sin, float sign, int64_t cols, int head_dim, float beta, float *y)
{
    int half = head_dim / 2;
    for (int64_t h = 0; h < cols; h += head_dim)
        INDEPENDENT
        for (int i = 0; i < half; i++) {
            float a = x[h + i], b = x[h + half + i], s = sign * sin[i];
            float low = a * cos[i] - b * s, high = b * cos[i] + a * s;
            y[h + i] = beta != 0 ? y[h + i] + low : low;
            y[h + half + i] = beta != 0 ? y[h + half + i] + high : high;
        }
}

static void rotate_rows(const OpCall *c, int task, Tensor x, float sign, float beta, Tensor y)
{
    RowRange range = task_rows(task, x.rows, x.cols);
    int head_dim = c->args->rope.head_dim;
    for (int64_t r = range.begin; r < range.end; r++) {
        int64_t at = (int64_t)c->args->rope.position[r] * (head_dim / 2);
        rotate(x.data + r * x.cols, c->args->rope.cos + at, c->args->rope.sin + at, sign, x.cols, head_dim, beta, y.data + r * x.cols);
    }
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    rotate_rows(c, task, c->in[0], 1, 0, c->out[0]);
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    rotate_rows(c, task, c->dout[0], -1, c->beta[0], c->din[0]);
}

void cpu_rope_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->out[0].rows, c->out[0].cols, fwd_rows); }
void cpu_rope_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->dout[0].rows, c->dout[0].cols, bwd_rows); }
