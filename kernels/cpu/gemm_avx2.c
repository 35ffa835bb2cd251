/* The tile of 6 x 16 in twelve registers of eight floats, two for B and two for broadcasts of A; lines of 8 x 8 floats transposed. */
#include "kernels/cpu/gemm.h"

#if defined(__AVX2__)
#include <immintrin.h>
#include <stdbool.h>

enum { ROWS = 6, COLS = 16, LINE = 16 };          /* of a tile; floats of a cache line */

#define INLINE static inline __attribute__((always_inline))

/* The first n of eight lanes. */
INLINE __m256i first_lanes(int64_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE void put(float *c, __m256 sum, __m256 alpha, float beta, bool whole, __m256i mask)
{
    sum = _mm256_mul_ps(sum, alpha);
    if (beta != 0) sum = _mm256_fmadd_ps(_mm256_set1_ps(beta), whole ? _mm256_loadu_ps(c) : _mm256_maskload_ps(c, mask), sum);
    if (whole) _mm256_storeu_ps(c, sum);
    else _mm256_maskstore_ps(c, mask, sum);
}

/* Where the next step of K lies. */
typedef struct { const float *a, *b; } Steps;

/* Adds the products of steps [p, end); `rows` and `whole` (16 columns) are constants where these are called. */
INLINE Steps steps(const Gemm *g, GemmLeft left, Steps at, int64_t n, __m256 sum[ROWS][2], const int rows, const bool whole)
{
    __m256i low = first_lanes(g->n), high = first_lanes(g->n - 8);
    const float *a3 = at.a + 3 * left.row;
    for (int64_t p = 0; p < n; p++) {
        __m256 b0 = whole ? _mm256_loadu_ps(at.b) : _mm256_maskload_ps(at.b, low);
        __m256 b1 = whole ? _mm256_loadu_ps(at.b + 8) : _mm256_maskload_ps(at.b + 8, high);
#pragma GCC unroll 6
        for (int i = 0; i < rows; i++) {
            __m256 x = _mm256_broadcast_ss(i < 3 ? at.a + i * left.row : a3 + (i - 3) * left.row);
            sum[i][0] = _mm256_fmadd_ps(x, b0, sum[i][0]);
            sum[i][1] = _mm256_fmadd_ps(x, b1, sum[i][1]);
        }
        at.a += left.step;
        a3 += left.step;
        at.b += g->b.step;
    }
    return at;
}

INLINE void tile_of(const Gemm *g, const int rows, const bool whole)
{
    __m256 sum[ROWS][2];
    __m256i low = first_lanes(g->n), high = first_lanes(g->n - 8);
    Steps at = { g->a.data, g->b.data };
    const float *ahead = g->ahead;
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        sum[i][0] = sum[i][1] = _mm256_setzero_ps();
        _mm_prefetch((const char *)(g->c + i * g->c_stride), _MM_HINT_T0);
    }
    int64_t every = ahead ? g->ahead_every : g->k;
    for (int64_t left = g->k; left > 0; left -= every) {
#pragma GCC unroll 6
        for (int i = 0; ahead && i < rows; i++) _mm_prefetch((const char *)(ahead + i * g->a.row), _MM_HINT_T1);
        if (ahead) ahead += LINE;
        at = steps(g, g->a, at, left < every ? left : every, sum, rows, whole);
    }
    if (g->k_tail) steps(g, g->a_tail, (Steps){ g->a_tail.data, at.b }, g->k_tail, sum, rows, whole);
    __m256 alpha = _mm256_set1_ps(g->alpha);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
        put(g->c + i * g->c_stride, sum[i][0], alpha, g->beta, whole, low);
        put(g->c + i * g->c_stride + 8, sum[i][1], alpha, g->beta, whole, high);
    }
}

static void tile(const Gemm *g)
{
    bool whole = g->n == COLS;
    if (whole && g->m == 6) tile_of(g, 6, true);
    else if (whole && g->m == 5) tile_of(g, 5, true);
    else if (whole && g->m == 4) tile_of(g, 4, true);
    else if (whole && g->m == 3) tile_of(g, 3, true);
    else if (whole && g->m == 2) tile_of(g, 2, true);
    else if (whole) tile_of(g, 1, true);
    else if (g->m == 6) tile_of(g, 6, false);
    else if (g->m == 5) tile_of(g, 5, false);
    else if (g->m == 4) tile_of(g, 4, false);
    else if (g->m == 3) tile_of(g, 3, false);
    else if (g->m == 2) tile_of(g, 2, false);
    else tile_of(g, 1, false);
}

/* Rows to columns of 8 x 8. */
INLINE void transpose(__m256 r[8])
{
    __m256 t[8], u[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
        u[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(u[i], u[i + 4], 0x31);
    }
}

/* Up to eight lines, eight floats of each at a time. Only the lanes that exist are written. */
static void eight_lines(const GemmLines *l, int64_t n, const float *x, float *to)
{
    __m256i lanes = first_lanes(n);
    for (int64_t p = 0; p < l->k; p += 8) {
        int64_t here = l->k - p < 8 ? l->k - p : 8;
        __m256 r[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            const float *from = x + (i < n ? i : 0) * l->stride + p;
            r[i] = here == 8 ? _mm256_loadu_ps(from) : _mm256_maskload_ps(from, first_lanes(here));
        }
        transpose(r);
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            if (i >= here) break;
            if (n == 8) _mm256_storeu_ps(to + (p + i) * COLS, r[i]);
            else _mm256_maskstore_ps(to + (p + i) * COLS, lanes, r[i]);
        }
    }
}

static void lines(const GemmLines *l)
{
    for (int64_t i = 0; i < l->n; i += 8) eight_lines(l, l->n - i < 8 ? l->n - i : 8, l->x + i * l->stride, l->to + i);
}

const GemmKernels gemm_avx2 = { .rows = ROWS, .cols = COLS, .width = 48, .tile = tile, .lines = lines };
#else
const GemmKernels gemm_avx2 = {0};
#endif
