#include <math.h>
#include <string.h>

#include "train/run/trainer.h"

/* "step 12: loss 1.2345, grad_norm 0.98, …" */
static void show(Trainer *t, const Json *entry)
{
    Buffer text = {0};
    buffer_format(&text, "step %lld/%lld: ", (long long)t->progress.global_step, (long long)t->max_steps);
    for (const Json *item = json_first(entry); item; item = json_next(item))
        if (strcmp(json_key(item), "step"))
            buffer_format(&text, "%s%s %.6g", item == json_first(entry) ? "" : ", ", json_key(item), isnan(json_number(item)) ? (double)NAN : json_number(item));
    report_entry(t, text.data);
    buffer_free(&text);
}

Status trainer_log(Trainer *t, Json *entry)
{
    json_set(entry, "epoch", json_new_real(t->progress.epoch));
    json_set(entry, "step", json_new_integer(t->progress.global_step));
    json_push(t->log_history, entry);
    show(t, entry);
    if (tensorboard_add(&t->board, entry, t->progress.global_step) != STATUS_OK) {
        report_line(&t->report, "note: no more TensorBoard events, training goes on: %s", status_message());
        tensorboard_close(&t->board);
    }
    return STATUS_OK;
}

Status trainer_log_step(Trainer *t)
{
    Progress *p = &t->progress;
    double steps = (double)(p->global_step - p->last_logged), micro_batches = (double)p->n_micro_batches;
    Json *entry = json_new_object();
    json_set(entry, "loss", json_new_real(p->tr_loss / steps));
    json_set(entry, "grad_norm", json_new_real(p->grad_norm));
    json_set(entry, "learning_rate", json_new_real(p->learning_rate));
    json_set(entry, "entropy", json_new_real(p->entropy_sum / micro_batches));
    json_set(entry, "num_tokens", json_new_real((double)p->num_tokens));
    json_set(entry, "mean_token_accuracy", json_new_real(p->accuracy_sum / micro_batches));
    p->total_loss += p->tr_loss;
    p->tr_loss = p->entropy_sum = p->accuracy_sum = 0;
    p->n_micro_batches = 0;
    p->last_logged = p->global_step;
    return trainer_log(t, entry);
}

Status trainer_log_end(Trainer *t)
{
    Progress *p = &t->progress;
    double seconds = profile_now() - t->start_seconds, steps = (double)(p->global_step - t->start_step);
    double samples = steps * (double)(t->recipe.per_device_train_batch_size * t->recipe.gradient_accumulation_steps);
    p->total_loss += p->tr_loss;
    p->tr_loss = 0;
    Json *entry = json_new_object();
    json_set(entry, "train_runtime", json_new_real(seconds));
    json_set(entry, "train_samples_per_second", json_new_real(samples / seconds));
    json_set(entry, "train_steps_per_second", json_new_real(steps / seconds));
    json_set(entry, "total_flos", json_new_real(p->total_flos));
    json_set(entry, "train_loss", json_new_real(p->total_loss / (p->global_step ? (double)p->global_step : 1)));
    return trainer_log(t, entry);
}
