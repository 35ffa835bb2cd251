#include "tests/kernels/cpu/emulated.h"

#if defined(__x86_64__)
#include "tests/kernels/cpu/emulated_avx512.h"

#define gemm_avx512 emulated_gemm_avx512
#include "kernels/cpu/gemm_avx512.c"
#undef gemm_avx512

static bool always(void) { return true; }

const Emulated emulated[] = { { "emulated avx512", { .here = always, .gemm = &emulated_gemm_avx512 } } };
const int n_emulated = sizeof emulated / sizeof *emulated;
#else
const Emulated emulated[1];
const int n_emulated = 0;
#endif
