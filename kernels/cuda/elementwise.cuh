/* What operations on one element at a time share. A thread has one element; neighbours have neighbours, so a warp reads and writes whole lines. */
#ifndef KERNELS_CUDA_ELEMENTWISE_CUH
#define KERNELS_CUDA_ELEMENTWISE_CUH
#include "kernels/cuda/launch.cuh"

enum { ELEMENTWISE = 256 };       /* threads of a block */

static inline int64_t elements(Tensor t) { return t.rows * t.cols; }

/* A gradient: what is already there, or nothing where beta is 0, and d. */
DEVICE float added(const float *to, int64_t i, float beta, float d) { return beta != 0 ? to[i] + d : d; }

/* to = scale * from, or to += scale * from. In place (to == from) is fine. */
void hand_over(const Backend *, const OpCall *, Tensor from, float scale, float beta, Tensor to);

#endif
