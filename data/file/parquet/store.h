/* The memory that a row group is decoded into: blocks that are freed together, and a limit on their sum. A file of a few bytes can
 * claim gigabytes (a run length is one number), so whoever needs memory in proportion to such a number claims it here first. */
#ifndef DATA_FILE_PARQUET_STORE_H
#define DATA_FILE_PARQUET_STORE_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/status.h"

typedef struct { void **block; int n, cap; size_t used, limit; } Store;

Status store_claim(Store *, size_t count, size_t size);                 /* counts memory that the caller holds; STATUS_INPUT over the limit */
Status store_new(Store *, size_t count, size_t size, void *block);      /* *(T **)block: zeroed, the store's */
void   store_free(Store *);                                             /* accepts {0} */

#endif
