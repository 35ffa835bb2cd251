#include "kernels/cpu/cpu.h"

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

static VECTOR_CLONES void fwd(const float *g, const float *u, int64_t n, float *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = g[i] / (1.0f + exp_f32(-g[i])) * u[i];
}

/* dg = dy u s (1 + g (1 - s)), du = dy g s, with s = sigmoid(g). dg may lie on dy, so both are made before either is written. */
enum { PIECE = 256 };

static VECTOR_CLONES void bwd(const float *g, const float *u, const float *dy, int64_t n, float *to_g, float *to_u)
{
    for (int64_t i = 0; i < n; i++) {
        float s = 1.0f / (1.0f + exp_f32(-g[i])), d = dy[i];
        to_u[i] = d * (g[i] * s);
        to_g[i] = d * u[i] * (s * (1.0f + g[i] * (1.0f - s)));
    }
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t at = range.begin * c->in[0].cols, n = (range.end - range.begin) * c->in[0].cols;
    fwd(c->in[0].data + at, c->in[1].data + at, n, c->out[0].data + at);
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t end = range.end * c->in[0].cols;
    float *dg = c->din[0].data, *du = c->din[1].data, to_g[PIECE], to_u[PIECE];
    for (int64_t at = range.begin * c->in[0].cols; at < end; at += PIECE) {
        int64_t n = least(PIECE, end - at);
        bwd(c->in[0].data + at, c->in[1].data + at, c->dout[0].data + at, n, to_g, to_u);
        if (du) cpu_hand_over(to_u, n, c->beta[1], du + at);
        if (dg) cpu_hand_over(to_g, n, c->beta[0], dg + at);
    }
}

void cpu_silu_mul_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }
void cpu_silu_mul_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, bwd_rows); }
