/* How an operation launches its kernels. */
#ifndef KERNELS_CUDA_LAUNCH_CUH
#define KERNELS_CUDA_LAUNCH_CUH
#include "kernels/cuda/dev.h"

extern "C" {
#include "kernels/cuda/cuda.h"
#include "kernels/cuda/device.h"
}

/* On the backend's stream; nothing where there is nothing to do or where something has gone wrong. A template with commas stands in parentheses. */
#define RUN(backend, call, kernel, grid, block, shared, ...)                                           \
    do {                                                                                               \
        dim3 grid_ = (grid);                                                                           \
        if (!grid_.x || !grid_.y || !grid_.z || device_faulty((backend)->device)) break;               \
        LAUNCH(kernel, grid_, block, shared, device_stream((backend)->device), __VA_ARGS__);           \
        device_launched((backend)->device, (call)->op, #kernel);                                       \
    } while (0)

/* Blocks for n things, `each` to a block, in x. */
static inline dim3 blocks_for(int64_t n, int64_t each)
{
    int64_t blocks = (n + each - 1) / each;
    CHECK(blocks <= INT32_MAX, "%lld blocks", (long long)blocks);
    return dim3((unsigned)blocks);
}

/* The device's copy of an array that OpArgs points to. */
template <class T> static inline const T *placed(const Backend *b, const T *host) { return (const T *)device_at(b->device, host); }

#endif
