#include "tests/kernels/cpu/emulated.h"

#if defined(__x86_64__)
extern const GemmKernels emulated_gemm_avx512;
extern const TileKernels emulated_tiles_amx;

static bool always(void) { return true; }

const Emulated emulated[] = {
    { "emulated avx512", { always, &emulated_gemm_avx512, NULL, &peak_baseline } },
    { "emulated amx", { always, &emulated_gemm_avx512, &emulated_tiles_amx, &peak_baseline } },
};
const int n_emulated = sizeof emulated / sizeof *emulated;
#else
const Emulated emulated[1];
const int n_emulated = 0;
#endif
