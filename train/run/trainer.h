/* The trainer: recipe -> model -> adapter -> examples -> batches -> steps -> log, evaluation, checkpoint -> adapter folder. */
#ifndef TRAIN_RUN_TRAINER_H
#define TRAIN_RUN_TRAINER_H
#include "data/set/dataset.h"
#include "data/set/sampler.h"
#include "optim/adamw.h"
#include "train/rows/rows_input.h"
#include "train/run/device.h"
#include "train/run/progress.h"
#include "train/run/report.h"
#include "train/run/step.h"
#include "train/run/tensorboard.h"

/* Fingerprints of what the run works on (fingerprint.h), by which a checkpoint knows it again. */
typedef struct { uint64_t model, train, eval; } RunInputs;

/* Bytes a run holds, by purpose; see plan.h. */
typedef struct {
    int64_t weights, state, step, tables, data, program;
    int64_t available;
    int     n_recomputed;                    /* layers */
    double  flops;                           /* of the largest micro-batch, both directions */
} Plan;

struct Trainer {
    Recipe     recipe;
    Notices    notices;
    Pool      *pool;
    RunDevice  device;
    Backend    backend;                      /* the device's */
    Model      model;
    RowsInput  text;
    State      state;
    Adapter    adapter;

    Examples   train, eval;                  /* eval.n 0: none */
    DatasetCounts train_counts, eval_counts;
    Padding    padding, eval_padding;
    Sampler    sampler;
    RunInputs  inputs;
    int64_t    steps_per_epoch, max_steps;
    int64_t    logging_steps, eval_steps, save_steps;       /* in optimizer steps */

    Plan       plan;
    Step       train_step, eval_step;
    Profile    profile;                      /* of both, in this process */
    void      *arena;                        /* of both, plan.step bytes */
    Batch     *batch;                        /* [n_batches] */
    int64_t    n_batches;
    Batch      eval_batch;

    AdamW      adamw;
    Schedule   schedule;
    Progress   progress;
    double     flos_per_token;               /* Trainer's floating_point_ops: 6 x parameters without embeddings, the adapter's too */
    Json      *log_history;                  /* a list, as trainer_state.json holds it */
    Report     report;
    Tensorboard board;
    double     last_loss;                    /* of the last step, for the bar */
    Json      *callbacks;                    /* its stateful_callbacks, as of the last checkpoint; NULL before */
    char      *best_model_checkpoint;        /* path, or NULL */
    double     start_seconds;                /* of this process's training, monotonic */
    int64_t    start_step;
    bool       stopping;                     /* early stopping */
};

/* setup.c: up to the first step. */
Status  trainer_open(Trainer *, int argc, char **argv);
void    trainer_close(Trainer *);                           /* accepts {0} */
int64_t trainer_most_batches(const Trainer *);              /* micro-batches of a step: the accumulation, or all of an epoch */
StepKind trainer_step_kind(const Trainer *, bool training);
Forward trainer_forward(const Trainer *, const Batch *, bool training);

/* trainer.c: the loop. */
Status  trainer_train(Trainer *);

/* log.c: entries of log_history, as Trainer and SFTTrainer write them. */
Status  trainer_log_step(Trainer *);
Status  trainer_log_end(Trainer *);                         /* train_runtime, train_loss, … */
Status  trainer_log(Trainer *, Json *entry);                /* adds epoch and step, keeps it, shows it, reports it */

/* evaluate.c: eval_loss over the eval examples, logged; early stopping and the best metric are judged. `better`: a new best.
 * STATUS_STOPPED, and nothing has happened, where a signal came in between. */
Status  trainer_evaluate(Trainer *, bool *better);

#endif
