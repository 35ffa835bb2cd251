/* Float32 matrix products C = alpha A B + beta C on row-major memory, single-threaded, from inside a pool's task.
 *
 * A is read in slivers of 6 rows and B in slivers of 16 columns: 6 x 16 results stay in registers over a block of K. The strides
 * of a sliver say where it lies, so A is never copied: a broadcast reads a row or, transposed, a column. B is packed a block
 * at a time, 96 columns by 288 of K, into 110 KB that stay in L2, and is used by all rows of A before the next one. Where A has
 * few rows, a B whose rows are contiguous is read where it lies.
 *
 * Against a library's sgemm this saves the copies of A and the pass over C for beta, and is as fast for 16 columns, LoRA's
 * rank, as for many. Sums run over K in its order, one accumulator per block, so bits depend on shapes only. After Goto and
 * van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008; the tile is BLIS's for AVX2. */
#ifndef KERNELS_CPU_GEMM_H
#define KERNELS_CPU_GEMM_H
#include <stdbool.h>
#include <stdint.h>

enum { GEMM_ROWS = 6, GEMM_COLS = 16 };      /* of a tile */

/* A(i, p) = data[i * row + p * step]        B(p, j) = data[j / 16 * sliver + p * step + j % 16] */
typedef struct { const float *data; int64_t row, step; } GemmLeft;
typedef struct { const float *data; int64_t sliver, step; } GemmRight;

/* C [m, n] row-major, `c_stride` floats from row to row. beta 0 overwrites. */
typedef struct {
    int64_t m, n, k;
    GemmLeft a;
    GemmRight b;
    float alpha, beta, *c;
    int64_t c_stride;
} Gemm;

/* n lines of x, k floats each and `stride` apart, become lanes of a sliver: to[p * 16 + i]. n <= 16. */
typedef struct { int64_t n, k; const float *x; int64_t stride; float *to; } GemmLines;

/* What an instruction set must have: one tile of C, m <= 6, n <= 16, over the whole k; and the lines of one sliver. */
typedef struct {
    void (*tile)(const Gemm *);
    void (*lines)(const GemmLines *);
} GemmKernels;
extern const GemmKernels gemm_avx2;          /* needs x86-64-v3; NULLs where there is none */

/* The kernels for this machine; NULL: there are none, use BLAS. */
const GemmKernels *gemm_kernels(void);

/* `g` but for b: B is `data`, row-major [k, n], or with `transposed` [n, k]. */
void gemm(const GemmKernels *, const Gemm *g, const float *data, int64_t stride, bool transposed);

#endif
