/* Dropout on one element, wherever a kernel meets it: a mask is made again and never stored. */
#ifndef KERNELS_CUDA_DROPPED_CUH
#define KERNELS_CUDA_DROPPED_CUH
#include "kernels/cuda/launch.cuh"

/* philox_word without an array that is indexed: such a one would lie in memory. */
DEVICE uint32_t word_of(PhiloxKey key, uint64_t element)
{
    uint32_t word[4];
    philox_block(key, (uint32_t)(element >> 2), word);
    uint32_t low = element & 1 ? word[1] : word[0], high = element & 1 ? word[3] : word[2];
    return element & 2 ? high : low;
}

/* What dropout leaves of x, element number `element` of its site. */
DEVICE float dropped(Dropout drop, uint64_t element, float x)
{
    return philox_unit(word_of(drop.key, element)) < drop.p ? 0.0f : x * (1.0f / (1.0f - drop.p));
}

#endif
