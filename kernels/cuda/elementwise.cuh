/* What operations on one element at a time share. A thread has one element; neighbours have neighbours, so a warp reads and writes whole lines.
 * Where rows matter, a row is cut into pieces of a block each, so that its number is a division of block numbers and not of elements. */
#ifndef KERNELS_CUDA_ELEMENTWISE_CUH
#define KERNELS_CUDA_ELEMENTWISE_CUH
#include "kernels/cuda/launch.cuh"

enum { ELEMENTWISE = 256 };       /* threads of a block */

static inline int64_t elements(Tensor t) { return t.rows * t.cols; }

/* `rows` rows of `cols` elements: pieces of a row, and blocks for all. */
static inline unsigned row_pieces(int64_t cols) { return (unsigned)((cols + ELEMENTWISE - 1) / ELEMENTWISE); }
static inline dim3 blocks_for_rows(int64_t rows, int64_t cols) { return blocks_for(rows * row_pieces(cols), 1); }

/* The running thread's element; `col` may be behind the row's end. */
struct Place { int64_t row; unsigned col; };
DEVICE Place place_in_row(unsigned pieces)
{
    unsigned row = blockIdx.x / pieces;
    return Place{ (int64_t)row, (blockIdx.x - row * pieces) * ELEMENTWISE + threadIdx.x };
}

/* A gradient: what is already there, or nothing where beta is 0, and d. */
DEVICE float added(const float *to, int64_t i, float beta, float d) { return beta != 0 ? to[i] + d : d; }

/* to = scale * from, or to += scale * from. In place (to == from) is fine. */
void hand_over(const Backend *, const OpCall *, Tensor from, float scale, float beta, Tensor to);

#endif
