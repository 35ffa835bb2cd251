/* A backend is a value: a pool or a stream, and one row per operation: forward, backward, and the scratch they need.
 *
 * Scratch must be monotone: a call with fewer rows, shorter spans or fewer scored rows never asks for more. The layout is
 * made at capacity and every smaller batch replays it; the layout CHECKs each request against its slot. Scratch may depend
 * on the number of workers; results may not. */
#ifndef KERNELS_BACKEND_H
#define KERNELS_BACKEND_H
#include "kernels/op.h"
#include "kernels/pool.h"
#include "kernels/status.h"

typedef struct Backend Backend;

/* Of matrix products with frozen weights: as exact as float32's, or of factors rounded to bfloat16, summed in float32, where the machine is
 * faster at that. */
typedef enum { PRECISION_F32, PRECISION_BF16 } Precision;
typedef struct Instructions Instructions;                              /* kernels/cpu/instructions.h */
typedef struct {
    void   (*fwd)(const Backend *, const OpCall *);
    void   (*bwd)(const Backend *, const OpCall *);                    /* NULL where the op row says no_bwd */
    size_t (*scratch)(const Backend *, const OpCall *, bool bwd);      /* bytes; NULL: none */
} Kernels;

/* The memory of a backend whose kernels do not read the host's. Tensors and scratch lie in what `take` gave. What OpArgs points to, a
 * Weight's bytes too, stays a host address, which means the same to every backend: it must be *placed* before a call
 * that uses it, and placed again when its values have changed. Contracts: kernels/cuda/device.h. */
typedef struct Device Device;
typedef struct {
    Status (*take)(Device *, size_t bytes, void **);
    void   (*give)(Device *, void *);
    void   (*write)(Device *, void *to, const void *from, size_t bytes);        /* from the host, whose bytes may change at once */
    void   (*clear)(Device *, void *, size_t bytes);
    Status (*read)(Device *, void *to, const void *from, size_t bytes);         /* to the host; waits */
    Status (*sync)(Device *);                                                   /* waits; the first fault, with its operation's name */
    Status (*place)(Device *, const void *host, size_t bytes);
    void   (*unplace)(Device *, const void *host);
    void  *(*at)(const Device *, const void *host);                             /* the device's copy of what was placed; NULL for NULL */
} DeviceMemory;

struct Backend {
    const char *name;
    Pool   *pool;
    Device *device;                /* NULL, as is `memory`: the host */
    const DeviceMemory *memory;
    Kernels op[OP_COUNT];
    Precision precision;
    const Instructions *isa;                                           /* cpu: of its matrix products */
    void (*narrow)(const Backend *, Tensor x, uint16_t *kept);        /* n floats to bfloat16, to nearest, ties to even; NaN stays NaN */
    void (*widen)(const Backend *, const uint16_t *kept, Tensor x);
    double (*peak)(const Backend *);     /* FLOP/s of the widest multiply-adds, which never leave the registers, all workers, measured now; NULL: not known */
};

/* The pool stays the caller's. Its matrix products use the widest instructions that this machine has. */
Backend cpu_backend(Pool *);

/* Sets of instructions, each with those before it. The CPU's matrix products shall use this one; STATUS_INPUT where the machine does
 * not have it. ISA_COUNT: the widest. */
typedef enum { ISA_BASELINE, ISA_AVX2, ISA_AVX512, ISA_AMX, ISA_COUNT } Isa;
extern const char *const isa_names[ISA_COUNT + 1];                     /* ends with NULL */
Status cpu_backend_use(Backend *, Isa);
Isa    cpu_backend_isa(const Backend *);                               /* which it uses */

#endif
