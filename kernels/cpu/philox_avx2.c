/* philox.h's words, four blocks a vector: each of a block's four numbers has a lane of 64 bits, since what the rounds do is
 * multiply 32 bits by 32. The high half of a lane is garbage that neither the product nor the low half of an exclusive or
 * sees. */
#if defined(__x86_64__)
#include "kernels/cpu/cpu.h"

#include <immintrin.h>

enum { BLOCKS = 4, WORDS = 4 * BLOCKS, MOST = 4 };      /* of a vector; vectors at a time, whose rounds overlap */

static inline __attribute__((always_inline)) void vectors(PhiloxKey key, uint32_t block, int n, uint32_t *out)
{
    __m256i c0[MOST], c1[MOST], c2[MOST], c3[MOST];
    for (int v = 0; v < n; v++) {
        uint32_t b = block + (uint32_t)(v * BLOCKS);
        c0[v] = _mm256_set_epi64x(b + 3, b + 2, b + 1, b);
        c1[v] = _mm256_set1_epi64x(key.site);
        c2[v] = _mm256_set1_epi64x(key.micro_batch);
        c3[v] = _mm256_set1_epi64x(key.step);
    }
    uint32_t k0 = (uint32_t)key.seed, k1 = (uint32_t)(key.seed >> 32);
    for (int round = 0; round < 10; round++) {
        for (int v = 0; v < n; v++) {
            __m256i p0 = _mm256_mul_epu32(c0[v], _mm256_set1_epi64x(0xD2511F53)), p1 = _mm256_mul_epu32(c2[v], _mm256_set1_epi64x(0xCD9E8D57));
            c0[v] = _mm256_xor_si256(_mm256_srli_epi64(p1, 32), _mm256_xor_si256(c1[v], _mm256_set1_epi64x(k0)));
            c2[v] = _mm256_xor_si256(_mm256_srli_epi64(p0, 32), _mm256_xor_si256(c3[v], _mm256_set1_epi64x(k1)));
            c1[v] = p1;
            c3[v] = p0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int v = 0; v < n; v++) {
        __m256i low = _mm256_set1_epi64x(0xFFFFFFFF);
        __m256i ab = _mm256_or_si256(_mm256_and_si256(c0[v], low), _mm256_slli_epi64(c1[v], 32));
        __m256i cd = _mm256_or_si256(_mm256_and_si256(c2[v], low), _mm256_slli_epi64(c3[v], 32));
        __m256i even = _mm256_unpacklo_epi64(ab, cd), odd = _mm256_unpackhi_epi64(ab, cd);      /* blocks 0, 2 and 1, 3 */
        _mm256_storeu_si256((__m256i *)(out + v * WORDS), _mm256_permute2x128_si256(even, odd, 0x20));
        _mm256_storeu_si256((__m256i *)(out + v * WORDS + 8), _mm256_permute2x128_si256(even, odd, 0x31));
    }
}

void cpu_words_avx2(PhiloxKey key, uint64_t first, int64_t n, uint32_t *out)
{
    int64_t i = (int64_t)(-first & 3) < n ? (int64_t)(-first & 3) : n;      /* to the first whole block */
    philox_fill(key, first, i, out);
    for (int64_t left; (left = (n - i) / WORDS) > 0; i += (left < MOST ? left : MOST) * WORDS) {
        uint32_t block = (uint32_t)((first + (uint64_t)i) >> 2);
        if (left >= MOST) vectors(key, block, MOST, out + i);
        else if (left == 3) vectors(key, block, 3, out + i);
        else if (left == 2) vectors(key, block, 2, out + i);
        else vectors(key, block, 1, out + i);
    }
    philox_fill(key, first + (uint64_t)i, n - i, out + i);
}
#endif
