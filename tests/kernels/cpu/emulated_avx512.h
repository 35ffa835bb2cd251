/* The AVX-512 intrinsics that kernels/cpu uses, lane by lane, so that its sources run on any x86-64: included before them, it takes the
 * names. After Intel's intrinsics guide. Lanes that a mask leaves out are neither read nor written. */
#ifndef TESTS_KERNELS_CPU_EMULATED_AVX512_H
#define TESTS_KERNELS_CPU_EMULATED_AVX512_H
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { EMULATED_LANES = 16 };
typedef struct { float f[EMULATED_LANES]; } EmulatedFloats;
typedef struct { uint32_t u[EMULATED_LANES]; } EmulatedInts;
typedef struct { uint16_t u[EMULATED_LANES]; } EmulatedHalves;

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

EMULATED EmulatedFloats emulated_fmadd_ps(EmulatedFloats a, EmulatedFloats b, EmulatedFloats c)
{
    EACH_LANE(i) c.f[i] = fmaf(a.f[i], b.f[i], c.f[i]);
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

#define __m512 EmulatedFloats
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
