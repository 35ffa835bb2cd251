#include "kernels/cuda/panel.cuh"

#include "kernels/cuda/decode.cuh"
#include "kernels/cuda/elementwise.cuh"

enum { PANEL = 1 << 21, ROWS = 64 };      /* floats of a panel, about; rows come in these */

/* block 256, shared 0, registers 40. A thread has one element. */
template <Dtype dtype> static __global__ void panel_decode(const uint8_t *w, int64_t row_bytes, RowOrder order, int64_t rows, int heads, int64_t first, unsigned pieces,
                                                           unsigned cols, float *to)
{
    Place at = place_in_row(pieces);
    if (at.col >= cols) return;
    to[at.row * cols + at.col] = decode_element<dtype>(w + row_stored(order, rows, heads, first + at.row) * row_bytes, at.col);
}

/* A mapped file may put float32 at any address. */
static bool is_plain(const Weight *w) { return w->dtype == DTYPE_F32 && w->order == ROWS_IN_ORDER && (uintptr_t)w->bytes % sizeof(float) == 0; }

int64_t panel_rows(const Weight *w)
{
    int64_t rows = PANEL / w->cols / ROWS * ROWS;
    if (rows < ROWS) rows = ROWS;
    return is_plain(w) || w->rows < rows ? w->rows : rows;
}

int64_t panel_floats(const Weight *w) { return is_plain(w) ? 0 : panel_rows(w) * w->cols; }

const float *panel(const Backend *b, const OpCall *c, const Weight *w, int64_t row, int64_t n, float *room)
{
    if (is_plain(w)) return (const float *)placed(b, w->bytes) + row * w->cols;
#define RUN_PANEL(dtype)                                                                                                                           \
    RUN(b, c, panel_decode<dtype>, blocks_for_rows(n, w->cols), ELEMENTWISE, 0, (const uint8_t *)placed(b, w->bytes),                               \
        dtype_row_bytes(dtype, w->cols), w->order, w->rows, w->heads, row, row_pieces(w->cols), (unsigned)w->cols, room)
    DTYPE_SWITCH(w->dtype, RUN_PANEL)
    return room;
}
