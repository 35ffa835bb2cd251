/* The trainer: recipe -> model -> adapter -> examples -> batches -> steps -> log, evaluation, checkpoint -> adapter folder. */
#ifndef TRAIN_RUN_TRAINER_H
#define TRAIN_RUN_TRAINER_H
#include "data/set/sampler.h"
#include "data/text/tokenizer.h"
#include "optim/adamw.h"
#include "train/run/progress.h"
#include "train/run/step.h"

typedef struct {
    Recipe     recipe;
    Notices    notices;
    Pool      *pool;
    Backend    backend;
    Model      model;
    Tokenizer *tokenizer;                    /* NULL: the folder has none, and rows are tokens */
    State      state;
    Adapter    adapter;

    Examples   train, eval;                  /* eval.n 0: none */
    Padding    padding, eval_padding;
    Sampler    sampler;
    int64_t    steps_per_epoch, max_steps;

    Step       train_step, eval_step;
    void      *arena;
    size_t     arena_bytes;
    Batch     *batch;                        /* [gradient_accumulation_steps] */
    Batch      eval_batch;

    AdamW      adamw;
    Schedule   schedule;
    Progress   progress;
    Json      *log_history;                  /* a list, as trainer_state.json holds it */
    bool       stopping;                     /* early stopping, or a signal */
} Trainer;

Status trainer_open(Trainer *, int argc, char **argv);     /* up to the plan: everything that can be wrong with the input is found here */
Status trainer_train(Trainer *);
void   trainer_close(Trainer *);                            /* accepts {0} */

#endif
