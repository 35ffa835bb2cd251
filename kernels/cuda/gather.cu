/* Rows or columns of a table by ids. An id may come many times, so a thread of backward owns one of the C numbers that every id has and
 * goes through all ids in their order: no two threads add to one element. */
#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/rows.cuh"

/* Element j of an id's numbers in the table; -1: in the frozen one. */
DEVICE int64_t entry(int32_t id, const int32_t *row, bool transposed, int64_t table_cols, unsigned j)
{
    if (row && row[id] < 0) return -1;
    return transposed ? j * table_cols + id : (row ? row[id] : id) * table_cols + j;
}

/* block 256, shared 0, registers 32. A thread has one element of y. */
static __global__ void gather_take(const float *table, const int32_t *ids, const int32_t *row, bool transposed, int64_t table_cols, unsigned pieces,
                                   unsigned cols, float *y)
{
    Place at = place_in_row(pieces);
    if (at.col >= cols) return;
    int64_t from = entry(ids[at.row], row, transposed, table_cols, at.col);
    if (from >= 0) y[at.row * cols + at.col] = table[from];
}

/* block 256, shared 0, registers 40. A thread has one number of every id. */
static __global__ void gather_add(const float *dy, const int32_t *ids, const int32_t *row, bool transposed, int64_t table_cols, int64_t n, unsigned cols,
                                  float *table)
{
    int64_t col = grid_thread();
    if (col >= cols) return;
    for (int64_t i = 0; i < n; i++) {
        int64_t to = entry(ids[i], row, transposed, table_cols, (unsigned)col);
        if (to >= 0) table[to] += dy[i * cols + col];
    }
}

/* block 256, shared 0, registers 16. A thread has one element. */
static __global__ void gather_clear(int64_t n, float *table)
{
    int64_t i = grid_thread();
    if (i < n) table[i] = 0;
}

static void check_ids(const OpCall *c)
{
    const int32_t *ids = c->args->gather.ids, *row = c->args->gather.row;
    int64_t n = row ? c->args->gather.w->rows : c->args->gather.transposed ? c->in[0].cols : c->in[0].rows;
    for (int64_t i = 0; i < c->args->gather.n; i++) CHECK(ids[i] >= 0 && ids[i] < n, "id %d of a table of %lld", ids[i], (long long)n);
}

void cuda_gather_fwd(const Backend *b, const OpCall *c)
{
    const int32_t *ids = c->args->gather.ids, *row = c->args->gather.row;
    int64_t rows = c->out[0].rows, cols = c->out[0].cols;
    check_ids(c);
    if (!rows) return;
    RUN(b, c, gather_take, blocks_for_rows(rows, cols), ELEMENTWISE, 0, c->in[0].data, placed(b, ids), placed(b, row), c->args->gather.transposed,
        c->in[0].cols, row_pieces(cols), (unsigned)cols, c->out[0].data);
    if (row) decode_rows(b, c, c->args->gather.w, ids, rows, row, c->out[0].data);
}

void cuda_gather_bwd(const Backend *b, const OpCall *c)
{
    int64_t n = elements(c->din[0]), rows = c->dout[0].rows, cols = c->dout[0].cols;
    if (c->beta[0] == 0) RUN(b, c, gather_clear, blocks_for(n, ELEMENTWISE), ELEMENTWISE, 0, n, c->din[0].data);
    if (!rows) return;
    RUN(b, c, gather_add, blocks_for(cols, ELEMENTWISE), ELEMENTWISE, 0, c->dout[0].data, placed(b, c->args->gather.ids), placed(b, c->args->gather.row),
        c->args->gather.transposed, c->din[0].cols, rows, (unsigned)cols, c->din[0].data);
}
