/* A backend is a value: a pool or a stream, and one row per operation: forward, backward, and the scratch they need.
 *
 * Scratch must be monotone: a call with fewer rows, shorter spans or fewer scored rows never asks for more. The layout is
 * made at capacity and every smaller batch replays it; the layout CHECKs each request against its slot. Scratch may depend
 * on the number of workers; results may not. */
#ifndef KERNELS_BACKEND_H
#define KERNELS_BACKEND_H
#include "kernels/op.h"
#include "kernels/pool.h"

typedef struct Backend Backend;
typedef struct {
    void   (*fwd)(const Backend *, const OpCall *);
    void   (*bwd)(const Backend *, const OpCall *);                    /* NULL where the op row says no_bwd */
    size_t (*scratch)(const Backend *, const OpCall *, bool bwd);      /* bytes; NULL: none */
} Kernels;

struct Backend {
    const char *name;
    Pool   *pool;
    Kernels op[OP_COUNT];
    void (*narrow)(const Backend *, Tensor x, uint16_t *kept);        /* n floats to bfloat16, to nearest, ties to even; NaN stays NaN */
    void (*widen)(const Backend *, const uint16_t *kept, Tensor x);
    double (*peak)(const Backend *);     /* FLOP/s of float32 multiply-adds that never leave the registers, all workers, measured now */
};

Backend cpu_backend(Pool *);        /* the pool stays the caller's */

#endif
