#include "kernels/cpu/peak.h"

#if defined(__aarch64__)
#include <arm_neon.h>

enum { LANES = 4, REGISTERS = 24 };      /* four units, each with a result after four cycles, take 16 */

static float run(int64_t rounds)
{
    float32x4_t sum[REGISTERS], x = vdupq_n_f32(0.5f);
#pragma GCC unroll 24
    for (int i = 0; i < REGISTERS; i++) sum[i] = vdupq_n_f32((float)i);
    for (int64_t r = 0; r < rounds; r++)
#pragma GCC unroll 24
        for (int i = 0; i < REGISTERS; i++) sum[i] = vfmaq_f32(sum[i], x, x);
#pragma GCC unroll 24
    for (int i = 1; i < REGISTERS; i++) sum[0] = vaddq_f32(sum[0], sum[i]);
    return vaddvq_f32(sum[0]);
}

const PeakRounds peak_neon = { run, 2.0 * LANES * REGISTERS };
#else
const PeakRounds peak_neon = {0};
#endif
