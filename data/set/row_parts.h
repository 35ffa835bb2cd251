/* Rows worked on by every core and taken in their order: some thousand at a time are made, in parts of a few each, and then the parts
 * are taken one after the other, so that no more than those thousand wait. What comes out does not depend on the number of threads. */
#ifndef DATA_SET_ROW_PARTS_H
#define DATA_SET_ROW_PARTS_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/pool.h"
#include "kernels/status.h"

typedef struct {
    /* Makes rows first … end - 1 into `made`; returns the first that failed, or -1. On any thread. */
    int64_t (*make)(const void *self, int64_t first, int64_t end, void *made);
    /* Takes what was made, the rows before a failed one too, and empties `made` for other rows. On the caller's thread. */
    Status  (*take)(const void *self, void *made);
    void    (*free)(void *made);
    size_t  made_bytes;          /* of one `made`, {0} at first */
} RowWork;

/* Ends at the first row that fails, which is put into `failed` (-1: none did), or with the first `take` that does not return STATUS_OK. */
Status row_parts_run(Pool *, int64_t n_rows, const RowWork *, const void *self, int64_t *failed);

#endif
