/* What is trained: four flat buffers with equal offsets, so that the norm, the clip, AdamW and a checkpoint are each one
 * pass, and a parameter is an offset. All float32.
 *
 *   value   the parameters          grad   their gradients (backward adds; adamw_step zeroes nothing, state_zero_grad does)
 *   m, v    AdamW's moments
 *
 * Parameters are registered first (state_add), then the buffers are allocated once (state_allocate).
 *
 * Kernels read kernel_value and add to kernel_grad: the same buffers, or, after state_place, a device's. The optimizer works on the host:
 * around it, gradients are fetched and values sent. Both do nothing where the buffers are the same. */
#ifndef OPTIM_STATE_H
#define OPTIM_STATE_H
#include <stdbool.h>
#include <stdint.h>

#include "kernels/backend.h"
#include "kernels/pool.h"
#include "kernels/status.h"

typedef struct {
    char   *name;                /* the tensor's name in adapter_model.safetensors */
    int64_t offset, rows, cols;  /* elements; a vector has rows 1 */
    bool    vector;              /* its tensor has one dimension */
    bool    decay;               /* in Trainer's weight-decay group */
} Param;

typedef struct State {
    float  *value, *grad, *m, *v;    /* one allocation each, [n] */
    float  *kernel_value, *kernel_grad;
    int64_t n;                       /* elements, each parameter padded to 16 */
    Param  *param;
    int     n_params, cap;
} State;

int     state_add(State *, const char *name, int64_t rows, int64_t cols, bool decay);   /* index of the new parameter; cols 0: a vector of `rows` */
Status  state_allocate(State *);                                                        /* zeroed */
int64_t state_bytes(const State *);                                                     /* what state_allocate asks for */
int64_t state_trainable(const State *);                                                 /* elements without padding */
Status  state_place(State *, const Backend *);                                          /* after state_allocate; the device's memory is given back with the device */
void    state_zero_grad(State *, const Backend *);                                      /* kernel_grad */
Status  state_fetch_grad(State *, const Backend *);
void    state_send_value(State *, const Backend *);
void    state_free(State *);

/* sqrt of the sum of squares of all gradients, in double, partial sums in index order: the same bits for any thread count. */
double  state_grad_norm(const State *, Pool *);

#endif
