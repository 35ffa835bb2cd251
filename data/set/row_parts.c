#include "data/set/row_parts.h"

#include <stdlib.h>

#include "kernels/memory.h"

enum { ROWS_PER_PART = 64, PARTS_PER_WORKER = 16 };

typedef struct {
    const RowWork *work;
    const void *self;
    int64_t     n_rows, first;   /* of the part 0 */
    char       *made;            /* [parts] */
    int64_t    *failed;          /* [parts] */
} Run;

static void make_part(const void *ctx, int part, int worker)
{
    (void)worker;
    const Run *run = ctx;
    int64_t first = run->first + (int64_t)part * ROWS_PER_PART, end = first + ROWS_PER_PART;
    if (end > run->n_rows) end = run->n_rows;
    run->failed[part] = first < end ? run->work->make(run->self, first, end, run->made + (size_t)part * run->work->made_bytes) : -1;
}

static Status take_parts(const Run *run, int n_parts, int64_t *failed)
{
    for (int part = 0; part < n_parts && *failed < 0; part++) {
        TRY(run->work->take(run->self, run->made + (size_t)part * run->work->made_bytes));
        *failed = run->failed[part];
    }
    return STATUS_OK;
}

Status row_parts_run(Pool *pool, int64_t n_rows, const RowWork *work, const void *self, int64_t *failed)
{
    int n_parts = PARTS_PER_WORKER * pool_workers(pool);
    Run run = { work, self, n_rows, 0, memory_new((size_t)n_parts, work->made_bytes), memory_new((size_t)n_parts, sizeof *run.failed) };
    Status status = STATUS_OK;
    *failed = -1;
    for (; run.first < n_rows && status == STATUS_OK && *failed < 0; run.first += (int64_t)n_parts * ROWS_PER_PART) {
        pool_run(pool, n_parts, make_part, &run);
        status = take_parts(&run, n_parts, failed);
    }
    for (int part = 0; part < n_parts; part++) work->free(run.made + (size_t)part * work->made_bytes);
    free(run.made);
    free(run.failed);
    return status;
}
