/* kernels/cpu/tiles_amx.c on any x86-64. */
#if defined(__x86_64__)
#include "tests/kernels/cpu/emulated_amx.h"
#include "tests/kernels/cpu/emulated_avx512.h"

#define tiles_amx emulated_tiles_amx
#include "kernels/cpu/tiles_amx.c"
#endif
