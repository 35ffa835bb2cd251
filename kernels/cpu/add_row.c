#include "kernels/cpu/cpu.h"

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

enum { OWNED = 64 };       /* columns whose sum one task makes, over the rows in their order */

static VECTOR_CLONES void sum(const float *x, const float *b, int64_t n, float *y)
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = x[i] + b[i];
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->in[0].cols;
    RowRange range = task_rows(task, c->in[0].rows, cols);
    for (int64_t r = range.begin; r < range.end; r++) sum(c->in[0].data + r * cols, c->in[1].data, cols, c->out[0].data + r * cols);
}

/* Many rows: in double, a float32 sum would lose more than the rows' own rounding. */
static VECTOR_CLONES void add_rows(Tensor dy, int64_t col, int64_t n, double *total)
{
    for (int64_t r = 0; r < dy.rows; r++)
        for (int64_t i = 0; i < n; i++) total[i] += (double)dy.data[r * dy.cols + col + i];
}

static void db_columns(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t col = (int64_t)task * OWNED, n = least(OWNED, c->dout[0].cols - col);
    double total[OWNED] = {0};
    float db[OWNED];
    add_rows(c->dout[0], col, n, total);
    for (int64_t i = 0; i < n; i++) db[i] = (float)total[i];
    cpu_hand_over(db, n, c->beta[1], c->din[1].data + col);
}

void cpu_add_row_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }

/* dx may lie on dy, so db comes first. */
void cpu_add_row_bwd(const Backend *b, const OpCall *c)
{
    if (c->din[1].data) pool_run(b->pool, (int)ceil_div(c->dout[0].cols, OWNED), db_columns, c);
    if (c->din[0].data) cpu_hand_over_rows(b, c->dout[0], c->beta[0], c->din[0]);
}
