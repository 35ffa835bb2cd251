#include "kernels/cpu/cpu.h"

#include "kernels/cpu/vector.h"

/* One row of heads: (a, b) -> (a cos - b sin, b cos + a sin); `sign` -1 turns back. */
typedef struct { const float *x, *cos, *sin; float sign, beta; int64_t cols; int head_dim, rotary_dim; float *y; } Turn;

/* Element i of a pair stands at i * step, its other half `apart` behind it. */
static inline __attribute__((always_inline)) void turn(const Turn *t, int step, int apart)
{
    const float *x = t->x, *cos = t->cos, *sin = t->sin;
    float sign = t->sign, beta = t->beta, *y = t->y;
    int half = t->rotary_dim / 2;
    for (int64_t h = 0; h < t->cols; h += t->head_dim)
        INDEPENDENT
        for (int i = 0; i < half; i++) {
            int64_t first = h + i * step, second = first + apart;
            float a = x[first], b = x[second], s = sign * sin[i];
            float low = a * cos[i] - b * s, high = b * cos[i] + a * s;
            y[first] = beta != 0 ? y[first] + low : low;
            y[second] = beta != 0 ? y[second] + high : high;
        }
}

static VECTOR_CLONES void turn_halves(const Turn *t) { turn(t, 1, t->rotary_dim / 2); }
static VECTOR_CLONES void turn_pairs(const Turn *t) { turn(t, 2, 1); }

static void pass_the_rest(const Turn *t)
{
    if (t->rotary_dim == t->head_dim) return;
    for (int64_t h = t->rotary_dim; h < t->cols; h += t->head_dim) cpu_hand_over(t->x + h, t->head_dim - t->rotary_dim, t->beta, t->y + h);
}

static void turn_rows(const OpCall *c, int task, Tensor x, float sign, float beta, Tensor y)
{
    RowRange range = task_rows(task, x.rows, x.cols);
    Turn t = { .sign = sign, .beta = beta, .cols = x.cols, .head_dim = c->args->rope.head_dim, .rotary_dim = c->args->rope.rotary_dim };
    for (int64_t r = range.begin; r < range.end; r++) {
        int64_t at = (int64_t)c->args->rope.position[r] * (t.rotary_dim / 2);
        t.x = x.data + r * x.cols;
        t.cos = c->args->rope.cos + at;
        t.sin = c->args->rope.sin + at;
        t.y = y.data + r * x.cols;
        if (c->args->rope.interleaved) turn_pairs(&t);
        else turn_halves(&t);
        pass_the_rest(&t);
    }
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    turn_rows(c, task, c->in[0], 1, 0, c->out[0]);
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    turn_rows(c, task, c->dout[0], -1, c->beta[0], c->din[0]);
}

void cpu_rope_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->out[0].rows, c->out[0].cols, fwd_rows); }
void cpu_rope_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->dout[0].rows, c->dout[0].cols, bwd_rows); }
