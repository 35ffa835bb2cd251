/* On what a run computes: key `device` is "cpu", "cuda", "cuda:N", or "auto", which takes the first GPU there is and says why when there is none. */
#ifndef TRAIN_RUN_DEVICE_H
#define TRAIN_RUN_DEVICE_H
#include "kernels/cuda/device.h"

typedef struct {
    Backend backend;
    Device *device;          /* NULL: the CPU */
    char    text[400];       /* "cpu, 2 threads, avx2", "cuda:0, NVIDIA H100, 80 GB" and, where auto found none, why */
} RunDevice;

bool   run_device_known(const char *name);                     /* such a value of the key there is */

/* `isa`: the CPU's instructions, ISA_COUNT: its widest. STATUS_INPUT: what was asked for is not there. */
Status run_device_open(RunDevice *, const char *name, Isa isa, Precision, Pool *);
const char *run_device_arithmetic(const RunDevice *);          /* "computing in float32", … */

Status run_device_memory(const RunDevice *, int64_t *bytes);    /* what is free where its kernels work */
void   run_device_close(RunDevice *);                          /* accepts {0} */

#endif
