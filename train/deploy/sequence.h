/* One sequence that a model reads and goes on with: the prompt in pieces, then token by token, keys and values cached.
 *
 * Two kinds of step are laid out once, in one arena, and replayed for every place in the sequence: `piece` reads up to
 * SEQUENCE_PIECE tokens and only fills the cache (the layout drops what nobody reads, such as the last layer's feed-forward);
 * `one` reads a token and gives the logits of the next. Both are measured where the cache is full, so at any place before
 * they ask for less.
 *
 * dynamic rope sees what transformers shows it: the whole prompt at once, then each new length; keys that are cached stay
 * as they were turned. */
#ifndef TRAIN_DEPLOY_SEQUENCE_H
#define TRAIN_DEPLOY_SEQUENCE_H
#include "train/model/decoder.h"

enum { SEQUENCE_PIECE = 512 };

typedef struct { Layout *layout; Tape tape; bool logits; } SequenceStep;

typedef struct {
    Model         *model;        /* its rope's tables and state change */
    const Adapter *adapter;
    Cache          cache;
    SequenceStep   piece, one;
    int32_t       *position;     /* [capacity] 0, 1, … */
    void          *memory;       /* the arena, then the cache */
    size_t         bytes;
} Sequence;

/* Room for `capacity` tokens. `adapter` may be NULL. STATUS_INPUT where that and the model take more than `available` bytes. */
Status sequence_open(Sequence *, const Backend *, Model *, const Adapter *adapter, int64_t capacity, int64_t available);
void   sequence_close(Sequence *);                                              /* accepts {0} */

/* Logits [vocab_size] of the token after the prompt (n >= 1), or after one more token. They hold until the next call. */
const float *sequence_start(Sequence *, const int32_t *prompt, int64_t n);
const float *sequence_next(Sequence *, int32_t token);

/* Starts as well, token by token, and keeps every row: logits [n, vocab_size]. */
const float *sequence_start_logged(Sequence *, const int32_t *prompt, int64_t n, float *logits);

#endif
