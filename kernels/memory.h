/* Memory for things that are small: names, tables, parsed files. Running out of it ends the program with exit 1 and a
 * sentence, so callers need no branch. What is large (weights, state, step) is asked for with `memory_try`, which says
 * no instead, after the plan said that it fits.
 *
 * Sizes are count x size, multiplied with an overflow check. Everything new is zeroed. */
#ifndef KERNELS_MEMORY_H
#define KERNELS_MEMORY_H
#include <stddef.h>

void *memory_new(size_t count, size_t size);                      /* zeroed; count 0 gives a pointer that may be freed */
void *memory_grow(void *old, size_t count, size_t size);          /* realloc; new bytes are not zeroed */
void *memory_copy(const void *from, size_t count, size_t size);
char *memory_string(const char *text);                            /* a copy; NULL gives NULL */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *memory_try(size_t bytes);                                   /* 64-byte aligned, zeroed, NULL when there is none; free() */

/* Room for one more element in a growing array: `list` has `n` elements of room for `cap`; doubles when full. */
#define MEMORY_PUSH(list, n, cap)                                                              \
    (*((n) < (cap) ? &(list)[(n)++]                                                            \
                   : ((cap) = (cap) ? 2 * (cap) : 8, (list) = memory_grow((list), (size_t)(cap), sizeof *(list)), &(list)[(n)++])))

#endif
