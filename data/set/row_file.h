/* RowFile: one file of rows in whatever format, as a numbered sequence of JSON objects.
 *
 * Opening finds where each row lies; a row is made when it is asked for, so any number of threads can ask at once and no row stays
 * in memory. What a row means is not known here: that is rows.h.
 *
 * A format is a row of the table in row_file.c and a file in data/set/format. The ending of a path chooses it; an ending that is
 * not in the table means JSON. */
#ifndef DATA_SET_ROW_FILE_H
#define DATA_SET_ROW_FILE_H
#include <stdint.h>

#include "data/file/json.h"
#include "data/file/mapped.h"
#include "kernels/status.h"

typedef struct RowFile RowFile;

typedef struct {
    const char *name;                                        /* "json": as `datasets` calls it */
    Status (*open)(RowFile *);                               /* `path` is set; fills n, and what it needs of the rest */
    Status (*row)(const RowFile *, int64_t i, Json **);      /* an object, the caller's to free */
} RowFormat;

typedef struct { size_t begin, end; int64_t line; } RowSpan;           /* in `bytes`; lines count from 1 */

struct RowFile {
    const RowFormat *format;
    char    *path;
    int64_t  n;
    Mapped   bytes;
    RowSpan *span;                                           /* [n] */
};

Status row_file_open(RowFile *, const char *path);           /* STATUS_INPUT; a file without rows is refused */
void   row_file_close(RowFile *);                            /* accepts {0} */

Status  row_file_row(const RowFile *, int64_t i, Json **);   /* complaints begin with "path:LINE" */
int64_t row_file_line(const RowFile *, int64_t i);           /* where row i begins */

#endif
