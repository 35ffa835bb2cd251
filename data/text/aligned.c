#include "data/text/aligned.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/utf8.h"
#include "kernels/memory.h"

static void reserve(Aligned *text, size_t more)
{
    if (text->n + more <= text->cap) return;
    text->cap = (text->n + more) * 2;
    text->bytes = memory_grow(text->bytes, text->cap, 1);
    text->begin = memory_grow(text->begin, text->cap, sizeof *text->begin);
    text->end = memory_grow(text->end, text->cap, sizeof *text->end);
}

void aligned_add(Aligned *text, const char *bytes, size_t n, uint32_t begin, uint32_t end)
{
    reserve(text, n);
    for (size_t i = 0; i < n; i++, text->n++) {
        text->bytes[text->n] = bytes[i];
        text->begin[text->n] = begin;
        text->end[text->n] = end;
    }
}

void aligned_add_range(Aligned *text, const Aligned *from, size_t begin, size_t end)
{
    size_t n = end - begin;
    if (!n) return;
    reserve(text, n);
    memcpy(text->bytes + text->n, from->bytes + begin, n);
    memcpy(text->begin + text->n, from->begin + begin, n * sizeof *text->begin);
    memcpy(text->end + text->n, from->end + begin, n * sizeof *text->end);
    text->n += n;
}

void aligned_add_original(Aligned *text, const char *original, size_t n)
{
    reserve(text, n);
    for (size_t at = 0, length; at < n; at += length) {
        length = utf8_length(original[at]);
        aligned_add(text, original + at, length, (uint32_t)at, (uint32_t)(at + length));
    }
}

void aligned_free(Aligned *text)
{
    free(text->bytes);
    free(text->begin);
    free(text->end);
    *text = (Aligned){0};
}

void aligned_add_changes(Aligned *text, const Aligned *from, size_t begin, size_t end, const Change *change, size_t n)
{
    size_t used = begin;
    for (size_t i = 0; i < n; i++) {
        size_t at = change[i].change > 0 || used == end ? (used ? used - 1 : 0) : used;
        char bytes[4];
        aligned_add(text, bytes, utf8_put(bytes, change[i].code), from->begin[at], from->end[at]);
        for (int k = change[i].change; k <= 0 && used < end; k++) used += utf8_length(from->bytes[used]);
    }
}

void pipeline_push(Pipeline *p, size_t begin, size_t end, int32_t token)
{
    if (begin == end && token < 0) return;
    MEMORY_PUSH(p->next_pieces.piece, p->next_pieces.n, p->next_pieces.cap) = (Piece){ (uint32_t)begin, (uint32_t)end, token };
}

void pipeline_take_pieces(Pipeline *p)
{
    Pieces old = p->pieces;
    p->pieces = p->next_pieces;
    p->next_pieces = old;
    p->next_pieces.n = 0;
}

void pipeline_take(Pipeline *p)
{
    Aligned old = p->text;
    p->text = p->next_text;
    p->next_text = old;
    p->next_text.n = 0;
    pipeline_take_pieces(p);
}

void pipeline_start(Pipeline *p, const char *text, size_t n)
{
    aligned_add_original(&p->text, text, n);
    pipeline_push(p, 0, n, -1);
    pipeline_take_pieces(p);
}

Status pipeline_rewrite(Pipeline *p, WriteFn *write, const void *self)
{
    for (size_t i = 0; i < p->pieces.n; i++) {
        Piece piece = p->pieces.piece[i];
        size_t begin = p->next_text.n;
        if (piece.token >= 0) aligned_add_range(&p->next_text, &p->text, piece.begin, piece.end);
        else TRY(write(self, &p->next_text, &p->text, piece));
        pipeline_push(p, begin, p->next_text.n, piece.token);
    }
    pipeline_take(p);
    return STATUS_OK;
}

void pipeline_free(Pipeline *p)
{
    aligned_free(&p->text);
    aligned_free(&p->next_text);
    free(p->pieces.piece);
    free(p->next_pieces.piece);
    *p = (Pipeline){0};
}
