#include "kernels/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *have(void *p, size_t count, size_t size)
{
    if (p) return p;
    fprintf(stderr, "graft: out of memory asking for %zu x %zu bytes\n", count, size);
    exit(1);
}

void *memory_new(size_t count, size_t size)
{
    if (!count) count = 1;
    return have(calloc(count, size), count, size);
}

void *memory_grow(void *old, size_t count, size_t size)
{
    if (!count) count = 1;
    return have(reallocarray(old, count, size), count, size);
}

void *memory_copy(const void *from, size_t count, size_t size)
{
    void *to = memory_new(count, size);
    if (count) memcpy(to, from, count * size);
    return to;
}

char *memory_string(const char *text) { return text ? memory_copy(text, strlen(text) + 1, 1) : NULL; }

char *memory_format(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return have(n < 0 ? NULL : text, 1, 1);
}

void *memory_try(size_t bytes)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, bytes ? bytes : 64)) return NULL;
    return memset(p, 0, bytes);
}
