/* What the machine could do at most: multiply-adds that never leave the registers. */
#ifndef KERNELS_CPU_PEAK_H
#define KERNELS_CPU_PEAK_H
#include "kernels/backend.h"

double cpu_peak(const Backend *);

/* Rounds of independent multiply-adds on all vector registers of a core; what they come to keeps them alive. */
typedef struct { float (*run)(int64_t rounds); double flops; } PeakRounds;      /* flops: of a round */
extern const PeakRounds peak_avx2;                 /* needs x86-64-v3; run is NULL where there is none */
extern const PeakRounds peak_neon;                 /* every aarch64; NULL elsewhere */

#endif
