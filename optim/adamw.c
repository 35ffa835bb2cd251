#include "optim/adamw.h"

#include <math.h>

enum { CHUNK = 1 << 14 };

typedef struct { float keep, beta1_gap, beta2, beta2_gap, rate, root, eps, clip; } Factors;

typedef struct { State *state; Factors decayed, plain; } Step;

/* a * b + c rounded once: the product is exact in double. Unlike fmaf it vectorises on any machine, and it differs from
 * it only by one double rounding in some 2^28. */
static inline float fused(float a, float b, float c) { return (float)((double)a * (double)b + (double)c); }

/* Fused where torch's kernel is. */
static void update(float *restrict p, float *restrict m, float *restrict v, const float *restrict grad, int64_t n, const Factors *factors)
{
    const Factors f = *factors;
    for (int64_t i = 0; i < n; i++) {
        float g = f.clip * grad[i];
        m[i] = fused(f.beta1_gap, g - m[i], m[i]);
        v[i] = fused(f.beta2_gap * g, g, v[i] * f.beta2);
        p[i] = p[i] * f.keep - f.rate * m[i] / (sqrtf(v[i]) / f.root + f.eps);
    }
}

/* The last parameter that starts at or before `at`. */
static int param_at(const State *state, int64_t at)
{
    int low = 0, high = state->n_params;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (state->param[middle].offset <= at) low = middle;
        else high = middle;
    }
    return low;
}

static void update_chunk(const void *ctx, int task, int worker)
{
    (void)worker;
    const Step *step = ctx;
    State *s = step->state;
    int64_t begin = (int64_t)task * CHUNK, end = begin + CHUNK;
    for (int i = param_at(s, begin); i < s->n_params && s->param[i].offset < end; i++) {
        const Param *param = &s->param[i];
        int64_t from = param->offset > begin ? param->offset : begin, to = param->offset + param->rows * param->cols;
        if (to > end) to = end;
        update(s->value + from, s->m + from, s->v + from, s->grad + from, to - from, param->decay ? &step->decayed : &step->plain);
    }
}

void adamw_step(AdamW *adamw, State *state, double lr, float clip, Pool *pool)
{
    double t = (double)++adamw->t;
    Factors plain = {
        .keep = 1, .beta1_gap = (float)(1 - adamw->beta1), .beta2 = (float)adamw->beta2, .beta2_gap = (float)(1 - adamw->beta2),
        .rate = (float)(lr / (1 - pow(adamw->beta1, t))), .root = (float)sqrt(1 - pow(adamw->beta2, t)), .eps = (float)adamw->eps, .clip = clip,
    };
    Step step = { .state = state, .decayed = plain, .plain = plain };
    step.decayed.keep = (float)(1 - lr * adamw->weight_decay);
    pool_run(pool, (int)((state->n + CHUNK - 1) / CHUNK), update_chunk, &step);
}

float adamw_clip(double norm, double max_norm)
{
    if (max_norm <= 0) return 1;
    float coefficient = 1.0f / ((float)norm + 1e-6f) * (float)max_norm;
    return coefficient < 1 ? coefficient : 1;
}
