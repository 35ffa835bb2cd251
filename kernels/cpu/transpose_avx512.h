/* Sixteen registers of sixteen floats: rows become columns. */
#ifndef KERNELS_CPU_TRANSPOSE_AVX512_H
#define KERNELS_CPU_TRANSPOSE_AVX512_H
#if defined(__AVX512F__)
#include <immintrin.h>

/* Pairs, then fours, then the four quarters of each register. */
static inline __attribute__((always_inline)) void transpose_16(__m512 r[16])
{
    __m512 t[16], u[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
        u[i] = _mm512_shuffle_ps(t[i], t[i + 2], 0x44);
        u[i + 1] = _mm512_shuffle_ps(t[i], t[i + 2], 0xee);
        u[i + 2] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        u[i + 3] = _mm512_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m512 even = _mm512_shuffle_f32x4(u[i], u[i + 4], 0x88), odd = _mm512_shuffle_f32x4(u[i], u[i + 4], 0xdd);
        __m512 even_low = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0x88), odd_low = _mm512_shuffle_f32x4(u[i + 8], u[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(even, even_low, 0x88);
        r[i + 4] = _mm512_shuffle_f32x4(odd, odd_low, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(even, even_low, 0xdd);
        r[i + 12] = _mm512_shuffle_f32x4(odd, odd_low, 0xdd);
    }
}

#endif
#endif
