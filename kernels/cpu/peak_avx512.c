#include "kernels/cpu/peak.h"

#if defined(__AVX512F__)
#include <immintrin.h>

enum { LANES = 16, REGISTERS = 12 };

static float run(int64_t rounds)
{
    __m512 sum[REGISTERS], x = _mm512_set1_ps(0.5f);
    for (int i = 0; i < REGISTERS; i++) sum[i] = _mm512_set1_ps((float)i);
    for (int64_t r = 0; r < rounds; r++)
#pragma GCC unroll 12
        for (int i = 0; i < REGISTERS; i++) sum[i] = _mm512_fmadd_ps(sum[i], x, x);
    for (int i = 1; i < REGISTERS; i++) sum[0] = _mm512_add_ps(sum[0], sum[i]);
    return _mm512_cvtss_f32(sum[0]);
}

const PeakRounds peak_avx512 = { run, 2.0 * LANES * REGISTERS };
#else
const PeakRounds peak_avx512 = {0};
#endif
