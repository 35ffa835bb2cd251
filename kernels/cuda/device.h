/* One CUDA device, as the C side sees it: memory, one stream in which everything happens in the order in which it was said, copies,
 * and the first thing that went wrong.
 *
 * WHERE THINGS LIE. Tensors of a call (in, out, saved, gradients) and its scratch are device memory that device_take gave. What OpArgs points to
 * (ids, positions, spans, rows, targets, coefficients, tables, norm weights, biases, a Weight's bytes) stays a *host* address, so that
 * one call's arguments mean the same to every backend: an array is first *placed*, and a kernel's launcher asks for the
 * device's copy by the host address (device_at). Placing an array again, at the same address and not longer, copies its new
 * values to the same place on the device: a captured graph finds the next batch where it found the last.
 *
 * Copies from the host go through pinned staging, so the caller's bytes may change as soon as device_write returns.
 *
 * Operations return nothing. The first fault is kept with the name of the operation that it showed itself in, and what follows does
 * nothing; device_sync tells. A fault that comes while kernels run shows itself at the next wait: `careful` waits after each launch
 * and so names the right one. */
#ifndef KERNELS_CUDA_DEVICE_H
#define KERNELS_CUDA_DEVICE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/backend.h"
#include "kernels/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `driver` and `runtime` as CUDA counts: 13000. `shared_bytes`: the most that a block may have. */
typedef struct {
    char   name[256];
    int    major, minor, multiprocessors;
    int    driver, runtime;
    size_t memory_bytes, shared_bytes;
} DeviceProperties;

/* How many devices this program could use. When none: 0, and `why` (never empty then) is what to tell the user, one line without its end:
 *   no NVIDIA driver found
 *   driver supports CUDA 12.4, this build needs 13.0
 *   driver present, no GPU visible (CUDA_VISIBLE_DEVICES=...)      what main read of the environment; NULL: not set
 *   built without CUDA
 * or CUDA's own words. */
int device_count(const char *visible, char why[256]);

/* Fails with STATUS_INPUT for an index that is none and for a card older than compute capability 8.0, with STATUS_FAULT for what CUDA says. */
Status device_open(Device **, int index);
void   device_close(Device *);                                        /* accepts NULL; what was taken and placed goes with it */
const DeviceProperties *device_properties(const Device *);
void   device_careful(Device *, bool);                                /* wait after each launch, to find who is at fault */

Status device_take(Device *, size_t bytes, void **);                  /* 256-byte aligned, its values anything; STATUS_INPUT: no room, *out NULL */
void   device_give(Device *, void *);                                 /* back again; accepts NULL */
Status device_free_bytes(Device *, size_t *);
void   device_write(Device *, void *to, const void *from, size_t bytes);
void   device_clear(Device *, void *, size_t bytes);                  /* zeros */
Status device_read(Device *, void *to, const void *from, size_t bytes);      /* waits */
Status device_sync(Device *);                                         /* waits; the first fault until now */

Status device_place(Device *, const void *host, size_t bytes);        /* copies; a placed array may be looked into at any offset */
void   device_unplace(Device *, const void *host);                    /* what starts there; accepts what was never placed */
void  *device_at(const Device *, const void *host);                   /* NULL for NULL; CHECKs that it was placed */

/* For launchers. `what` is the kernel's name and must stay. */
struct CUstream_st *device_stream(const Device *);
void   device_launched(Device *, OpId, const char *what);             /* after each launch: keeps a fault */
bool   device_faulty(const Device *);                                 /* launch nothing more */

Backend cuda_backend(Device *);                                       /* the device stays the caller's */

#ifdef __cplusplus
}
#endif
#endif
