/* Rows or columns of a table by ids. An id may come many times, so a task of backward owns some of the C numbers that every
 * id has and goes through all ids in their order: no two tasks add to one element. */
#include "kernels/cpu/cpu.h"

#include <string.h>

#include "kernels/cpu/matrix.h"

enum { OWNED = 64 };       /* of the C numbers, in a task of backward */

/* Where the numbers of an id lie in a table: the first at `at`, `step` floats from one to the next; at -1: in the other one. */
typedef struct { int64_t at, step; } Entry;

static Entry entry(const OpCall *c, int64_t i)
{
    bool transposed = c->args->gather.transposed;
    const int32_t *row = c->args->gather.row;
    int64_t id = c->args->gather.ids[i], n = row ? c->args->gather.w->rows : transposed ? c->in[0].cols : c->in[0].rows;
    CHECK(id >= 0 && id < n, "id %lld of a table of %lld", (long long)id, (long long)n);
    if (row && row[id] < 0) return (Entry){ -1, 0 };
    return transposed ? (Entry){ id, n } : (Entry){ (row ? row[id] : id) * c->in[0].cols, 1 };
}

static void gather_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->out[0].cols;
    RowRange range = task_rows(task, c->out[0].rows, cols);
    for (int64_t i = range.begin; i < range.end; i++) {
        Entry from = entry(c, i);
        float *y = c->out[0].data + i * cols;
        if (from.at < 0) weight_row(c->args->gather.w, c->args->gather.ids[i], y);
        for (int64_t j = 0; from.at >= 0 && j < cols; j++) y[j] = c->in[0].data[from.at + j * from.step];
    }
}

static void scatter_columns(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    Tensor dy = c->dout[0];
    int64_t begin = (int64_t)task * OWNED, end = least(begin + OWNED, dy.cols);
    for (int64_t i = 0; i < dy.rows; i++) {
        Entry to = entry(c, i);
        for (int64_t j = begin; to.at >= 0 && j < end; j++) c->din[0].data[to.at + j * to.step] += dy.data[i * dy.cols + j];
    }
}

void cpu_gather_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->out[0].rows, c->out[0].cols, gather_rows); }

void cpu_gather_bwd(const Backend *b, const OpCall *c)
{
    if (c->beta[0] == 0) memset(c->din[0].data, 0, (size_t)(c->din[0].rows * c->din[0].cols) * sizeof(float));
    pool_run(b->pool, (int)ceil_div(c->dout[0].cols, OWNED), scatter_columns, c);
}
