/* Rows of a frozen matrix by ids, decoded. */
#ifndef KERNELS_CUDA_ROWS_CUH
#define KERNELS_CUDA_ROWS_CUH
#include "kernels/cuda/launch.cuh"

/* y [n, w->cols] = W[ids]; where `row` is not NULL only of ids whose row[id] is below 0. Host addresses, but for y; CHECKs the ids. */
void decode_rows(const Backend *, const OpCall *, const Weight *w, const int32_t *ids, int64_t n, const int32_t *row, float *y);

#endif
