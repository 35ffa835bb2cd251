/* Sums and maxima over a warp: every lane gets the result, always in the same order. */
#ifndef KERNELS_CUDA_REDUCE_CUH
#define KERNELS_CUDA_REDUCE_CUH
#include "kernels/cuda/dev.h"

DEVICE float warp_sum(float x)
{
    for (int apart = WARP / 2; apart; apart /= 2) x += __shfl_xor_sync(FULL_WARP, x, apart);
    return x;
}

DEVICE float warp_max(float x)
{
    for (int apart = WARP / 2; apart; apart /= 2) x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, apart));
    return x;
}

#endif
