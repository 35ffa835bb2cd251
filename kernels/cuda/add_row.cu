#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 24. A thread has one element. */
static __global__ void add_row_sum(const float *x, const float *row, unsigned pieces, unsigned cols, float *y)
{
    Place at = place_in_row(pieces);
    int64_t i = at.row * cols + at.col;
    if (at.col < cols) y[i] = x[i] + row[at.col];
}

void cuda_add_row_fwd(const Backend *b, const OpCall *c)
{
    int64_t cols = c->in[0].cols;
    RUN(b, c, add_row_sum, blocks_for_rows(c->in[0].rows, cols), ELEMENTWISE, 0, c->in[0].data, c->in[1].data, row_pieces(cols),
        (unsigned)cols, c->out[0].data);
}

/* dx may lie on dy, so db comes first. */
void cuda_add_row_bwd(const Backend *b, const OpCall *c)
{
    ColumnTerms terms = { c->dout[0].data, NULL, NULL, NULL, c->dout[0].rows, c->dout[0].cols, 1 };
    if (c->din[1].data) column_sums(b, c, terms, c->scratch, c->beta[1], c->din[1].data);
    if (c->din[0].data) hand_over(b, c, c->dout[0], 1, c->beta[0], c->din[0]);
}

size_t cuda_add_row_scratch(const Backend *, const OpCall *c, bool bwd)
{
    return bwd && c->wanted >> 1 & 1 ? column_sums_scratch(c->in[0].rows, c->in[0].cols) : 0;
}
