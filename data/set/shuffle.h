/* shuffle_dataset: the order that datasets' `Dataset.shuffle(seed)` gives, which is numpy's default_rng(seed).permutation(n).
 *
 * numpy hashes the seed into 256 bits (SeedSequence, after O'Neill's seed_seq_fe), starts PCG64 XSL-RR with them (O'Neill,
 * "PCG", 2014), and shuffles from the end. TRL shuffles before packing, and again at the end with the same seed. */
#ifndef DATA_SET_SHUFFLE_H
#define DATA_SET_SHUFFLE_H
#include <stdint.h>

#include "data/set/examples.h"

void shuffle_order(uint64_t seed, int64_t n, int64_t *order);      /* a permutation of 0 … n - 1; n below 2^32 */
void shuffle_examples(Examples *, uint64_t seed);

#endif
