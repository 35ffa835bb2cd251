/* What stands at the end of a Parquet file: the schema and where each row group keeps each column. Source: parquet.thrift of
 * apache/parquet-format. */
#ifndef DATA_FILE_PARQUET_FOOTER_H
#define DATA_FILE_PARQUET_FOOTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/file/mapped.h"
#include "data/file/parquet/schema.h"
#include "kernels/status.h"

/* One column of one row group. */
typedef struct {
    int     physical, codec;
    int64_t n_values;                  /* entries with levels, nulls among them */
    int64_t data_at, dictionary_at;    /* bytes of the file; 0: no dictionary */
    int64_t n_bytes;
    bool    elsewhere, encrypted;
} FooterChunk;

typedef struct { int first_chunk, n_chunks; int64_t first_row, n_rows; } FooterGroup;

typedef struct {
    SchemaElement *element;
    FooterChunk   *chunk;
    FooterGroup   *group;
    int n_elements, n_chunks, n_groups, cap_elements, cap_chunks, cap_groups;
    int64_t n_rows;
} Footer;

/* Names point into the file. Freeable also on error. Messages do not name the file. */
Status footer_read(Footer *, const Mapped *file);
void   footer_free(Footer *);                        /* accepts {0} */

#endif
