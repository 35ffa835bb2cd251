#include "kernels/cpu/decode.h"

/* What decode_avx2.c is compiled for, x86-64-v3. F16C, which clang cannot ask for, is older than AVX2. */
int decode_has_avx2(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
    return 0;
#endif
}

DtypeDecode *decode_for(Dtype dtype)
{
    return decode_avx2[dtype] && decode_has_avx2() ? decode_avx2[dtype] : dtype_rows[dtype].decode;
}
