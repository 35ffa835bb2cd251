/* Where a run stands: plain numbers, so that a checkpoint is a copy of them and a resumed run goes on with the same bits.
 * Names and meanings are those of transformers' TrainerState and Trainer's private sums. */
#ifndef TRAIN_RUN_PROGRESS_H
#define TRAIN_RUN_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

/* What is to be done before the next step, in this order. What is done is no longer due, so a run that is stopped in
 * between (or a checkpoint of a step, written before its epoch is ended) knows what is left. */
typedef struct { bool log, evaluate, save; } Due;

typedef struct {
    int64_t global_step;                     /* optimizer steps done */
    double  epoch;                           /* as logged: whole epochs and the share of the current one */
    int64_t num_tokens;                      /* met in training so far, prompts included */
    double  total_flos;

    Due     due;
    bool    epoch_open;                      /* steps were done since the last time that an epoch was ended */
    int64_t last_saved;                      /* global_step of the last checkpoint that save_strategy asked for; 0: none */

    double  tr_loss;                         /* sum of step losses since the last log */
    double  total_loss;                      /* of all before */
    int64_t last_logged;                     /* global_step of the last log */
    double  entropy_sum, accuracy_sum;       /* of micro-batches since the last log */
    int64_t n_micro_batches;
    double  grad_norm, learning_rate;        /* of the last step */

    bool    has_best;
    double  best_metric;
    int64_t best_global_step;                /* 0: none */
    int64_t worse;                           /* evaluations since the last better one, for early stopping */
} Progress;

#endif
