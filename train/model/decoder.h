/* The decoder: one forward for every family, written in operations; a layer is a segment. */
#ifndef TRAIN_MODEL_DECODER_H
#define TRAIN_MODEL_DECODER_H
#include "data/set/batch.h"
#include "train/adapter/method.h"

/* Keys and values of one sequence for generation, [layers][capacity, kv heads * head_dim] each; `length` rows are filled. */
typedef struct { float *k, *v; int64_t capacity, length; } Cache;

/* One forward. It must stay as it is until the reverse walk ends. */
typedef struct {
    const Model   *model;
    const Batch   *batch;
    const Adapter *adapter;          /* NULL: the bare model */
    Cache         *cache;            /* NULL: attention within the batch; else the batch is the sequence's next rows */
    PhiloxKey      random;           /* seed, step, micro-batch */
    bool           training;         /* dropout, the adapter's and the base model's, and noise */
    float          noise;            /* NEFTune's m = alpha / sqrt(T d); 0: none */
    int            n_recomputed;     /* the first n layers are recomputed in the reverse walk */
} Forward;

Var decoder_hidden(Tape *, const Forward *);         /* [batch rows, hidden_size], after the last norm: what the head multiplies */
Var decoder_logits(Tape *, const Forward *);         /* [batch rows, vocab_size]; without gradient */

#endif
