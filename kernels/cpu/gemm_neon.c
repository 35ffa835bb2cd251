/* The tile of 6 x 16 in 24 registers of four floats, four for B and four for elements of A; lines of 4 x 4 floats transposed.
 * Every aarch64 has NEON. An element's operations and their order are those of the other tiles of fused multiply-adds, so its bits are. */
#include "kernels/cpu/gemm.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <stdbool.h>

enum { ROWS = 6, COLS = 16, LINE = 16, QUADS = COLS / 4 };       /* LINE: floats of a cache line; QUADS: registers of a row */

#define INLINE static inline __attribute__((always_inline))

/* Four floats, or the first n. */
INLINE float32x4_t load(const float *x, int64_t n)
{
    if (n >= 4) return vld1q_f32(x);
    float32x4_t some = vdupq_n_f32(0);
    if (n > 0) some = vld1q_lane_f32(x, some, 0);
    if (n > 1) some = vld1q_lane_f32(x + 1, some, 1);
    if (n > 2) some = vld1q_lane_f32(x + 2, some, 2);
    return some;
}

INLINE void store(float *x, int64_t n, float32x4_t value)
{
    if (n >= 4) vst1q_f32(x, value);
    if (n < 4 && n > 0) vst1q_lane_f32(x, value, 0);
    if (n < 4 && n > 1) vst1q_lane_f32(x + 1, value, 1);
    if (n < 4 && n > 2) vst1q_lane_f32(x + 2, value, 2);
}

INLINE void put(float *c, int64_t n, float32x4_t sum, float alpha, float beta)
{
    sum = vmulq_n_f32(sum, alpha);
    if (beta != 0) sum = vfmaq_n_f32(sum, load(c, n), beta);
    store(c, n, sum);
}

/* Where the next step of K lies. */
typedef struct { const float *a, *b; } Steps;

/* Adds the products of n steps; `rows` is constant where this is called, and so are `cols` when they are whole. */
INLINE Steps steps(const Gemm *g, GemmLeft left, Steps at, int64_t n, float32x4_t sum[ROWS][QUADS], const int rows, int64_t cols)
{
    const float *a3 = at.a + 3 * left.row;
    for (int64_t p = 0; p < n; p++) {
        float32x4_t b[QUADS];
#pragma GCC unroll 4
        for (int j = 0; j < QUADS; j++) b[j] = load(at.b + 4 * j, cols - 4 * j);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            if (i == 3) __asm__ volatile("" ::: "memory");      /* elements loaded earlier would push sums out of registers */
            float x = i < 3 ? at.a[i * left.row] : a3[(i - 3) * left.row];
#pragma GCC unroll 4
            for (int j = 0; j < QUADS; j++) sum[i][j] = vfmaq_n_f32(sum[i][j], b[j], x);
        }
        at.a += left.step;
        a3 += left.step;
        at.b += g->b.step;
    }
    return at;
}

INLINE void tile_of(const Gemm *g, const int rows, int64_t cols)
{
    float32x4_t sum[ROWS][QUADS];
    Steps at = { g->a.data, g->b.data };
    const float *ahead = g->ahead;
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
        for (int j = 0; j < QUADS; j++) sum[i][j] = vdupq_n_f32(0);
        __builtin_prefetch(g->c + i * g->c_stride, 1);
    }
    int64_t every = ahead ? g->ahead_every : g->k;
    for (int64_t left = g->k; left > 0; left -= every) {
#pragma GCC unroll 6
        for (int i = 0; ahead && i < rows; i++) __builtin_prefetch(ahead + i * g->a.row, 0, 2);
        if (ahead) ahead += LINE;
        at = steps(g, g->a, at, left < every ? left : every, sum, rows, cols);
    }
    if (g->k_tail) steps(g, g->a_tail, (Steps){ g->a_tail.data, at.b }, g->k_tail, sum, rows, cols);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < QUADS; j++) put(g->c + i * g->c_stride + 4 * j, cols - 4 * j, sum[i][j], g->alpha, g->beta);
}

static void tile(const Gemm *g)
{
    bool whole = g->n == COLS;
    if (whole && g->m == 6) tile_of(g, 6, COLS);
    else if (whole && g->m == 5) tile_of(g, 5, COLS);
    else if (whole && g->m == 4) tile_of(g, 4, COLS);
    else if (whole && g->m == 3) tile_of(g, 3, COLS);
    else if (whole && g->m == 2) tile_of(g, 2, COLS);
    else if (whole) tile_of(g, 1, COLS);
    else if (g->m == 6) tile_of(g, 6, g->n);
    else if (g->m == 5) tile_of(g, 5, g->n);
    else if (g->m == 4) tile_of(g, 4, g->n);
    else if (g->m == 3) tile_of(g, 3, g->n);
    else if (g->m == 2) tile_of(g, 2, g->n);
    else tile_of(g, 1, g->n);
}

/* Four floats of four lines: rows to columns. */
INLINE void four_by_four(const float *x, int64_t stride, float *to)
{
    float32x4x2_t even = vtrnq_f32(vld1q_f32(x), vld1q_f32(x + stride)), odd = vtrnq_f32(vld1q_f32(x + 2 * stride), vld1q_f32(x + 3 * stride));
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        vst1q_f32(to + i * COLS, vcombine_f32(vget_low_f32(even.val[i]), vget_low_f32(odd.val[i])));
        vst1q_f32(to + (i + 2) * COLS, vcombine_f32(vget_high_f32(even.val[i]), vget_high_f32(odd.val[i])));
    }
}

/* Lines [i, end) from step p on, where four by four do not fit. */
static void rest(const GemmLines *l, int64_t i, int64_t end, int64_t p)
{
    for (; p < l->k; p++)
        for (int64_t line = i; line < end; line++) l->to[p * COLS + line] = l->x[line * l->stride + p];
}

static void lines(const GemmLines *l)
{
    int64_t n = l->n / 4 * 4, k = l->k / 4 * 4;
    for (int64_t i = 0; i < n; i += 4)
        for (int64_t p = 0; p < k; p += 4) four_by_four(l->x + i * l->stride + p, l->stride, l->to + p * COLS + i);
    rest(l, 0, n, k);
    rest(l, n, l->n, 0);
}

const GemmKernels gemm_neon = { .rows = ROWS, .cols = COLS, .width = 48, .tile = tile, .lines = lines };
#else
const GemmKernels gemm_neon = {0};
#endif
