/* One micro-batch through the tape: laid out once at capacity, then replayed for every batch.
 *
 * A Step is of one kind: training (forward and reverse walk) or evaluation (forward). Steps of several kinds may share an
 * arena, since only one runs at a time. */
#ifndef TRAIN_RUN_STEP_H
#define TRAIN_RUN_STEP_H
#include "kernels/layout.h"
#include "train/objective/sft.h"

typedef struct { float smoothing; bool gradient, keep_bf16; } StepKind;      /* keep_bf16: tape.h */
typedef struct {
    Layout  *layout;
    Tape     tape;
    float   *coef;           /* [n_scored] of the capacity */
    float   *fetched;        /* the same for score, entropy and correct, where kernels write to a device */
    StepKind kind;
} Step;

/* Measures: `capacity` has the sizes of the largest batch. The arena needs layout_bytes(step->layout). */
void      step_init(Step *, const Backend *, const Forward *capacity, StepKind);
void      step_free(Step *);

/* `n_trained`: N of the whole optimizer step, or of the evaluated batch. STATUS_FAULT where a device fails. */
Status    step_run(Step *, const Forward *, int64_t n_trained, SftResult *);

#endif
