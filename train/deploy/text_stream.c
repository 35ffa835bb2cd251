#include "train/deploy/text_stream.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static bool ends_broken(const Buffer *text)
{
    return text->len >= 3 && !memcmp(text->data + text->len - 3, "\xef\xbf\xbd", 3);
}

/* Gives out what the tokens after the piece before add, and makes them the piece before. */
static void advance(TextStream *s, bool whole, Buffer *out)
{
    Buffer before = {0}, all = {0};
    tokenizer_decode(s->tokenizer, s->id, s->n_before, true, &before);
    tokenizer_decode(s->tokenizer, s->id, s->n, true, &all);
    if (all.len > before.len && (whole || !ends_broken(&all))) {
        buffer_add(out, all.data + before.len, all.len - before.len);
        s->n -= s->n_before;
        memmove(s->id, s->id + s->n_before, (size_t)s->n * sizeof *s->id);
        s->n_before = s->n;
    }
    buffer_free(&before);
    buffer_free(&all);
}

void text_stream_add(TextStream *s, int32_t id, Buffer *out)
{
    MEMORY_PUSH(s->id, s->n, s->cap) = id;
    advance(s, false, out);
}

void text_stream_end(TextStream *s, Buffer *out) { advance(s, true, out); }

void text_stream_free(TextStream *s)
{
    free(s->id);
    *s = (TextStream){0};
}
