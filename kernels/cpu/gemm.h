/* Float32 matrix products C = alpha A B + beta C on row-major memory, single-threaded, from inside a pool's task.
 *
 * A is read in slivers of a few rows and B in slivers of a few columns: rows x cols results stay in registers over a block of K.
 * The strides of a sliver say where it lies, so A is never copied: a broadcast reads a row or, transposed, a column. B is packed a
 * block at a time, `width` columns by 576 of K, into 110 to 150 KB that stay in L2, and is used by all rows of A before the next one.
 * While a block of A is used, the rows below it are fetched into L2, which matters wherever A comes from memory. Where A has few
 * rows, a B whose rows are contiguous is read where it lies.
 *
 * Against a library's sgemm this saves the copies of A and the pass over C for beta, is as fast for 16 columns, LoRA's rank, as
 * for many, and leaves out the half of causal attention that is masked. Sums run over K in its order, one accumulator per
 * block, so bits depend on shapes only. After Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008. */
#ifndef KERNELS_CPU_GEMM_H
#define KERNELS_CPU_GEMM_H
#include <stdbool.h>
#include <stdint.h>

/* A(i, p) = data[i * row + p * step]        B(p, j) = data[j / cols * sliver + p * step + j % cols]        cols: of a tile */
typedef struct { const float *data; int64_t row, step; } GemmLeft;
typedef struct { const float *data; int64_t sliver, step; } GemmRight;

/* What of a product is not there: tiles of C outside are left as they are, zeros of A are not multiplied. Where a tile of `rows`
 * (and `cols` of C) lies on the border, all of it is computed and read. */
typedef enum {
    GEMM_WHOLE,
    GEMM_LOWER_C,        /* C(i, j) is wanted for j <= i + diagonal */
    GEMM_LOWER_A,        /* A(i, p) is 0 for p > i + diagonal */
    GEMM_UPPER_A,        /* A(i, p) is 0 for p < i - diagonal */
} GemmPart;

/* C [m, n] row-major, `c_stride` floats from row to row. beta 0 overwrites. */
typedef struct {
    int64_t m, n, k;
    GemmLeft a;
    GemmRight b;
    float alpha, beta, *c;
    int64_t c_stride;
    GemmPart part;
    int64_t diagonal;
    GemmLeft a_tail;     /* `k_tail` more steps: columns of A that lie elsewhere; b holds k + k_tail */
    int64_t k_tail;
    const float *ahead;  /* if not NULL, a tile also fetches the lines of its rows from there on, */
    int64_t ahead_every; /* one of each whenever so many of k have gone by */
} Gemm;

/* B's rows or columns for a tail of k <= GEMM_TAIL: a low-rank product that joins another while C is in registers. */
enum { GEMM_TAIL = 64 };
typedef struct { int64_t k; GemmLeft a; const float *data; int64_t stride; float scale; } GemmTail;

/* n lines of x, k floats each and `stride` apart, become lanes of a sliver: to[p * cols + i]. n <= cols. */
typedef struct { int64_t n, k; const float *x; int64_t stride; float *to; } GemmLines;

/* What an instruction set must have: one tile of C, m <= rows, n <= cols, over the whole k; and the lines of one sliver. */
typedef struct {
    int64_t rows, cols;  /* of a tile */
    int64_t width;       /* columns of B at a time: whole slivers, at most GEMM_WIDTH */
    void (*tile)(const Gemm *);
    void (*lines)(const GemmLines *);
} GemmKernels;
enum { GEMM_WIDTH = 64 };
extern const GemmKernels gemm_baseline;      /* 6 x 8 */
extern const GemmKernels gemm_avx2;          /* 6 x 16, as BLIS's; needs x86-64-v3; zeros where there is none */
extern const GemmKernels gemm_avx512;        /* 12 x 32; needs x86-64-v4 */
extern const GemmKernels gemm_neon;          /* 6 x 16; every aarch64, zeros elsewhere */

/* alpha A B + beta C, without what `g` says is not there. B is `data`, row-major [k, n], or with `transposed` [n, k]. `tail`, if not
 * NULL, adds alpha scale A2 B2, its B2 lying as B does. Of g, what concerns b, ahead and the tail is not read. */
void gemm(const GemmKernels *, const Gemm *g, const float *data, int64_t stride, bool transposed, const GemmTail *tail);

#endif
