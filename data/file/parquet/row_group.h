/* A row group in memory, and its rows put together from their columns. */
#ifndef DATA_FILE_PARQUET_ROW_GROUP_H
#define DATA_FILE_PARQUET_ROW_GROUP_H
#include <stddef.h>
#include <stdint.h>

#include "data/file/json.h"
#include "data/file/mapped.h"
#include "data/file/parquet/chunk.h"
#include "data/file/parquet/footer.h"
#include "data/file/parquet/schema.h"
#include "data/file/parquet/store.h"
#include "kernels/status.h"

typedef struct {
    const Schema *schema;
    Chunk *chunk;                /* [schema->n_leaves] */
    int64_t n_rows;
    Store store;
} RowGroup;

/* Whether all its columns are there and can be read, as far as the footer says. */
Status row_group_check(const Schema *, const Footer *, int i_group, const Mapped *file);

/* Of one that was checked. `limit`: bytes it may take; half of it for one row. The file and the schema must live as long. Freeable also on error. */
Status row_group_decode(RowGroup *, const Schema *, const Footer *, int i_group, const Mapped *file, size_t limit);
void   row_group_free(RowGroup *);                           /* accepts {0} */

/* Row `i` of the group as an object. Any number of threads at once. */
Status row_group_row(const RowGroup *, int64_t i, Json **);

#endif
