/* One piece of work on a template: a parse or a render. It owns the memory of everything made on the way, counts what is
 * spent, and knows where in the template it stands.
 *
 * Templates are untrusted, so every allocation, step and level of nesting is counted against a limit. Whatever goes
 * wrong, far down in an expression, ends the whole piece of work: `jinja_raise` records the message with line and column
 * and jumps back to the one `setjmp` of jinja.c, which frees the arena. That is why no function in this folder returns a
 * Status, and why none may keep memory outside the arena across a call that can raise.
 *
 * `text` is the output. What is being captured (a macro's body, a {% set %} block) or built (a joined string) stands
 * above it, between a mark and the end, and is taken off into the arena: a stack of strings in one buffer. */
#ifndef DATA_TEXT_JINJA_WORK_H
#define DATA_TEXT_JINJA_WORK_H
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/text/chat_template.h"
#include "data/text/jinja/value.h"
#include "kernels/buffer.h"

typedef struct Block Block;

struct Work {
    const char *name, *source;           /* of the template, for messages */
    size_t      n_source, at;            /* offset of what is being done */
    Block      *blocks;                  /* the arena */
    size_t      n_bytes;
    int64_t     n_steps;
    int         depth;
    jmp_buf     leave;
    Buffer      text;
    Scope      *scope;                   /* innermost names; render only, as is all below */
    const char *date;
    ChatText   *spans;
    int         n_captures;
    size_t      capture_begin;           /* end of the text that no capture may take away */
};

void jinja_raise(Work *, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));
void jinja_spend(Work *, size_t steps);              /* charge work that is not an expression: n items, n / 16 bytes */
void jinja_spend_points(Work *, size_t bytes);       /* … bytes that are looked at one code point after the other */
void jinja_enter(Work *);                            /* one level of nesting deeper; raises when too deep */
void jinja_leave(Work *);

void *jinja_new(Work *, size_t count, size_t size);  /* zeroed, lives until the work ends */
void  jinja_free(Work *);                            /* arena and text */

size_t jinja_mark(const Work *);
void   jinja_write(Work *, const char *bytes, size_t n);
void   jinja_write_text(Work *, const char *text);
Value  jinja_take(Work *, size_t mark);              /* what was written since the mark, as a string */

#endif
