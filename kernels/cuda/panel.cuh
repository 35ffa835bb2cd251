/* A frozen matrix, a panel of rows at a time: where it lies, or decoded into a room, so that it is never there as a whole. */
#ifndef KERNELS_CUDA_PANEL_CUH
#define KERNELS_CUDA_PANEL_CUH
#include "kernels/cuda/launch.cuh"

/* Rows of a panel at most, and the floats of its room: 0 where W is read where it lies. */
int64_t panel_rows(const Weight *);
int64_t panel_floats(const Weight *);

/* Rows [row, row + n) of W, w->cols floats each. The room is the next panel's too: the stream keeps them apart. */
const float *panel(const Backend *, const OpCall *, const Weight *, int64_t row, int64_t n, float *room);

#endif
