/* Float32 matrix products on row-major memory, from inside a pool's task, and panels of frozen weights. gemm.h does the products by the
 * instructions that the backend carries; a single row, as in generation, is OpenBLAS's. */
#ifndef KERNELS_CPU_MATRIX_H
#define KERNELS_CPU_MATRIX_H
#include <stdbool.h>
#include <stdint.h>

#include "kernels/backend.h"
#include "kernels/cpu/gemm.h"
#include "kernels/op.h"

/* A block of a row-major matrix: `stride` floats from row to row. */
typedef struct { const float *data; int64_t stride; } Block;

typedef enum { AS_IS, TRANSPOSED } Orientation;

/* C [m, n] = alpha op(A) op(B) + beta C with op(A) [m, k], op(B) [k, n]. beta 0 overwrites. */
void matmul(const Instructions *, int64_t m, int64_t n, int64_t k, float alpha, Orientation a_is, Block a, Orientation b_is, Block b, float beta,
            float *c, int64_t c_stride);

/* The same where `part` says what of it is not there (gemm.h); what is left out of C holds anything afterwards. */
void matmul_part(const Instructions *, GemmPart part, int64_t diagonal, int64_t m, int64_t n, int64_t k, float alpha,
                 Orientation a_is, Block a, Orientation b_is, Block b, float beta, float *c, int64_t c_stride);

/* C = A op(B) + beta C + scale A2 op(B2), where B2 lies as B does and the second product has few steps, k2: it joins the first while
 * C is in registers. */
typedef struct { int64_t k; float scale; Block a, b; } LowRankPart;
void matmul_low_rank(const Instructions *, int64_t m, int64_t n, int64_t k, Block a, Orientation b_is, Block b, const LowRankPart *, float beta,
                     float *c, int64_t c_stride);

/* Rows [row, row + n_rows) and columns [col, col + n_cols) of W in float32: where they lie, if W is float32 on aligned
 * memory with its rows in order, else decoded into `room` (n_rows * n_cols floats). Columns are whole blocks of W's dtype. */
Block weight_panel(const Weight *, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room);
bool  weight_is_plain(const Weight *);       /* weight_panel needs no room */
void  weight_row(const Weight *, int64_t row, float *out);                       /* a copy of one row, [cols] */

/* y [n_rows] = rows [row, row + n_rows) of W times x [cols], each decoded a piece at a time: for one x, whose product with W takes as long as
 * W's bytes take from memory. */
void  weight_times_row(const Weight *, int64_t row, int64_t n_rows, const float *x, float *y);

/* How the columns of a matrix are cut: equal pieces of about `about`, whole blocks of the dtype and cache lines. */
int64_t column_cut(int64_t cols, int64_t about, Dtype);

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t greatest(int64_t a, int64_t b) { return a > b ? a : b; }

#endif
