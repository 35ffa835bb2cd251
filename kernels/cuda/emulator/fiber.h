/* A stack of its own that can be left in the middle and gone on with later: what a CUDA thread is in the emulator.
 *
 * All fibers live on one OS thread and exactly one runs. The switch saves the registers that a call must keep and nothing
 * else, about 15 ns; it ends in an indirect jump, since a `ret` to another stack is always predicted wrong. AddressSanitizer
 * and ThreadSanitizer are told of every switch; to the latter a fiber is a thread, and a switch orders nothing. */
#ifndef KERNELS_CUDA_EMULATOR_FIBER_H
#define KERNELS_CUDA_EMULATOR_FIBER_H
#include <stddef.h>

typedef struct Fiber Fiber;
struct Fiber {
    void  *at;                       /* stack pointer while it does not run */
    void  *bottom;                   /* of its stack, behind a page that nobody may touch */
    size_t bytes;
    void (*body)(Fiber *);           /* never returns: it switches away for good */
    Fiber *left;                     /* who switched here last */
    void  *asan, *tsan;
};

void fiber_of_caller(Fiber *);                           /* the stack that is running now */
void fiber_open(Fiber *, void (*body)(Fiber *));         /* starts at the first switch to it; kept until the program ends */
void fiber_switch(Fiber *from, Fiber *to);               /* `from` is the one running; returns when somebody switches back */

/* Under ThreadSanitizer: what was done before a release of a key is seen after an acquire of it. Else nothing. */
void fiber_release(void *key);
void fiber_acquire(void *key);

#endif
