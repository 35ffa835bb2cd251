/* The tile of 12 x 32 in 24 registers of sixteen floats, two for B, and broadcasts of A from memory; lines of 16 x 16 floats
 * transposed. Borders are masks, which cost nothing, except that up to sixteen columns have tiles of one register a row. */
#include "kernels/cpu/gemm.h"

#if defined(__AVX512F__)
#include <immintrin.h>

#include "kernels/cpu/transpose_avx512.h"

enum { ROWS = 12, LANES = 16, COLS = 2 * LANES, LINE = 16 };      /* LINE: floats of a cache line */

#define INLINE static inline __attribute__((always_inline))

INLINE __mmask16 first_lanes(int64_t n) { return (__mmask16)(n >= LANES ? 0xFFFF : n > 0 ? (1 << n) - 1 : 0); }

INLINE void put(float *c, __m512 sum, __m512 alpha, float beta, __mmask16 mask)
{
    sum = _mm512_mul_ps(sum, alpha);
    if (beta != 0) sum = _mm512_fmadd_ps(_mm512_set1_ps(beta), _mm512_maskz_loadu_ps(mask, c), sum);
    _mm512_mask_storeu_ps(c, mask, sum);
}

/* Where the next step of K lies. */
typedef struct { const float *a, *b; } Steps;

/* Adds the products of n steps; `rows` and `wide`, registers of a row, are constants where these are called. Three rows lie within
 * what an address can say. */
INLINE Steps steps(const Gemm *g, GemmLeft left, Steps at, int64_t n, __m512 sum[ROWS][2], const int rows, const int wide)
{
    __mmask16 low = first_lanes(g->n), high = first_lanes(g->n - LANES);
    const float *a[ROWS / 3];
#pragma GCC unroll 4
    for (int i = 0; i < ROWS / 3; i++) a[i] = at.a + 3 * i * left.row;
    for (int64_t p = 0; p < n; p++) {
        __m512 b0 = _mm512_maskz_loadu_ps(low, at.b), b1 = wide > 1 ? _mm512_maskz_loadu_ps(high, at.b + LANES) : b0;
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            __m512 x = _mm512_set1_ps(a[i / 3][i % 3 * left.row + p * left.step]);
            sum[i][0] = _mm512_fmadd_ps(x, b0, sum[i][0]);
            if (wide > 1) sum[i][1] = _mm512_fmadd_ps(x, b1, sum[i][1]);
        }
        at.b += g->b.step;
    }
    at.a += n * left.step;
    return at;
}

INLINE void tile_of(const Gemm *g, const int rows, const int wide)
{
    __m512 sum[ROWS][2];
    Steps at = { g->a.data, g->b.data };
    const float *ahead = g->ahead;
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        sum[i][0] = sum[i][1] = _mm512_setzero_ps();
        _mm_prefetch((const char *)(g->c + i * g->c_stride), _MM_HINT_T0);
    }
    int64_t every = ahead ? g->ahead_every : g->k;
    for (int64_t left = g->k; left > 0; left -= every) {
#pragma GCC unroll 12
        for (int i = 0; ahead && i < rows; i++) _mm_prefetch((const char *)(ahead + i * g->a.row), _MM_HINT_T1);
        if (ahead) ahead += LINE;
        at = steps(g, g->a, at, left < every ? left : every, sum, rows, wide);
    }
    if (g->k_tail) steps(g, g->a_tail, (Steps){ g->a_tail.data, at.b }, g->k_tail, sum, rows, wide);
    __m512 alpha = _mm512_set1_ps(g->alpha);
    __mmask16 low = first_lanes(g->n), high = first_lanes(g->n - LANES);
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        put(g->c + i * g->c_stride, sum[i][0], alpha, g->beta, low);
        if (wide > 1) put(g->c + i * g->c_stride + LANES, sum[i][1], alpha, g->beta, high);
    }
}

#define ROW_CASES(wide)                                                                                        \
    switch (g->m) {                                                                                            \
    case 1: tile_of(g, 1, wide); break;                                                                        \
    case 2: tile_of(g, 2, wide); break;                                                                        \
    case 3: tile_of(g, 3, wide); break;                                                                        \
    case 4: tile_of(g, 4, wide); break;                                                                        \
    case 5: tile_of(g, 5, wide); break;                                                                        \
    case 6: tile_of(g, 6, wide); break;                                                                        \
    case 7: tile_of(g, 7, wide); break;                                                                        \
    case 8: tile_of(g, 8, wide); break;                                                                        \
    case 9: tile_of(g, 9, wide); break;                                                                        \
    case 10: tile_of(g, 10, wide); break;                                                                      \
    case 11: tile_of(g, 11, wide); break;                                                                      \
    default: tile_of(g, ROWS, wide);                                                                           \
    }

static void narrow_tile(const Gemm *g) { ROW_CASES(1) }
static void wide_tile(const Gemm *g) { ROW_CASES(2) }

static void tile(const Gemm *g)
{
    if (g->n > LANES) wide_tile(g);
    else narrow_tile(g);
}

/* Up to sixteen lines, sixteen floats of each at a time. Only the lanes that exist are written. */
static void sixteen_lines(const GemmLines *l, int64_t n, const float *x, float *to)
{
    for (int64_t p = 0; p < l->k; p += LANES) {
        int64_t here = l->k - p < LANES ? l->k - p : LANES;
        __m512 r[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) r[i] = _mm512_maskz_loadu_ps(first_lanes(here), x + (i < n ? i : 0) * l->stride + p);
        transpose_16(r);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            if (i < here) _mm512_mask_storeu_ps(to + (p + i) * COLS, first_lanes(n), r[i]);
    }
}

static void lines(const GemmLines *l)
{
    for (int64_t i = 0; i < l->n; i += LANES) sixteen_lines(l, l->n - i < LANES ? l->n - i : LANES, l->x + i * l->stride, l->to + i);
}

const GemmKernels gemm_avx512 = { .rows = ROWS, .cols = COLS, .width = 64, .tile = tile, .lines = lines };
#else
const GemmKernels gemm_avx512 = {0};
#endif
