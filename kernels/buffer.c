#include "kernels/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static void reserve(Buffer *b, size_t more)
{
    if (b->len + more + 1 <= b->cap) return;
    b->cap = (b->len + more + 1) * 2;
    b->data = memory_grow(b->data, b->cap, 1);
}

void buffer_add(Buffer *b, const void *bytes, size_t n)
{
    reserve(b, n);
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = 0;
}

void buffer_add_string(Buffer *b, const char *text) { buffer_add(b, text, strlen(text)); }

void buffer_add_char(Buffer *b, char c) { buffer_add(b, &c, 1); }

void buffer_format(Buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    reserve(b, (size_t)n);
    vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
    b->len += (size_t)n;
    va_end(again);
    va_end(args);
}

void buffer_clear(Buffer *b)
{
    b->len = 0;
    if (b->data) b->data[0] = 0;
}

char *buffer_take(Buffer *b)
{
    buffer_add(b, "", 0);
    char *text = b->data;
    *b = (Buffer){0};
    return text;
}

void buffer_free(Buffer *b)
{
    free(b->data);
    *b = (Buffer){0};
}
