/* The tile that every machine has: 6 x 8 in twelve registers of four floats, which compilers know as vectors. Products and sums are
 * rounded one by one, in the order of K, on the border too; a sum of 32 at a time is added to the whole, which errs less than one
 * long sum, since there is no fused rounding. A library's sgemm in its place gives a row other bits when other rows
 * stand beside it, so that results would depend on the number of threads. */
#include "kernels/cpu/gemm.h"

#include <string.h>

enum { ROWS = 6, LANES = 4, COLS = 2 * LANES, PART = 32 };

typedef float Lanes __attribute__((vector_size(LANES * sizeof(float))));

#define INLINE static inline __attribute__((always_inline))

INLINE Lanes load(const float *x)
{
    Lanes lanes;
    memcpy(&lanes, x, sizeof lanes);
    return lanes;
}

/* Where the next step of K lies. */
typedef struct { const float *a, *b; } Steps;

INLINE Steps add_part(const Gemm *g, GemmLeft left, Steps at, int64_t n, Lanes total[ROWS][2])
{
    Lanes sum[ROWS][2] = {0};
    for (int64_t p = 0; p < n; p++, at.a += left.step, at.b += g->b.step) {
        Lanes b0 = load(at.b), b1 = load(at.b + LANES);
#pragma GCC unroll 6
        for (int i = 0; i < ROWS; i++) {
            float x = at.a[i * left.row];
            sum[i][0] += x * b0;
            sum[i][1] += x * b1;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < ROWS; i++) {
        total[i][0] += sum[i][0];
        total[i][1] += sum[i][1];
    }
    return at;
}

INLINE Steps whole_steps(const Gemm *g, GemmLeft left, Steps at, int64_t n, Lanes sum[ROWS][2])
{
    for (int64_t p = 0; p < n; p += PART) at = add_part(g, left, at, n - p < PART ? n - p : PART, sum);
    return at;
}

static void whole_tile(const Gemm *g)
{
    Lanes sum[ROWS][2] = {0};
    Steps at = whole_steps(g, g->a, (Steps){ g->a.data, g->b.data }, g->k, sum);
    if (g->k_tail) whole_steps(g, g->a_tail, (Steps){ g->a_tail.data, at.b }, g->k_tail, sum);
#pragma GCC unroll 6
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < 2; j++) {
            float *c = g->c + i * g->c_stride + j * LANES;
            Lanes y = g->alpha * sum[i][j];
            if (g->beta != 0) y += g->beta * load(c);
            memcpy(c, &y, sizeof y);
        }
}

static float element(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t k, float total)
{
    for (int64_t p = 0; p < k; p += PART) {
        float sum = 0;
        for (int64_t q = p; q < k && q < p + PART; q++) sum += a[q * a_step] * b[q * b_step];
        total += sum;
    }
    return total;
}

static void border_tile(const Gemm *g)
{
    for (int64_t i = 0; i < g->m; i++)
        for (int64_t j = 0; j < g->n; j++) {
            const float *b = g->b.data + j;
            float *c = g->c + i * g->c_stride + j, sum = element(g->a.data + i * g->a.row, g->a.step, b, g->b.step, g->k, 0);
            if (g->k_tail) sum = element(g->a_tail.data + i * g->a_tail.row, g->a_tail.step, b + g->k * g->b.step, g->b.step, g->k_tail, sum);
            sum *= g->alpha;
            *c = g->beta != 0 ? sum + g->beta * *c : sum;
        }
}

static void tile(const Gemm *g)
{
    if (g->m == ROWS && g->n == COLS) whole_tile(g);
    else border_tile(g);
}

static void lines(const GemmLines *l)
{
    for (int64_t p = 0; p < l->k; p++)
        for (int64_t i = 0; i < l->n; i++) l->to[p * COLS + i] = l->x[i * l->stride + p];
}

const GemmKernels gemm_baseline = { .rows = ROWS, .cols = COLS, .width = 48, .tile = tile, .lines = lines };
