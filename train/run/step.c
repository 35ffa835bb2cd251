#include "train/run/step.h"

#include <stdlib.h>

#include "kernels/memory.h"
#include "train/run/placement.h"

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
    if (backend->memory) step->fetched = memory_new((size_t)capacity->batch->n_scored, 3 * sizeof(float));
    tape_init(&step->tape, backend, step->layout, tape_room(capacity), tape_room(capacity));
    step->tape.keep_bf16 = kind.keep_bf16;
    record(step, capacity);
}

void step_free(Step *step)
{
    tape_free(&step->tape);
    layout_close(step->layout);
    free(step->coef);
    free(step->fetched);
    *step = (Step){0};
}

/* What kernels wrote of one result, where it can be read. */
static Status fetch(Step *step, Var var, int place, const float **out)
{
    const Backend *b = step->tape.backend;
    Tensor t = tape_value(&step->tape, var);
    *out = t.data;
    if (!b->memory) return STATUS_OK;
    float *to = step->fetched + place * t.rows;
    *out = to;
    return b->memory->read(b->device, to, t.data, (size_t)t.rows * sizeof *to);
}

Status step_run(Step *step, const Forward *f, int64_t n_trained, SftResult *result)
{
    int64_t n = f->batch->n_scored;
    for (int64_t i = 0; i < n; i++) step->coef[i] = (float)(-1.0 / (double)n_trained);
    TRY(placement_batch(step->tape.backend, f, step->coef));
    Scores scores = record(step, f);
    SftRows rows;
    TRY(fetch(step, scores.score, 0, &rows.score));
    TRY(fetch(step, scores.entropy, 1, &rows.entropy));
    TRY(fetch(step, scores.correct, 2, &rows.correct));
    *result = sft_result(&rows, step->coef, n);
    return STATUS_OK;
}
