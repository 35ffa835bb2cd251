/* kernels/cpu/gemm_avx512.c on any x86-64. */
#if defined(__x86_64__)
#include "tests/kernels/cpu/emulated_avx512.h"

#define gemm_avx512 emulated_gemm_avx512
#include "kernels/cpu/gemm_avx512.c"
#endif
