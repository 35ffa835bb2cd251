#include "kernels/cpu/matrix.h"

#include <cblas.h>
#include <string.h>

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/decode.h"
#include "kernels/cpu/instructions.h"
#include "kernels/status.h"

/* One row, as in generation: gemm would pack all of B for it. Zeros first, since gemv may multiply what was there by beta 0. */
static void row_times_matrix(int64_t n, int64_t k, float alpha, const float *a, Orientation b_is, Block b, float beta, float *c)
{
    bool rows = b_is == TRANSPOSED;
    if (beta == 0) memset(c, 0, (size_t)n * sizeof *c);
    cblas_sgemv(CblasRowMajor, rows ? CblasNoTrans : CblasTrans, (blasint)(rows ? n : k), (blasint)(rows ? k : n), alpha, b.data, (blasint)b.stride, a, 1,
                beta == 0 ? 1 : beta, c, 1);
}

void matmul_part(const Instructions *isa, GemmPart part, int64_t diagonal, int64_t m, int64_t n, int64_t k, float alpha,
                 Orientation a_is, Block a, Orientation b_is, Block b, float beta, float *c, int64_t c_stride)
{
    CHECK(m >= 0 && n >= 0 && k >= 0, "a product of %lld x %lld x %lld", (long long)m, (long long)n, (long long)k);
    if (!m || !n) return;
    if (m == 1 && a_is == AS_IS) {
        row_times_matrix(n, k, alpha, a.data, b_is, b, beta, c);
        return;
    }
    GemmLeft left = { a.data, a_is == AS_IS ? a.stride : 1, a_is == AS_IS ? 1 : a.stride };
    Gemm g = { .m = m, .n = n, .k = k, .a = left, .alpha = alpha, .beta = beta, .c = c, .c_stride = c_stride, .part = part, .diagonal = diagonal };
    gemm(isa->gemm, &g, b.data, b.stride, b_is == TRANSPOSED, NULL);
}

void matmul(const Instructions *isa, int64_t m, int64_t n, int64_t k, float alpha, Orientation a_is, Block a, Orientation b_is, Block b, float beta,
            float *c, int64_t c_stride)
{
    matmul_part(isa, GEMM_WHOLE, 0, m, n, k, alpha, a_is, a, b_is, b, beta, c, c_stride);
}

void matmul_low_rank(const Instructions *isa, int64_t m, int64_t n, int64_t k, Block a, Orientation b_is, Block b, const LowRankPart *low, float beta,
                     float *c, int64_t c_stride)
{
    if (m <= 1 || !n || low->k > GEMM_TAIL) {
        matmul(isa, m, n, k, 1, AS_IS, a, b_is, b, beta, c, c_stride);
        matmul(isa, m, n, low->k, low->scale, AS_IS, low->a, b_is, low->b, 1, c, c_stride);
        return;
    }
    GemmTail tail = { low->k, { low->a.data, low->a.stride, 1 }, low->b.data, low->b.stride, low->scale };
    Gemm g = { .m = m, .n = n, .k = k, .a = { a.data, a.stride, 1 }, .alpha = 1, .beta = beta, .c = c, .c_stride = c_stride };
    gemm(isa->gemm, &g, b.data, b.stride, b_is == TRANSPOSED, &tail);
}

bool weight_is_plain(const Weight *w)
{
    return w->dtype == DTYPE_F32 && w->order == ROWS_IN_ORDER && (uintptr_t)w->bytes % sizeof(float) == 0;
}

Block weight_panel(const Weight *w, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    if (weight_is_plain(w)) return (Block){ (const float *)w->bytes + row * w->cols + col, w->cols };
    const DtypeRow *dtype = &dtype_rows[w->dtype];
    DtypeDecode *decode = decode_for(w->dtype);
    CHECK(decode && col % dtype->block == 0, "%s cannot be decoded from column %lld", w->name, (long long)col);
    int64_t row_bytes = dtype_row_bytes(w->dtype, w->cols), col_bytes = dtype_row_bytes(w->dtype, col);
    for (int64_t r = 0; r < n_rows; r++)
        decode((const char *)w->bytes + weight_stored_row(w, row + r) * row_bytes + col_bytes, n_cols, room + r * n_cols);
    return (Block){ room, n_cols };
}

void weight_row(const Weight *w, int64_t row, float *out)
{
    Block block = weight_panel(w, row, 1, 0, w->cols, out);
    if (block.data != out) memcpy(out, block.data, (size_t)w->cols * sizeof *out);
}

enum { PIECE = 1024 };       /* elements of a row decoded at once: they stay in L1, and are whole blocks */

static float piecewise_dot(DtypeDecode *decode, const DtypeRow *dtype, const char *bytes, int64_t n, const float *x)
{
    float piece[PIECE] __attribute__((aligned(64))), sum = 0;
    for (int64_t at = 0; at < n; at += PIECE) {
        int64_t here = least(PIECE, n - at);
        decode(bytes + at / dtype->block * dtype->bytes, here, piece);
        sum += cpu_dot(piece, x + at, here);
    }
    return sum;
}

void weight_times_row(const Weight *w, int64_t row, int64_t n_rows, const float *x, float *y)
{
    const DtypeRow *dtype = &dtype_rows[w->dtype];
    DtypeDecode *decode = decode_for(w->dtype);
    int64_t row_bytes = dtype_row_bytes(w->dtype, w->cols);
    for (int64_t r = 0; r < n_rows; r++) {
        const char *bytes = (const char *)w->bytes + weight_stored_row(w, row + r) * row_bytes;
        y[r] = weight_is_plain(w) ? cpu_dot((const float *)(const void *)bytes, x, w->cols) : piecewise_dot(decode, dtype, bytes, w->cols, x);
    }
}

int64_t column_cut(int64_t cols, int64_t about, Dtype dtype)
{
    int64_t whole = dtype_rows[dtype].block > 16 ? dtype_rows[dtype].block : 16;
    int64_t pieces = ceil_div(cols, about);
    return ceil_div(ceil_div(cols, pieces), whole) * whole;
}
