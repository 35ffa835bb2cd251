/* The CUDA backend's operations, one .cu each, listed in backend.c; how they are launched is in launch.cuh. */
#ifndef KERNELS_CUDA_CUDA_H
#define KERNELS_CUDA_CUDA_H
#include "kernels/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CUDA_OPERATION(name)                                                \
    void   cuda_##name##_fwd(const Backend *, const OpCall *);              \
    void   cuda_##name##_bwd(const Backend *, const OpCall *);              \
    size_t cuda_##name##_scratch(const Backend *, const OpCall *, bool bwd)

CUDA_OPERATION(embedding);
CUDA_OPERATION(noise);
CUDA_OPERATION(dropout);
CUDA_OPERATION(norm);
CUDA_OPERATION(linear);
CUDA_OPERATION(rope);
CUDA_OPERATION(attention);
CUDA_OPERATION(gate);
CUDA_OPERATION(act);
CUDA_OPERATION(add);
CUDA_OPERATION(scale);
CUDA_OPERATION(softcap);
CUDA_OPERATION(columns);
CUDA_OPERATION(append);
CUDA_OPERATION(head);
CUDA_OPERATION(dense);
CUDA_OPERATION(gather);
CUDA_OPERATION(add_row);

void cuda_narrow(const Backend *, Tensor x, uint16_t *kept);
void cuda_widen(const Backend *, const uint16_t *kept, Tensor x);

#ifdef __cplusplus
}
#endif
#endif
