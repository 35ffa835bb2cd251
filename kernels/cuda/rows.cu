#include "kernels/cuda/rows.cuh"

#include "kernels/cuda/decode.cuh"
#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 40. A thread has one element of y. */
template <Dtype dtype> static __global__ void rows_decode(const uint8_t *w, int64_t row_bytes, RowOrder order, int64_t rows, int heads, const int32_t *ids,
                                                          const int32_t *row, unsigned pieces, unsigned cols, float *y)
{
    Place at = place_in_row(pieces);
    int32_t id = ids[at.row];
    if (at.col >= cols || (row && row[id] >= 0)) return;
    y[at.row * cols + at.col] = decode_element<dtype>(w + row_stored(order, rows, heads, id) * row_bytes, at.col);
}

void decode_rows(const Backend *b, const OpCall *c, const Weight *w, const int32_t *ids, int64_t n, const int32_t *row, float *y)
{
    for (int64_t i = 0; i < n; i++) CHECK(ids[i] >= 0 && ids[i] < w->rows, "token %d of a vocabulary of %lld", ids[i], (long long)w->rows);
#define RUN_ROWS(dtype)                                                                                                                                   \
    RUN(b, c, rows_decode<dtype>, blocks_for_rows(n, w->cols), ELEMENTWISE, 0, (const uint8_t *)placed(b, w->bytes), dtype_row_bytes(dtype, w->cols),      \
        w->order, w->rows, w->heads, placed(b, ids), placed(b, row), row_pieces(w->cols), (unsigned)w->cols, y)
    if (n) DTYPE_SWITCH(w->dtype, RUN_ROWS)
}
