/* 64-bit hashes of bytes, the same on every machine: they find equal things and accidents (another file, a broken disk), not
 * attackers. */
#ifndef KERNELS_HASH_H
#define KERNELS_HASH_H
#include <stddef.h>
#include <stdint.h>

uint64_t hash_mix(uint64_t hash, uint64_t word);
uint64_t hash_add(uint64_t hash, const void *bytes, size_t n);       /* bytes and their number */

#endif
