/* The memory plan: what a run will hold, by purpose, computed before anything is allocated by the code that allocates.
 *
 * The step is measured by running it at capacity without kernels (layout.h), so the plan cannot drift from the run. With
 * gradient_checkpointing true, layers are recomputed only as far as the plan needs it to fit: the first n, n as small as
 * will do. A plan that does not fit is refused, and the refusal names keys that would make it fit, measured the same way. */
#ifndef TRAIN_RUN_PLAN_H
#define TRAIN_RUN_PLAN_H
#include <stdio.h>

#include "train/run/trainer.h"

/* Measures both steps of the trainer, chooses how many layers are recomputed, and fills t->plan. STATUS_INPUT when it does not
 * fit into `available` bytes. */
Status  plan_make(Trainer *, int64_t available);
int64_t plan_bytes(const Plan *);
void    plan_print(const Trainer *, FILE *);

#endif
