/* Parquet: rows in the order of their row groups (data/file/parquet.h). Complaints say the row's number, since there are no lines. */
#include "data/file/parquet.h"
#include "data/set/format/formats.h"

static Status open_parquet(RowFile *file)
{
    Parquet *parquet = NULL;
    TRY(parquet_open(&parquet, file->path));
    file->state = parquet;
    file->n = parquet_rows(parquet);
    return file->n ? STATUS_OK : fail(STATUS_INPUT, "%s: no rows", file->path);
}

static Status parquet_object(const RowFile *file, int64_t i, Json **object) { return parquet_row(file->state, i, object); }

static void close_parquet(RowFile *file) { parquet_close(file->state); }

const RowFormat row_format_parquet = { .name = "parquet", .open = open_parquet, .row = parquet_object, .close = close_parquet };
