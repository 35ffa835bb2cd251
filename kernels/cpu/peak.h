/* What the machine could do at most by the instructions that the backend uses: multiply-adds that never leave the registers. */
#ifndef KERNELS_CPU_PEAK_H
#define KERNELS_CPU_PEAK_H
#include "kernels/backend.h"

double cpu_peak(const Backend *);

/* Rounds of independent multiply-adds on all vector registers of a core; what they come to keeps them alive. */
typedef struct { float (*run)(int64_t rounds); double flops; } PeakRounds;      /* flops: of a round */
extern const PeakRounds peak_baseline;
extern const PeakRounds peak_avx2;                 /* needs x86-64-v3; run is NULL where there is none, */
extern const PeakRounds peak_avx512;               /* x86-64-v4 */
extern const PeakRounds peak_amx;                  /* AMX-BF16: of bfloat16, summed in float32 */
extern const PeakRounds peak_neon;                 /* every aarch64 */

#endif
