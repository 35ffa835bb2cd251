/* Tiles of AMX-BF16; splitting and packing by AVX-512. Instructions after Intel's manual: TDPBF16PS reads subnormals as zero and rounds
 * each sum to nearest. A thread's tiles are configured at the start of a task and released at its end, since a thread that has
 * them costs more to switch. */
#include "kernels/cpu/tiles.h"

#if defined(__AMX_BF16__)
#include <immintrin.h>

#include "kernels/cpu/transpose_avx512.h"

enum { LANES = 16, TILE_BYTES = 64 };      /* dwords of a register; a row of a tile */

/* Eight tiles of sixteen rows of 64 bytes. Static: gcc 12's intrinsic tells the compiler that it reads eight bytes of it. */
static const struct { uint8_t palette, start_row, reserved[14]; uint16_t row_bytes[16]; uint8_t rows[16]; } config = {
    .palette = 1,
    .row_bytes = { TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES, TILE_BYTES },
    .rows = { TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES, TILE_LINES },
};

static void begin(void) { _tile_loadconfig(&config); }
static void end(void) { _tile_release(); }

#define INLINE static inline __attribute__((always_inline))

INLINE __mmask16 first_lanes(int64_t n) { return (__mmask16)(n >= LANES ? 0xFFFF : n > 0 ? (1 << n) - 1 : 0); }
INLINE __mmask32 first_halves(int64_t n) { return n >= 2 * LANES ? UINT32_MAX : n > 0 ? (UINT32_C(1) << n) - 1 : 0; }

/* The upper half of each float. */
INLINE void store_upper(uint16_t *to, __m512i bits) { _mm512_mask_cvtepi32_storeu_epi16(to, 0xFFFF, _mm512_srli_epi32(bits, 16)); }

/* Sixteen floats as three terms: the upper eight bits of each, of what is left, and the rest, all exact. */
INLINE void store_three_terms(uint16_t *to, __m512 x)
{
    const __m512i upper = _mm512_set1_epi32((int)0xFFFF0000);
#pragma GCC unroll 3
    for (int t = 0; t < TILE_MOST_TERMS; t++) {
        __m512i bits = _mm512_and_si512(_mm512_castps_si512(x), upper);
        store_upper(to + t * 2 * TILE_HALVES, bits);
        x = _mm512_sub_ps(x, _mm512_castsi512_ps(bits));
    }
}

/* Rounded to nearest, ties to even; a NaN stays one. */
INLINE void store_rounded(uint16_t *to, __m512 x)
{
    __m512i bits = _mm512_castps_si512(x), odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    store_upper(to, _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000)));
}

static void split(const TileSplit *s)
{
    int64_t whole_tiles = (s->k + TILE_STEPS - 1) / TILE_STEPS * TILE_STEPS;
    for (int64_t p = 0; p < whole_tiles; p += LANES) {
        uint16_t *to = s->to + p / TILE_STEPS * s->terms * 2 * TILE_HALVES + p % TILE_STEPS;
        for (int64_t i = 0; i < TILE_BLOCK; i++, to += TILE_STEPS) {
            __m512 x = _mm512_maskz_loadu_ps(i < s->m ? first_lanes(s->k - p) : 0, s->a.data + (i < s->m ? i : 0) * s->a.stride + p);
            if (s->terms == 1) store_rounded(to, x);
            else store_three_terms(to, x);
        }
    }
}

/* Columns that lie as lines: a tile is sixteen lines of sixteen pairs, transposed. */
static void pack_lines(const TilePack *t, int64_t column, int64_t step, uint16_t *to)
{
    __m512 r[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        bool there = column + i < t->n;
        r[i] = _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(there ? first_halves(t->k - step) : 0, t->b + (there ? column + i : 0) * t->stride + step));
    }
    transpose_16(r);
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) _mm512_storeu_ps(to + i * TILE_STEPS, r[i]);
}

/* Two steps of 32 columns: word j of the first beside word j of the second. */
static void pack_pair(const TilePack *t, int64_t step, uint16_t *to)
{
    static const uint16_t beside[2][2 * LANES] = {
        { 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42, 11, 43, 12, 44, 13, 45, 14, 46, 15, 47 },
        { 16, 48, 17, 49, 18, 50, 19, 51, 20, 52, 21, 53, 22, 54, 23, 55, 24, 56, 25, 57, 26, 58, 27, 59, 28, 60, 29, 61, 30, 62, 31, 63 },
    };
    __mmask32 columns = first_halves(t->n);
    int64_t first = step < t->k ? step : 0, second = step + 1 < t->k ? step + 1 : 0;
    __m512i a = _mm512_maskz_loadu_epi16(step < t->k ? columns : 0, t->b + first * t->stride);
    __m512i b = _mm512_maskz_loadu_epi16(step + 1 < t->k ? columns : 0, t->b + second * t->stride);
    _mm512_storeu_si512(to, _mm512_permutex2var_epi16(a, _mm512_loadu_si512(beside[0]), b));
    _mm512_storeu_si512(to + TILE_HALVES, _mm512_permutex2var_epi16(a, _mm512_loadu_si512(beside[1]), b));
}

static void pack(const TilePack *t)
{
    uint16_t *to = t->to;
    for (int64_t step = 0; step < t->k; step += TILE_STEPS, to += 2 * TILE_HALVES) {
        if (t->lines) {
            pack_lines(t, 0, step, to);
            pack_lines(t, TILE_LINES, step, to + TILE_HALVES);
        } else {
            for (int64_t pair = 0; pair < TILE_STEPS / 2; pair++) pack_pair(t, step + 2 * pair, to + pair * TILE_STEPS);
        }
    }
}

/* Tiles 0 to 3 are sums, 4 and 5 of B, 6 and 7 of A. A is read with the hint that it will not be read again soon: else its terms would
 * drive B's panel out of L1. The intrinsics do not tell the compiler that they read memory: what they read was written in other functions. */
static void sums(const TileSums *t)
{
    float *c = t->c, *c_low = c + TILE_LINES * t->c_stride;
    int64_t c_bytes = t->c_stride * (int64_t)sizeof *c;
    const uint16_t *a = t->a, *b = t->b;
    if (t->add) {
        _tile_loadd(0, c, c_bytes);
        _tile_loadd(1, c + TILE_LINES, c_bytes);
        _tile_loadd(2, c_low, c_bytes);
        _tile_loadd(3, c_low + TILE_LINES, c_bytes);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t step = 0; step < t->steps; step++, b += 2 * TILE_HALVES) {
        _tile_loadd(4, b, TILE_BYTES);
        _tile_loadd(5, b + TILE_HALVES, TILE_BYTES);
        for (int term = 0; term < t->terms; term++, a += 2 * TILE_HALVES) {
            _tile_stream_loadd(6, a, TILE_BYTES);
            _tile_stream_loadd(7, a + TILE_HALVES, TILE_BYTES);
            _tile_dpbf16ps(0, 6, 4);
            _tile_dpbf16ps(1, 6, 5);
            _tile_dpbf16ps(2, 7, 4);
            _tile_dpbf16ps(3, 7, 5);
        }
    }
    _tile_stored(0, c, c_bytes);
    _tile_stored(1, c + TILE_LINES, c_bytes);
    _tile_stored(2, c_low, c_bytes);
    _tile_stored(3, c_low + TILE_LINES, c_bytes);
}

const TileKernels tiles_amx = { begin, end, split, pack, sums };
#else
const TileKernels tiles_amx = {0};
#endif
