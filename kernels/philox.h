/* Randomness inside a training step: a pure function of where a number is used, so that recomputing a layer, resuming a run
 * or changing the number of threads cannot change it, and a mask is made again instead of stored.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) maps a 64-bit key and a 128-bit
 * counter to 128 bits. Here the seed is the key, and the counter is (element / 4, site, micro-batch, step): every place has
 * its own block, four elements share one. Header only: CPU and CUDA kernels make the same bits from the same text.
 *
 * `site` numbers the places of a model that draw (a dropout of one linear, the noise on embeddings, sampling a token). */
#ifndef KERNELS_PHILOX_H
#define KERNELS_PHILOX_H
#include <stdint.h>

#ifdef __CUDACC__
#define PHILOX_FUNCTION static __host__ __device__ inline
#else
#define PHILOX_FUNCTION static inline
#endif

typedef struct { uint64_t seed; uint32_t step, micro_batch, site; } PhiloxKey;

/* One counter to four words. */
PHILOX_FUNCTION void philox_words(uint64_t key, const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* The words of elements 4 * block to 4 * block + 3. */
PHILOX_FUNCTION void philox_block(PhiloxKey key, uint32_t block, uint32_t out[4])
{
    const uint32_t counter[4] = { block, key.site, key.micro_batch, key.step };
    philox_words(key.seed, counter, out);
}

/* 24 of a word's bits as a float in [0, 1). */
PHILOX_FUNCTION float philox_unit(uint32_t word) { return (float)(word >> 8) * (1.0f / 16777216.0f); }

/* One element's word; `element` below 2^34. A loop over elements should take whole blocks. */
PHILOX_FUNCTION uint32_t philox_word(PhiloxKey key, uint64_t element)
{
    uint32_t out[4];
    philox_block(key, (uint32_t)(element >> 2), out);
    return out[element & 3];
}

/* The words of `n` elements from `first` on. */
PHILOX_FUNCTION void philox_fill(PhiloxKey key, uint64_t first, int64_t n, uint32_t *out)
{
    for (int64_t i = 0; i < n;) {
        uint32_t words[4];
        philox_block(key, (uint32_t)((first + (uint64_t)i) >> 2), words);
        for (uint64_t k = (first + (uint64_t)i) & 3; k < 4 && i < n; k++) out[i++] = words[k];
    }
}

#endif
