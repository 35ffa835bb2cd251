/* The compressions of a page: none, snappy, gzip, zstd. Others are refused by name. */
#ifndef DATA_FILE_PARQUET_CODEC_H
#define DATA_FILE_PARQUET_CODEC_H
#include <stddef.h>
#include <stdint.h>

#include "data/file/parquet/store.h"
#include "kernels/status.h"

enum { CODEC_NONE };

Status codec_check(int codec);                       /* STATUS_INPUT unless it can be read; `codec` as the file numbers it */

/* `out`: n_out bytes, the store's or, uncompressed, `in` itself. */
Status codec_decompress(int codec, const uint8_t *in, size_t n, size_t n_out, Store *, const uint8_t **out);

#endif
