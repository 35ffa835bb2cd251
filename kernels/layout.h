/* Where every tensor of a step lies, fixed before the first step.
 *
 * A step is a sequence of calls, the same for every batch. It is run once at capacity with a *measuring* layout: no kernel
 * runs, the tape only says which slots each call reads and writes. From that trace follow
 *   which calls are live     a call matters if something outside the step changes by it (a parameter's gradient, a
 *                            result) or if a live call reads what it wrote; the others are skipped
 *   lifetimes                from a slot's first to its last use by live calls; a slot that no live call reads has no
 *                            bytes and its address is NULL
 *   places                   a slot that *may lie over* another gets its place where the old one's last use is that very
 *                            call; all others are placed greedily, largest first, at the lowest free offset
 *   flops                    of live calls
 * A real step makes the same calls and gets the addresses. Another call, other slots, another purpose, another result or a
 * larger size is a CHECK: a plan cannot drift from the code that runs, because it is that code.
 *
 * The arena's bytes are the caller's (layout_place). One Layout describes one kind of step (training, evaluation, one
 * decoding step); they may share an arena, since only one runs at a time. */
#ifndef KERNELS_LAYOUT_H
#define KERNELS_LAYOUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Layout Layout;
typedef enum { SLOT_VALUE, SLOT_SAVED, SLOT_GRADIENT, SLOT_SCRATCH, SLOT_PURPOSES } SlotPurpose;
enum { NO_SLOT = -1, CALL_MAX_SLOTS = 32 };

/* One call. Scratch and saved tensors stand among the reads of the call that needs them. `effect`: it changes something
 * outside the step. */
typedef struct {
    int32_t op;
    bool    bwd, effect;
    int32_t n_reads, n_writes, read[CALL_MAX_SLOTS], write[CALL_MAX_SLOTS];
    double  flops;
} LayoutCall;

Layout *layout_open(void);                                    /* measuring */
void    layout_close(Layout *);                               /* accepts NULL */
bool    layout_measuring(const Layout *);

void    layout_begin(Layout *);                               /* a step starts: rewinds */
int32_t layout_take(Layout *, SlotPurpose, size_t bytes);     /* the next slot; bytes may be smaller than measured */
void    layout_over(Layout *, int32_t slot, int32_t under);   /* wish, at most two a slot: `slot` may lie over `under` */
bool    layout_call(Layout *, const LayoutCall *);            /* true: run it. Measuring: always false */
void    layout_result(Layout *, int32_t slot);                /* read after the step: lives to its end */
void    layout_end(Layout *);                                 /* measuring: fixes everything. Real: CHECKs that the whole sequence was made */

void   *layout_address(const Layout *, int32_t slot);         /* NULL while measuring, for NO_SLOT and for what nobody reads */
size_t  layout_bytes(const Layout *);                         /* of the arena, after measuring */
double  layout_flops(const Layout *);                         /* of the live calls */
void    layout_place(Layout *, void *arena);                  /* 64-byte aligned, layout_bytes long; makes the layout real */

#endif
