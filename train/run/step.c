#include "train/run/step.h"

#include <stdlib.h>

#include "kernels/memory.h"

/* Nodes and records of a forward: generous, and checked by the tape. */
static int tape_room(const Forward *f) { return 64 + 64 * (int)f->model->config.num_hidden_layers; }

static Scores record(Step *step, const Forward *f)
{
    tape_begin(&step->tape, step->kind.gradient ? TAPE_RECORD : TAPE_OFF);
    Scores scores = sft_record(&step->tape, f, step->coef, step->kind.smoothing, step->kind.gradient);
    tape_end(&step->tape);
    return scores;
}

void step_init(Step *step, const Backend *backend, const Forward *capacity, StepKind kind)
{
    *step = (Step){ .layout = layout_open(), .coef = memory_new((size_t)capacity->batch->n_scored, sizeof(float)), .kind = kind };
    tape_init(&step->tape, backend, step->layout, tape_room(capacity), tape_room(capacity));
    step->tape.keep_bf16 = kind.keep_bf16;
    record(step, capacity);
}

void step_free(Step *step)
{
    tape_free(&step->tape);
    layout_close(step->layout);
    free(step->coef);
    *step = (Step){0};
}

SftResult step_run(Step *step, const Forward *f, int64_t n_trained)
{
    for (int64_t i = 0; i < f->batch->n_scored; i++) step->coef[i] = (float)(-1.0 / (double)n_trained);
    Scores scores = record(step, f);
    return sft_result(&step->tape, scores, step->coef);
}
