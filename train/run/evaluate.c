#include <math.h>
#include <stdlib.h>

#include "kernels/memory.h"
#include "train/run/stop.h"
#include "train/run/trainer.h"

/* Sums over the eval set. Trainer's eval_loss is a mean over samples in which each counts with its batch's token mean, and
 * batches whose loss is not finite do not count; a padding-free batch is one sample. */
typedef struct { double loss, samples, entropy, accuracy, batches; } EvalSums;

static Status evaluate_batch(Trainer *t, const int64_t *index, int64_t n, EvalSums *sums)
{
    batch_collate(&t->eval_batch, &t->eval, index, n, t->eval_padding);
    model_meet(&t->model, t->eval_batch.longest);
    Forward f = trainer_forward(t, &t->eval_batch, false);
    SftResult result;
    TRY(step_run(&t->eval_step, &f, batch_trained_tokens(&t->eval_batch, 1, false), &result));
    sums->entropy += result.entropy;
    sums->accuracy += result.mean_token_accuracy;
    sums->batches++;
    /* The smoothed loss is a mean over scored tokens without a guard: 0 / 0 where there is none, which Trainer leaves out. */
    bool none = t->recipe.label_smoothing_factor > 0 && !t->eval_batch.n_scored;
    if (none || !isfinite(result.loss)) return STATUS_OK;
    sums->loss += result.loss * (double)t->eval_batch.padded_batch;
    sums->samples += (double)t->eval_batch.padded_batch;
    return STATUS_OK;
}

static void judge(Trainer *t, double metric, bool *better)
{
    Progress *p = &t->progress;
    bool greater = t->recipe.greater_is_better == MAYBE_YES;
    *better = !p->has_best || (greater ? metric > p->best_metric : metric < p->best_metric);
    bool enough = !p->has_best || (*better && fabs(metric - p->best_metric) > t->recipe.early_stopping_threshold);
    p->worse = enough ? 0 : p->worse + 1;
    if (t->recipe.early_stopping_patience && p->worse >= t->recipe.early_stopping_patience) t->stopping = true;
    if (!*better) return;
    p->has_best = true;
    p->best_metric = metric;
    if (t->recipe.save_strategy != STRATEGY_NO) p->best_global_step = p->global_step;
}

Status trainer_evaluate(Trainer *t, bool *better)
{
    double start = profile_now();
    EvalSums sums = {0};
    int64_t size = t->recipe.per_device_eval_batch_size, *index = memory_new((size_t)size, sizeof *index), rope_seen = model_seen(&t->model);
    int64_t end = t->recipe.dataloader_drop_last ? t->eval.n / size * size : t->eval.n;
    Status status = STATUS_OK;
    for (int64_t first = 0; first < end && status == STATUS_OK && !stop_requested(); first += size) {
        int64_t n = end - first < size ? end - first : size;
        for (int64_t i = 0; i < n; i++) index[i] = first + i;
        status = evaluate_batch(t, index, n, &sums);
    }
    free(index);
    TRY(status);
    if (stop_requested()) {
        model_restore_seen(&t->model, rope_seen);
        return STATUS_STOPPED;
    }
    double seconds = profile_now() - start, loss = sums.loss / sums.samples;
    Json *entry = json_new_object();
    json_set(entry, "eval_loss", json_new_real(loss));
    json_set(entry, "eval_runtime", json_new_real(seconds));
    json_set(entry, "eval_samples_per_second", json_new_real((double)t->eval.n / seconds));
    json_set(entry, "eval_steps_per_second", json_new_real(sums.batches / seconds));
    json_set(entry, "eval_entropy", json_new_real(sums.entropy / sums.batches));
    json_set(entry, "eval_num_tokens", json_new_real((double)t->progress.num_tokens));
    json_set(entry, "eval_mean_token_accuracy", json_new_real(sums.accuracy / sums.batches));
    TRY(trainer_log(t, entry));
    *better = false;
    if (!t->progress.global_step) return STATUS_OK;      /* eval_on_start is only looked at: no schedule and no best model hears of it */
    if (t->recipe.metric_for_best_model != BEST_NONE) judge(t, loss, better);
    schedule_observe(&t->schedule, loss);
    return STATUS_OK;
}
