/* Are dev.h's wrappers of instructions what they say? Run by a test on the emulator and by the self-test on a card, with the same expectations: the
 * tables of the PTX ISA and exact arithmetic on small integers. */
#ifndef KERNELS_CUDA_WRAPPERS_H
#define KERNELS_CUDA_WRAPPERS_H
#include "kernels/cuda/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* STATUS_FAULT names the wrapper, the lane and what it gave. */
Status wrappers_check(Device *);

#ifdef __cplusplus
}
#endif
#endif
