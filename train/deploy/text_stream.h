/* Tokens to text as they come, in whole characters: what a later token may still change or complete is held back.
 *
 * A token's text depends on its neighbours (half a character, a blank that only a first word loses), so the newest tokens are
 * decoded together with those of the piece before, and what is longer now is new. Special tokens give no text. */
#ifndef TRAIN_DEPLOY_TEXT_STREAM_H
#define TRAIN_DEPLOY_TEXT_STREAM_H
#include "data/text/tokenizer.h"

typedef struct {
    const Tokenizer *tokenizer;
    int32_t *id;                     /* from the piece before on */
    int64_t  n, cap, n_before;       /* of them, those whose text is out already */
} TextStream;

void text_stream_add(TextStream *, int32_t id, Buffer *out);      /* appends what is sure now */
void text_stream_end(TextStream *, Buffer *out);                  /* the rest; a broken character as U+FFFD */
void text_stream_free(TextStream *);

#endif
