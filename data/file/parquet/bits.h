/* Numbers packed into bits: the two forms that Parquet's levels, dictionary indices and integer deltas are made of.
 * Source: apache/parquet-format, Encodings.md. */
#ifndef DATA_FILE_PARQUET_BITS_H
#define DATA_FILE_PARQUET_BITS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/status.h"

/* `width` (0..64) bits from bit `at` on, least significant first; bits behind the end are 0. */
uint64_t bits_get(const uint8_t *bytes, size_t n, size_t at, int width);

/* RLE / bit-packing hybrid, run by run: a value that repeats, or packed values. */
typedef struct { const uint8_t *bytes; size_t n, at; int width; } Hybrid;
typedef struct { int64_t n; bool repeats; uint32_t value; const uint8_t *packed; size_t packed_bytes; int width; } HybridRun;

Status hybrid_next(Hybrid *, int64_t wanted, HybridRun *);      /* at least one value and at most `wanted` (>= 1); STATUS_INPUT when the bytes end */

static inline uint32_t hybrid_value(const HybridRun *run, int64_t i)
{
    return run->repeats ? run->value : (uint32_t)bits_get(run->packed, run->packed_bytes, (size_t)i * (size_t)run->width, run->width);
}

/* DELTA_BINARY_PACKED: `n` integers from the start of `bytes`, which say how many they are; *used: the bytes they took. */
Status delta_get(const uint8_t *bytes, size_t n_bytes, int64_t n, int64_t *out, size_t *used);

#endif
