#include "kernels/hash.h"

#include <string.h>

uint64_t hash_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

uint64_t hash_add(uint64_t hash, const void *bytes, size_t n)
{
    uint64_t word;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, (const char *)bytes + i, 8);
        hash = hash_mix(hash, word);
    }
    word = 0;
    if (i < n) memcpy(&word, (const char *)bytes + i, n - i);
    return hash_mix(hash_mix(hash, word), n);
}
