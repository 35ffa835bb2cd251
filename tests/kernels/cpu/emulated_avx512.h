/* The AVX-512 intrinsics that kernels/cpu uses, lane by lane, so that its sources run on any x86-64: included before them, it takes the
 * names. After Intel's intrinsics guide. Lanes that a mask leaves out are neither read nor written. */
#ifndef TESTS_KERNELS_CPU_EMULATED_AVX512_H
#define TESTS_KERNELS_CPU_EMULATED_AVX512_H
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { EMULATED_LANES = 16 };
typedef struct { float f[EMULATED_LANES]; } EmulatedFloats;
typedef struct { uint32_t u[EMULATED_LANES]; } EmulatedInts;

#define EMULATED static __attribute__((unused, noinline))
#define EACH_LANE(i) for (int i = 0; i < EMULATED_LANES; i++)

/* --- floats */

EMULATED EmulatedFloats emulated_set1_ps(float x)
{
    EmulatedFloats r;
    EACH_LANE(i) r.f[i] = x;
    return r;
}

EMULATED EmulatedFloats emulated_setzero_ps(void) { return emulated_set1_ps(0); }

EMULATED EmulatedFloats emulated_maskz_loadu_ps(__mmask16 mask, const void *from)
{
    EmulatedFloats r;
    EACH_LANE(i) r.f[i] = mask >> i & 1 ? ((const float *)from)[i] : 0;
    return r;
}

EMULATED void emulated_mask_storeu_ps(void *to, __mmask16 mask, EmulatedFloats x)
{
    EACH_LANE(i) if (mask >> i & 1) ((float *)to)[i] = x.f[i];
}

/* In double: the product is exact, and rounding the sum twice instead of once shows in one of 2^29. */
EMULATED EmulatedFloats emulated_fmadd_ps(EmulatedFloats a, EmulatedFloats b, EmulatedFloats c)
{
    EACH_LANE(i) c.f[i] = (float)((double)a.f[i] * (double)b.f[i] + (double)c.f[i]);
    return c;
}

EMULATED EmulatedFloats emulated_mul_ps(EmulatedFloats a, EmulatedFloats b)
{
    EACH_LANE(i) a.f[i] *= b.f[i];
    return a;
}

/* Of every quarter: elements 0 and 1 of a and b in turn, or 2 and 3. */
EMULATED EmulatedFloats emulated_unpack_ps(EmulatedFloats a, EmulatedFloats b, int from)
{
    EmulatedFloats r;
    EACH_LANE(i) r.f[i] = (i & 1 ? b : a).f[(i & ~3) + from + (i >> 1 & 1)];
    return r;
}

/* Of every quarter: two elements of a, then two of b, chosen by two bits each. */
EMULATED EmulatedFloats emulated_shuffle_ps(EmulatedFloats a, EmulatedFloats b, int choice)
{
    EmulatedFloats r;
    EACH_LANE(i) r.f[i] = (i & 2 ? b : a).f[(i & ~3) + (choice >> 2 * (i & 3) & 3)];
    return r;
}

/* Two quarters of a, then two of b, chosen by two bits each. */
EMULATED EmulatedFloats emulated_shuffle_f32x4(EmulatedFloats a, EmulatedFloats b, int choice)
{
    EmulatedFloats r;
    EACH_LANE(i) r.f[i] = (i & 8 ? b : a).f[4 * (choice >> 2 * (i >> 2) & 3) + (i & 3)];
    return r;
}

EMULATED EmulatedFloats emulated_sub_ps(EmulatedFloats a, EmulatedFloats b)
{
    EACH_LANE(i) a.f[i] -= b.f[i];
    return a;
}

EMULATED void emulated_storeu_ps(void *to, EmulatedFloats x) { memcpy(to, &x, sizeof x); }

/* Unordered: one of both is a NaN. The only comparison that is used. */
EMULATED __mmask16 emulated_unordered_mask(EmulatedFloats a, EmulatedFloats b)
{
    __mmask16 mask = 0;
    EACH_LANE(i) if (isnan(a.f[i]) || isnan(b.f[i])) mask = (__mmask16)(mask | 1 << i);
    return mask;
}

/* --- integers */

EMULATED EmulatedInts emulated_castps_si512(EmulatedFloats x)
{
    EmulatedInts r;
    memcpy(&r, &x, sizeof r);
    return r;
}

EMULATED EmulatedFloats emulated_castsi512_ps(EmulatedInts x)
{
    EmulatedFloats r;
    memcpy(&r, &x, sizeof r);
    return r;
}

EMULATED EmulatedInts emulated_set1_epi32(int x)
{
    EmulatedInts r;
    EACH_LANE(i) r.u[i] = (uint32_t)x;
    return r;
}

EMULATED EmulatedInts emulated_loadu_si512(const void *from)
{
    EmulatedInts r;
    memcpy(&r, from, sizeof r);
    return r;
}

EMULATED void emulated_storeu_si512(void *to, EmulatedInts x) { memcpy(to, &x, sizeof x); }

EMULATED EmulatedInts emulated_and_si512(EmulatedInts a, EmulatedInts b)
{
    EACH_LANE(i) a.u[i] &= b.u[i];
    return a;
}

EMULATED EmulatedInts emulated_add_epi32(EmulatedInts a, EmulatedInts b)
{
    EACH_LANE(i) a.u[i] += b.u[i];
    return a;
}

EMULATED EmulatedInts emulated_srli_epi32(EmulatedInts a, unsigned n)
{
    EACH_LANE(i) a.u[i] >>= n;
    return a;
}

EMULATED EmulatedInts emulated_mask_or_epi32(EmulatedInts otherwise, __mmask16 mask, EmulatedInts a, EmulatedInts b)
{
    EACH_LANE(i) if (mask >> i & 1) otherwise.u[i] = a.u[i] | b.u[i];
    return otherwise;
}

EMULATED void emulated_mask_cvtepi32_storeu_epi16(void *to, __mmask16 mask, EmulatedInts x)
{
    EACH_LANE(i) if (mask >> i & 1) ((uint16_t *)to)[i] = (uint16_t)x.u[i];
}

/* --- halves: 32 words, two to an integer */

EMULATED EmulatedInts emulated_maskz_loadu_epi16(__mmask32 mask, const void *from)
{
    uint16_t word[2 * EMULATED_LANES];
    EmulatedInts r;
    for (int i = 0; i < 2 * EMULATED_LANES; i++) word[i] = mask >> i & 1 ? ((const uint16_t *)from)[i] : 0;
    memcpy(&r, word, sizeof r);
    return r;
}

/* Word i is the one that choice's word i names: below 32 of a, from 32 on of b. */
EMULATED EmulatedInts emulated_permutex2var_epi16(EmulatedInts a, EmulatedInts choice, EmulatedInts b)
{
    uint16_t word[2][2 * EMULATED_LANES], chosen[2 * EMULATED_LANES], which[2 * EMULATED_LANES];
    EmulatedInts r;
    memcpy(word[0], &a, sizeof a);
    memcpy(word[1], &b, sizeof b);
    memcpy(which, &choice, sizeof choice);
    for (int i = 0; i < 2 * EMULATED_LANES; i++) chosen[i] = word[which[i] >> 5 & 1][which[i] & 31];
    memcpy(&r, chosen, sizeof r);
    return r;
}

#define __m512 EmulatedFloats
#define __m512i EmulatedInts
#undef _mm512_sub_ps
#define _mm512_sub_ps emulated_sub_ps
#undef _mm512_storeu_ps
#define _mm512_storeu_ps emulated_storeu_ps
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask(a, b, how) ((how) == _CMP_UNORD_Q ? emulated_unordered_mask(a, b) : (abort(), (__mmask16)0))
#undef _mm512_castps_si512
#define _mm512_castps_si512 emulated_castps_si512
#undef _mm512_castsi512_ps
#define _mm512_castsi512_ps emulated_castsi512_ps
#undef _mm512_set1_epi32
#define _mm512_set1_epi32 emulated_set1_epi32
#undef _mm512_loadu_si512
#define _mm512_loadu_si512 emulated_loadu_si512
#undef _mm512_storeu_si512
#define _mm512_storeu_si512 emulated_storeu_si512
#undef _mm512_and_si512
#define _mm512_and_si512 emulated_and_si512
#undef _mm512_add_epi32
#define _mm512_add_epi32 emulated_add_epi32
#undef _mm512_srli_epi32
#define _mm512_srli_epi32 emulated_srli_epi32
#undef _mm512_mask_or_epi32
#define _mm512_mask_or_epi32 emulated_mask_or_epi32
#undef _mm512_mask_cvtepi32_storeu_epi16
#define _mm512_mask_cvtepi32_storeu_epi16 emulated_mask_cvtepi32_storeu_epi16
#undef _mm512_maskz_loadu_epi16
#define _mm512_maskz_loadu_epi16 emulated_maskz_loadu_epi16
#undef _mm512_permutex2var_epi16
#define _mm512_permutex2var_epi16 emulated_permutex2var_epi16
#undef _mm512_set1_ps
#define _mm512_set1_ps emulated_set1_ps
#undef _mm512_setzero_ps
#define _mm512_setzero_ps emulated_setzero_ps
#undef _mm512_maskz_loadu_ps
#define _mm512_maskz_loadu_ps emulated_maskz_loadu_ps
#undef _mm512_mask_storeu_ps
#define _mm512_mask_storeu_ps emulated_mask_storeu_ps
#undef _mm512_fmadd_ps
#define _mm512_fmadd_ps emulated_fmadd_ps
#undef _mm512_mul_ps
#define _mm512_mul_ps emulated_mul_ps
#undef _mm512_unpacklo_ps
#define _mm512_unpacklo_ps(a, b) emulated_unpack_ps(a, b, 0)
#undef _mm512_unpackhi_ps
#define _mm512_unpackhi_ps(a, b) emulated_unpack_ps(a, b, 2)
#undef _mm512_shuffle_ps
#define _mm512_shuffle_ps emulated_shuffle_ps
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4 emulated_shuffle_f32x4

#ifndef __AVX512F__
#define __AVX512F__ 1
#endif

#endif
