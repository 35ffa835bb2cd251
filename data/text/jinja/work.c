#include "data/text/jinja/work.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

enum {
    MAX_STEPS = 20 * 1000 * 1000,        /* a few seconds; long conversations take some 100,000 */
    MAX_DEPTH = 1000,
    MAX_BYTES = 128 << 20,               /* together with the text, while its buffer grows, below 256 MiB */
    MAX_TEXT  = 32 << 20,
    BLOCK_BYTES = 16 << 10,
};

struct Block {
    Block *next;
    size_t used, cap;
    max_align_t data[];
};

void jinja_raise(Work *w, const char *format, ...)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < w->at && i < w->n_source; i++) {
        bool continues = (w->source[i] & 0xC0) == 0x80;
        column = w->source[i] == '\n' ? 1 : column + !continues;
        line += w->source[i] == '\n';
    }
    char *message = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&message, format, args) < 0) message = NULL;
    va_end(args);
    fail(STATUS_INPUT, "%s:%d:%d: %s", w->name, line, column, message ? message : "out of memory");
    free(message);
    longjmp(w->leave, 1);
}

void jinja_spend(Work *w, size_t steps)
{
    if (steps > MAX_STEPS || (w->n_steps += (int64_t)steps) > MAX_STEPS)
        jinja_raise(w, "the template runs too long (more than %d steps)", MAX_STEPS);
}

void jinja_spend_points(Work *w, size_t bytes) { jinja_spend(w, bytes / 2); }

void jinja_enter(Work *w)
{
    if (++w->depth > MAX_DEPTH) jinja_raise(w, "nested too deep (more than %d levels)", MAX_DEPTH);
}

void jinja_leave(Work *w) { w->depth--; }

void *jinja_new(Work *w, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > MAX_BYTES || (w->n_bytes += bytes) > MAX_BYTES)
        jinja_raise(w, "the template needs too much memory (more than %d MiB)", MAX_BYTES >> 20);
    bytes = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!w->blocks || w->blocks->cap - w->blocks->used < bytes) {
        size_t cap = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        Block *block = memory_new(sizeof(Block) + cap, 1);
        *block = (Block){ .next = w->blocks, .cap = cap };
        w->blocks = block;
    }
    void *p = (char *)w->blocks->data + w->blocks->used;
    w->blocks->used += bytes;
    return p;
}

void jinja_free(Work *w)
{
    while (w->blocks) {
        Block *next = w->blocks->next;
        free(w->blocks);
        w->blocks = next;
    }
    buffer_free(&w->text);
}

size_t jinja_mark(const Work *w) { return w->text.len; }

void jinja_write(Work *w, const char *bytes, size_t n)
{
    if (n > MAX_TEXT || w->text.len + n > MAX_TEXT) jinja_raise(w, "the text becomes too long (more than %d MiB)", MAX_TEXT >> 20);
    jinja_spend(w, 1 + n / 16);          /* what is written byte by byte is paid for too */
    buffer_add(&w->text, bytes, n);
}

void jinja_write_text(Work *w, const char *text) { jinja_write(w, text, strlen(text)); }

Value jinja_take(Work *w, size_t mark)
{
    size_t n = w->text.len - mark;
    char *s = jinja_new(w, n + 1, 1);
    if (n) memcpy(s, w->text.data + mark, n);
    w->text.len = mark;
    return value_string(s, n);
}
