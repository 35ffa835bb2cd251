#include "kernels/cuda/emulator/fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifdef SANITIZE_ADDRESS
#include <sanitizer/common_interface_defs.h>
#endif

extern "C" {
void fiber_exchange(void **save, void *to);
void fiber_begin(void);
void fiber_main(Fiber *fiber);
#ifdef SANITIZE_THREAD
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void  __tsan_switch_to_fiber(void *fiber, unsigned flags);
void  __tsan_acquire(void *key);
void  __tsan_release(void *key);
#endif
}

/* The registers that a called function must leave as they were, pushed on the old stack and popped from the new one. A new
 * stack is made to look as if it had been left at fiber_begin, with the Fiber in the register saved last. */
#if defined(__x86_64__)
enum { SAVED_FIBER = 4, SAVED_RETURN = 6, FRAME = 7 };
asm(".text\n"
    ".globl fiber_exchange\n"
    ".type fiber_exchange,@function\n"
    "fiber_exchange:\n"
    " pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
    " movq %rsp,(%rdi)\n"
    " movq %rsi,%rsp\n"
    " popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n"
    " popq %rcx\n"
    " jmp *%rcx\n"
    ".size fiber_exchange,.-fiber_exchange\n"
    ".globl fiber_begin\n"
    ".type fiber_begin,@function\n"
    "fiber_begin:\n"
    " movq %rbx,%rdi\n"
    " call fiber_main\n"
    " ud2\n"
    ".size fiber_begin,.-fiber_begin\n"
    ".section .note.GNU-stack,\"\",@progbits\n.text\n");
#elif defined(__aarch64__)
enum { SAVED_FIBER = 0, SAVED_RETURN = 11, FRAME = 20 };
asm(".text\n"
    ".globl fiber_exchange\n"
    ".type fiber_exchange,%function\n"
    "fiber_exchange:\n"
    " sub sp,sp,#160\n"
    " stp x19,x20,[sp]\n stp x21,x22,[sp,#16]\n stp x23,x24,[sp,#32]\n stp x25,x26,[sp,#48]\n stp x27,x28,[sp,#64]\n stp x29,x30,[sp,#80]\n"
    " stp d8,d9,[sp,#96]\n stp d10,d11,[sp,#112]\n stp d12,d13,[sp,#128]\n stp d14,d15,[sp,#144]\n"
    " mov x9,sp\n str x9,[x0]\n"
    " mov sp,x1\n"
    " ldp x19,x20,[sp]\n ldp x21,x22,[sp,#16]\n ldp x23,x24,[sp,#32]\n ldp x25,x26,[sp,#48]\n ldp x27,x28,[sp,#64]\n ldp x29,x30,[sp,#80]\n"
    " ldp d8,d9,[sp,#96]\n ldp d10,d11,[sp,#112]\n ldp d12,d13,[sp,#128]\n ldp d14,d15,[sp,#144]\n"
    " add sp,sp,#160\n"
    " br x30\n"
    ".size fiber_exchange,.-fiber_exchange\n"
    ".globl fiber_begin\n"
    ".type fiber_begin,%function\n"
    "fiber_begin:\n"
    " mov x0,x19\n"
    " bl fiber_main\n"
    " brk #0\n"
    ".size fiber_begin,.-fiber_begin\n");
#endif

#if defined(SANITIZE_ADDRESS) || defined(SANITIZE_THREAD)
enum { STACK = 256 << 10 };
#else
enum { STACK = 64 << 10 };
#endif
enum { PAGE = 64 << 10, COLOURS = 8192, COLOUR = 832 };

void fiber_of_caller(Fiber *fiber)
{
    *fiber = Fiber();
#ifdef SANITIZE_THREAD
    fiber->tsan = __tsan_get_current_fiber();
#endif
}

/* Stacks begin at different distances from a page's start: equal ones would all fall on the same lines of the cache. */
void fiber_open(Fiber *fiber, void (*body)(Fiber *))
{
    static size_t colour;
    *fiber = Fiber();
    char *room = (char *)mmap(NULL, STACK + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED || mprotect(room, PAGE, PROT_NONE)) {
        perror("emulator: no memory for a thread's stack");
        abort();
    }
    fiber->bottom = room + PAGE;
    fiber->bytes = STACK;
    fiber->body = body;
    void **frame = (void **)(room + PAGE + STACK - 64 - colour++ * COLOUR % COLOURS / 64 * 64) - FRAME;
    for (int i = 0; i < FRAME; i++) frame[i] = NULL;
    frame[SAVED_FIBER] = fiber;
    frame[SAVED_RETURN] = (void *)fiber_begin;
    fiber->at = frame;
#ifdef SANITIZE_THREAD
    fiber->tsan = __tsan_create_fiber(0);
#endif
}

/* The first to arrive from a stack that this file did not make learns here where that stack lies. */
static void arrived(Fiber *fiber)
{
#ifdef SANITIZE_ADDRESS
    const void *bottom;
    size_t bytes;
    __sanitizer_finish_switch_fiber(fiber->asan, &bottom, &bytes);
    fiber->left->bottom = (void *)bottom;
    fiber->left->bytes = bytes;
#else
    (void)fiber;
#endif
}

void fiber_main(Fiber *fiber)
{
    arrived(fiber);
    fiber->body(fiber);
    abort();
}

void fiber_switch(Fiber *from, Fiber *to)
{
    to->left = from;
#ifdef SANITIZE_ADDRESS
    __sanitizer_start_switch_fiber(&from->asan, to->bottom, to->bytes);
#endif
#ifdef SANITIZE_THREAD
    enum { NO_ORDER = 1 };
    __tsan_switch_to_fiber(to->tsan, NO_ORDER);
#endif
    fiber_exchange(&from->at, to->at);
    arrived(from);
}

#ifdef SANITIZE_THREAD
void fiber_release(void *key) { __tsan_release(key); }
void fiber_acquire(void *key) { __tsan_acquire(key); }
#else
void fiber_release(void *) { }
void fiber_acquire(void *) { }
#endif
