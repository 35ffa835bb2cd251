/* Apache Parquet files, as pyarrow and the Hub write them, row by row.
 *
 * A file is row groups of columns of pages. A row group is decoded when a row of it is first asked for; few are kept, those used last,
 * so memory is bounded by the size of a row group and not by the file's. What a row group may decode to is limited by the size of the
 * file (128 MiB and 64 times the file), because a damaged file can claim anything.
 *
 * Read are: flat and nested columns (structs, lists in all their shapes, maps); data pages of both versions; the encodings PLAIN,
 * dictionary, RLE, DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY, BYTE_STREAM_SPLIT and levels in BIT_PACKED; pages
 * that are uncompressed or compressed by snappy, gzip or zstd. What values become is said in parquet/leaf.h; a struct is an object
 * with all its fields, null among them, a list an array, a map an array of [key, value] as pyarrow has it. Checksums of pages are not
 * looked at, encryption and other compressions are refused by name.
 *
 * Everything is checked before it is believed. Errors are STATUS_INPUT and name the file, and row group, column, page or row. */
#ifndef DATA_FILE_PARQUET_H
#define DATA_FILE_PARQUET_H
#include <stdint.h>

#include "data/file/json.h"
#include "data/file/mapped.h"
#include "kernels/status.h"

typedef struct Parquet Parquet;

Status  parquet_open(Parquet **, const char *path);                /* reads the footer and checks it */
Status  parquet_parse(Parquet **, const Mapped *file);             /* the same; the file stays the caller's and must live as long */
void    parquet_close(Parquet *);                                  /* accepts NULL */
int64_t parquet_rows(const Parquet *);
Status  parquet_row(const Parquet *, int64_t i, Json **out);       /* row i as an object, the caller's. Any number of threads at once */

#endif
