/* One example as text, with what is trained marked: what a user should see before a run. Wrong templates, masked answers and
 * prompts trained by accident are plain in it. */
#ifndef DATA_SET_PREVIEW_H
#define DATA_SET_PREVIEW_H
#include "data/set/examples.h"
#include "data/text/tokenizer.h"
#include "kernels/buffer.h"

typedef enum { PREVIEW_BRACKETS, PREVIEW_UNDERLINED } PreviewMarks;      /* ⟦trained⟧, or underlined by ANSI escapes */

/* Appends the first `max_tokens` tokens of example `i`, special ones included, and a line about the rest, if any. Trained means
 * scored: the first token of a document is not. Control characters but newline and tab are shown as ·. */
void preview_example(const Tokenizer *, const Examples *, int64_t i, int64_t max_tokens, PreviewMarks, Buffer *out);

/* Appends the ids of example `i`, a space between two, marked the same way. */
void preview_ids(const Examples *, int64_t i, PreviewMarks, Buffer *out);

#endif
