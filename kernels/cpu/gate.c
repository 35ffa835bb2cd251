#include "kernels/cpu/activation.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

static inline __attribute__((always_inline)) void gate_loop(Act act, const float *g, const float *u, int64_t n, float *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = activation(act, g[i]) * u[i];
}

static VECTOR_CLONES void gate(Act act, const float *g, const float *u, int64_t n, float *y)
{
    ACT_LOOP(gate_loop, act, g, u, n, y)
}

/* dg = dy u act'(g), du = dy act(g). dg may lie on dy, so both are made before either is written. */
enum { PIECE = 256 };

static inline __attribute__((always_inline)) void gradient_loop(Act act, const float *g, const float *u, const float *dy, int64_t n, float *to_g, float *to_u)
{
    for (int64_t i = 0; i < n; i++) {
        Sloped a = activation_sloped(act, g[i]);
        to_u[i] = dy[i] * a.y;
        to_g[i] = dy[i] * u[i] * a.slope;
    }
}

static VECTOR_CLONES void gradient(Act act, const float *g, const float *u, const float *dy, int64_t n, float *to_g, float *to_u)
{
    ACT_LOOP(gradient_loop, act, g, u, dy, n, to_g, to_u)
}

/* Row r of g (0) or u (1), or of its gradient: of two tensors, or of one that holds them side by side. */
static float *side(const OpCall *c, const Tensor t[], int which, int64_t r)
{
    int64_t cols = c->out[0].cols;
    if (c->n_in == 1) return t[0].data + (2 * r + which) * cols;
    return t[which].data ? t[which].data + r * cols : NULL;
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->out[0].cols;
    RowRange range = task_rows(task, c->out[0].rows, cols);
    for (int64_t r = range.begin; r < range.end; r++) gate(c->args->gate.act, side(c, c->in, 0, r), side(c, c->in, 1, r), cols, c->out[0].data + r * cols);
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->out[0].cols;
    float to_g[PIECE], to_u[PIECE], beta_u = c->beta[c->n_in - 1];
    RowRange range = task_rows(task, c->out[0].rows, cols);
    for (int64_t r = range.begin; r < range.end; r++) {
        float *dg = side(c, c->din, 0, r), *du = side(c, c->din, 1, r);
        for (int64_t at = 0; at < cols; at += PIECE) {
            int64_t n = least(PIECE, cols - at);
            gradient(c->args->gate.act, side(c, c->in, 0, r) + at, side(c, c->in, 1, r) + at, c->dout[0].data + r * cols + at, n, to_g, to_u);
            if (du) cpu_hand_over(to_u, n, beta_u, du + at);
            if (dg) cpu_hand_over(to_g, n, c->beta[0], dg + at);
        }
    }
}

void cpu_gate_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->out[0].rows, c->out[0].cols, fwd_rows); }
void cpu_gate_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->out[0].rows, c->out[0].cols, bwd_rows); }
