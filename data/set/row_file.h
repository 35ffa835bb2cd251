/* RowFile: one file of rows in whatever format, as a numbered sequence of JSON objects.
 *
 * Opening finds where each row lies; a row is made when it is asked for, so any number of threads can ask at once and no row stays
 * in memory. What a row means is not known here: that is rows.h.
 *
 * A format is a row of the table in row_file.c and a file in data/set/format. The endings of a name choose it (train.csv,
 * train.csv.gz); without a known one it is JSON. Text formats may be compressed (data/file/inflated.h). */
#ifndef DATA_SET_ROW_FILE_H
#define DATA_SET_ROW_FILE_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/json.h"
#include "data/file/mapped.h"
#include "kernels/status.h"

typedef struct RowFile RowFile;

typedef struct {
    const char *name;                                        /* "json": as `datasets` calls it */
    Status (*open)(RowFile *);                               /* `path` and `field` are set; fills n, and what it needs of the rest */
    Status (*row)(const RowFile *, int64_t i, Json **);      /* an object, the caller's to free */
    void   (*close)(RowFile *);                              /* frees `state`, after a failed open too; NULL: there is none */
} RowFormat;

typedef struct { size_t begin, end; int64_t line; } RowSpan;           /* in `bytes`; lines count from 1 */

struct RowFile {
    const RowFormat *format;
    char       *path;
    const char *field;                                       /* as given; read while opening */
    int64_t  n;
    Mapped   bytes;                                          /* formats of text: the inflated file */
    RowSpan *span;                                           /* [n], or NULL where rows have no place in a text */
    bool     list;                                           /* JSON: the rows are items of a list */
    void    *state;                                          /* the format's own */
};

/* `format` NULL: by the path's endings. `field` NULL, or the member of a JSON object that is the list of rows; other formats refuse
 * it. A file without rows is refused. */
Status row_file_open(RowFile *, const char *path, const RowFormat *, const char *field);
void   row_file_close(RowFile *);                            /* accepts {0} */

Status  row_file_row(const RowFile *, int64_t i, Json **);   /* complaints begin with "path:LINE" */
int64_t row_file_line(const RowFile *, int64_t i);           /* where row i begins; its number from 1 where there are no lines */

/* The table. */
const RowFormat *row_format_named(const char *name);         /* NULL when there is none */
const RowFormat *row_format_of(const char *path);            /* by its endings; NULL when none of them is known */

/* The format that most of the paths have, as `datasets` decides it for a folder; NULL when no ending is known. At equal count an
 * ending wins that stands earlier in the table. */
const RowFormat *row_format_of_most(char *const *path, int n);

#endif
