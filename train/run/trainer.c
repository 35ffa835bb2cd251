#include "train/run/trainer.h"

#include <math.h>

#include "train/run/checkpoint.h"
#include "train/run/run_folder.h"
#include "train/run/stop.h"

/* A loss that is not finite is logged as the average so far, as Trainer does. */
static void count_loss(Trainer *t, const SftResult *result, const Batch *batch)
{
    Progress *p = &t->progress;
    bool filtered = t->recipe.logging_nan_inf_filter && !isfinite(result->loss);
    p->tr_loss += filtered ? p->tr_loss / (double)(1 + p->global_step - p->last_logged) : result->loss;
    p->entropy_sum += result->entropy;
    p->accuracy_sum += result->mean_token_accuracy;
    p->n_micro_batches++;
    p->num_tokens += batch->num_tokens;
    p->total_flos += t->flos_per_token * (double)(batch->padded_batch * batch->padded_length);
}

/* Forward and backward of every micro-batch; all are built first, so that N is known before the first forward. */
static Status accumulate(Trainer *t, int64_t epoch, int64_t first, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        SamplerBatch examples = sampler_batch(&t->sampler, epoch, first + i);
        batch_collate(&t->batch[i], &t->train, examples.index, examples.n, t->padding);
    }
    int64_t n_trained = batch_trained_tokens(t->batch, (int)n, t->model.config.family->counts_first_labels);
    state_zero_grad(&t->state, &t->backend);
    t->last_loss = 0;
    for (int64_t i = 0; i < n; i++) {
        Forward f = trainer_forward(t, &t->batch[i], true);
        f.random = (PhiloxKey){ .seed = (uint64_t)t->recipe.seed, .step = (uint32_t)t->progress.global_step, .micro_batch = (uint32_t)i };
        model_meet(&t->model, t->batch[i].longest);
        SftResult result;
        TRY(step_run(&t->train_step, &f, n_trained, &result));
        count_loss(t, &result, &t->batch[i]);
        t->last_loss += result.loss;
    }
    return STATUS_OK;
}

static Status update(Trainer *t)
{
    Progress *p = &t->progress;
    TRY(state_fetch_grad(&t->state, &t->backend));
    p->grad_norm = state_grad_norm(&t->state, t->pool);
    p->learning_rate = schedule_lr(&t->schedule, p->global_step);
    adamw_step(&t->adamw, &t->state, p->learning_rate, adamw_clip(p->grad_norm, t->recipe.max_grad_norm), t->pool);
    state_send_value(&t->state, &t->backend);
    p->global_step++;
    p->epoch_open = true;
    return STATUS_OK;
}

/* One optimizer step. */
static Status train_step(Trainer *t)
{
    int64_t epoch = t->progress.global_step / t->steps_per_epoch, step = t->progress.global_step % t->steps_per_epoch;
    int64_t n = sampler_step_batches(&t->sampler, step), first = step * t->recipe.gradient_accumulation_steps;
    TRY(accumulate(t, epoch, first, n));
    TRY(update(t));
    t->progress.epoch = (double)epoch + (double)(first + n) / (double)sampler_batches(&t->sampler);
    return STATUS_OK;
}

/* transformers' DefaultFlowCallback, at the end of a step … */
static Due due_after_step(const Trainer *t)
{
    const Recipe *r = &t->recipe;
    int64_t step = t->progress.global_step;
    bool last = step >= t->max_steps, late = (double)step >= r->eval_delay;
    return (Due){
        .log = (r->logging_strategy == STRATEGY_STEPS && step % t->logging_steps == 0) || (step == 1 && r->logging_first_step),
        .evaluate = r->eval_strategy == STRATEGY_STEPS && late && (step % t->eval_steps == 0 || last),
        .save = r->save_strategy == STRATEGY_STEPS && (step % t->save_steps == 0 || last),
    };
}

/* … and at the end of an epoch, or of training. */
static Due due_after_epoch(const Trainer *t)
{
    const Recipe *r = &t->recipe;
    return (Due){ .log = r->logging_strategy == STRATEGY_EPOCH, .evaluate = r->eval_strategy == STRATEGY_EPOCH && t->progress.epoch >= r->eval_delay,
                  .save = r->save_strategy == STRATEGY_EPOCH };
}

static Status do_what_is_due(Trainer *t)
{
    Due *due = &t->progress.due;
    if (due->log && t->progress.global_step > t->progress.last_logged) TRY(trainer_log_step(t));
    due->log = false;
    if (due->evaluate) {
        bool better;
        TRY(trainer_evaluate(t, &better));
        due->evaluate = false;
        if (t->recipe.save_strategy == STRATEGY_BEST) due->save = better;
    }
    if (!due->save) return STATUS_OK;
    due->save = false;
    return checkpoint_save(t);
}

static bool over(const Trainer *t) { return t->progress.global_step >= t->max_steps || t->stopping; }

/* Everything that the last step asks for. */
static Status settle(Trainer *t)
{
    Progress *p = &t->progress;
    TRY(do_what_is_due(t));
    if (!p->epoch_open || !(p->global_step % t->steps_per_epoch == 0 || over(t))) return STATUS_OK;
    p->epoch_open = false;
    p->due = due_after_epoch(t);
    return do_what_is_due(t);
}

/* To the end, or STATUS_STOPPED where a signal asked for it. A resumed run first does what its checkpoint left due. */
static Status run(Trainer *t)
{
    bool fresh = !t->progress.global_step && !json_count(t->log_history);
    if (t->recipe.eval_on_start && fresh) t->progress.due.evaluate = true;
    TRY(settle(t));
    while (!over(t)) {
        if (stop_requested()) return STATUS_STOPPED;
        TRY(train_step(t));
        report_step(t);
        t->progress.due = due_after_step(t);
        TRY(settle(t));
    }
    return STATUS_OK;
}

static Status save_and_stop(Trainer *t)
{
    long long step = t->progress.global_step;
    TRY(checkpoint_save_stopped(t));
    report_line(&t->report, "stopped after step %lld of %lld; the same command with --resume_from_checkpoint true%s goes on from %s/checkpoint-%lld", step,
                (long long)t->max_steps, t->recipe.overwrite_output_dir ? ", without overwrite_output_dir," : "", t->recipe.output_dir, step);
    return STATUS_STOPPED;
}

/* The folder of the run, its log, and what a person reads first. */
static Status begin(Trainer *t)
{
    TRY(run_folder_prepare(&t->recipe));
    TRY(report_open(&t->report, t), "output_dir");
    if (t->recipe.report_to == REPORT_TENSORBOARD) TRY(tensorboard_open(&t->board, t->recipe.output_dir));
    report_header(t);
    t->start_seconds = profile_now();
    t->start_step = t->progress.global_step;
    t->report.tokens_at = (double)t->progress.num_tokens;
    return STATUS_OK;
}

Status trainer_train(Trainer *t)
{
    StopWatch watch;
    stop_watch(&watch);
    Status status = begin(t);
    if (status == STATUS_OK) status = run(t);
    if (status == STATUS_STOPPED) status = save_and_stop(t);
    stop_unwatch(&watch);
    TRY(status);
    TRY(trainer_log_end(t));
    TRY(checkpoint_save_result(t));
    report_end(t);
    return STATUS_OK;
}
