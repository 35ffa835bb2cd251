/* Learning rates over a run, as Trainer's get_scheduler gives them (transformers 5.23 optimization.py; torch's
 * ReduceLROnPlateau). Optimizer step k = 0, 1, ... of `total` uses base_lr * factor(k); `w` is the number of warm-up
 * steps, whose factors climb from 0, so the first step of a warm-up has rate 0.
 *
 * Every schedule but reduce_lr_on_plateau is a function of k: nothing to save, nothing to step. That one keeps a small
 * state (`plateau`), fed by schedule_observe after each evaluation; a checkpoint saves it as it is.
 * Everything is double, in Python's order of operations: equal to the peer to the last bits. */
#ifndef OPTIM_SCHEDULE_H
#define OPTIM_SCHEDULE_H
#include <stdbool.h>
#include <stdint.h>

#include "kernels/status.h"

typedef enum {
    SCHEDULE_LINEAR, SCHEDULE_COSINE, SCHEDULE_COSINE_WITH_RESTARTS, SCHEDULE_POLYNOMIAL, SCHEDULE_CONSTANT,
    SCHEDULE_CONSTANT_WITH_WARMUP, SCHEDULE_INVERSE_SQRT, SCHEDULE_REDUCE_LR_ON_PLATEAU, SCHEDULE_COSINE_WITH_MIN_LR,
    SCHEDULE_COSINE_WARMUP_WITH_MIN_LR, SCHEDULE_WARMUP_STABLE_DECAY,
    SCHEDULE_COUNT
} ScheduleKind;

typedef enum { SHAPE_LINEAR, SHAPE_COSINE, SHAPE_ONE_MINUS_SQRT } ScheduleShape;
typedef enum { PLATEAU_MIN, PLATEAU_MAX } PlateauMode;
typedef enum { THRESHOLD_REL, THRESHOLD_ABS } ThresholdMode;

/* lr_scheduler_kwargs. Not given: NAN, or -1 for counts; schedule_options says so for every field that has no fixed default. */
typedef struct {
    double num_cycles;                           /* waves; NAN: 0.5, or 1 with cosine_with_restarts */
    double power, lr_end;                        /* polynomial */
    double min_lr, min_lr_rate, warmup_lr_rate;  /* a rate, or its share of the base rate; NAN: not given */
    int64_t timescale;                           /* inverse_sqrt; -1: w, or 10000 without warm-up */
    int64_t num_decay_steps, num_stable_steps;   /* warmup_stable_decay; -1: not given */
    ScheduleShape warmup_type, decay_type;
    double min_lr_ratio;
    PlateauMode mode;                            /* reduce_lr_on_plateau, down to min_lr (NAN: 0) */
    ThresholdMode threshold_mode;
    double factor, threshold, eps;
    int64_t patience, cooldown;
} ScheduleOptions;

extern const ScheduleOptions schedule_options;   /* the peer's defaults */

typedef struct { double lr, best; int64_t bad, cooldown; } Plateau;

typedef struct {
    ScheduleKind kind;
    double base_lr;
    int64_t warmup, total;
    ScheduleOptions options;                     /* every default filled in */
    Plateau plateau;                             /* all that reduce_lr_on_plateau remembers */
} Schedule;

extern const char *const schedule_names[SCHEDULE_COUNT + 1];   /* as lr_scheduler_type spells them; NULL ends */
extern const char *const schedule_kwargs[SCHEDULE_COUNT];      /* the kwargs that each takes, "|" between */

/* warmup_steps as a recipe gives it: below 1 a share of `total`, rounded up; otherwise a count, rounded down. */
int64_t schedule_warmup(double warmup_steps, int64_t total);

/* Fills the options that depend on others and checks those that exclude each other; messages name the key. */
Status  schedule_init(Schedule *, ScheduleKind, double base_lr, int64_t warmup, int64_t total, ScheduleOptions);
double  schedule_lr(const Schedule *, int64_t k);              /* the rate of step k */
void    schedule_observe(Schedule *, double metric);           /* after an evaluation; only reduce_lr_on_plateau listens */

#endif
