#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 32. A thread has one element of y. */
static __global__ void columns_take(const float *x, unsigned pieces, unsigned cols, unsigned group, unsigned at, unsigned n, unsigned x_cols, float *y)
{
    Place place = place_in_row(pieces);
    unsigned g = place.col / n, i = place.col - g * n;
    if (place.col < cols) y[place.row * cols + place.col] = x[place.row * x_cols + g * group + at + i];
}

/* block 256, shared 0, registers 32. A thread has one element of dx: a column that y took, or one that it did not. */
static __global__ void columns_gradient(const float *dy, unsigned pieces, unsigned cols, unsigned group, unsigned at, unsigned n, unsigned x_cols, float beta,
                                        float *dx)
{
    Place place = place_in_row(pieces);
    if (place.col >= x_cols) return;
    unsigned g = place.col / group, i = place.col - g * group - at;
    int64_t e = place.row * x_cols + place.col;
    if (i < n) dx[e] = added(dx, e, beta, dy[place.row * cols + g * n + i]);
    else if (beta == 0) dx[e] = 0;
}

static unsigned group_of(const OpCall *c) { return (unsigned)(c->args->columns.group ? c->args->columns.group : c->in[0].cols); }

void cuda_columns_fwd(const Backend *b, const OpCall *c)
{
    int64_t cols = c->out[0].cols;
    RUN(b, c, columns_take, blocks_for_rows(c->out[0].rows, cols), ELEMENTWISE, 0, c->in[0].data, row_pieces(cols), (unsigned)cols, group_of(c),
        (unsigned)c->args->columns.at, (unsigned)c->args->columns.n, (unsigned)c->in[0].cols, c->out[0].data);
}

void cuda_columns_bwd(const Backend *b, const OpCall *c)
{
    int64_t cols = c->in[0].cols;
    RUN(b, c, columns_gradient, blocks_for_rows(c->din[0].rows, cols), ELEMENTWISE, 0, c->dout[0].data, row_pieces(cols), (unsigned)c->dout[0].cols,
        group_of(c), (unsigned)c->args->columns.at, (unsigned)c->args->columns.n, (unsigned)cols, c->beta[0], c->din[0].data);
}
