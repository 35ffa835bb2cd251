/* A text on its way through the pipeline. Every byte knows which bytes of the original text it stands for; all bytes of a code
 * point know the same, so a token that holds half a code point stands for all of it, as in the reference.
 *
 * The text is cut into pieces, in order. Some are added tokens already; the others become tokens in the end. Normalizers and
 * pre-tokenizers write a new text piece by piece and take it over, or cut the pieces. */
#ifndef DATA_TEXT_ALIGNED_H
#define DATA_TEXT_ALIGNED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/status.h"

typedef struct { char *bytes; uint32_t *begin, *end; size_t n, cap; } Aligned;

void aligned_add(Aligned *, const char *bytes, size_t n, uint32_t begin, uint32_t end);     /* all of them stand for [begin, end) */
void aligned_add_range(Aligned *, const Aligned *from, size_t begin, size_t end);           /* a copy of from[begin..end) */
void aligned_add_original(Aligned *, const char *text, size_t n);                           /* stands for itself */
void aligned_free(Aligned *);

/* A code point that a transformation writes, and how it uses up the old ones: 0 takes the place of the next, -k of the next
 * k + 1 (and stands for the first of them), 1 is inserted and stands for the one used up last. */
typedef struct { uint32_t code; int change; } Change;
void aligned_add_changes(Aligned *, const Aligned *from, size_t begin, size_t end, const Change *, size_t n);

typedef struct { uint32_t begin, end; int32_t token; } Piece;      /* token: of an added token, else -1 */
typedef struct { Piece *piece; size_t n, cap; } Pieces;

typedef struct {
    Aligned text, next_text;       /* `next_*` is what a step is writing */
    Pieces  pieces, next_pieces;
} Pipeline;

void pipeline_push(Pipeline *, size_t begin, size_t end, int32_t token);      /* to next_pieces; drops an empty one that is no token */
void pipeline_take_pieces(Pipeline *);                                        /* next_pieces become pieces */
void pipeline_take(Pipeline *);                                               /* next_text and next_pieces become text and pieces */
void pipeline_start(Pipeline *, const char *text, size_t n);                  /* one piece: all of the text */
void pipeline_free(Pipeline *);

/* Writes every piece that is no added token anew. */
typedef Status WriteFn(const void *self, Aligned *out, const Aligned *text, Piece);
Status pipeline_rewrite(Pipeline *, WriteFn *, const void *self);

#endif
