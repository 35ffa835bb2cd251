#include "train/run/checkpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/file/output.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/adapter/param_tensors.h"
#include "train/run/fingerprint.h"
#include "train/run/graft_state.h"
#include "train/run/model_card.h"
#include "train/run/run_folder.h"
#include "train/run/trainer_state.h"

static Status save_eos_token(const char *eos, const char *dir)
{
    char *path = memory_format("%s/tokenizer_config.json", dir);
    Json *config = NULL;
    Status status = json_read(&config, path);
    free(path);
    TRY(status);
    json_set(config, "eos_token", json_new_string(eos));
    status = json_save(config, dir, "tokenizer_config.json", (JsonStyle){ .indent = 2, .newline = true });
    json_free(config);
    return status;
}

/* The tokenizer as it was used: with the template and the eos token that the recipe put in the place of the model's. */
static Status save_text(const Trainer *t, const char *dir)
{
    if (!t->text.tokenizer) return STATUS_OK;
    TRY(tokenizer_save(t->text.tokenizer, dir));
    if (t->recipe.eos_token) TRY(save_eos_token(t->recipe.eos_token, dir));
    if (!t->text.chat_template_source) return STATUS_OK;
    char *path = memory_format("%s/chat_template.jinja", dir), *others = memory_format("%s/additional_chat_templates", dir);
    Status status = output_save(path, t->text.chat_template_source, strlen(t->text.chat_template_source));
    if (status == STATUS_OK) status = output_remove(others);
    free(others);
    free(path);
    return status;
}

/* What the output folder and every checkpoint hold. */
static Status save_model(const Trainer *t, const char *dir)
{
    TRY(adapter_folder_save(&t->adapter, dir));
    TRY(model_card_save(t, dir));
    TRY(save_text(t, dir));
    return trainer_state_save(t, dir);
}

static Status save_moments(const ParamTensors *moments, const char *dir)
{
    char *path = memory_format("%s/optimizer.safetensors", dir);
    Status status = safetensors_save(path, moments->entry, moments->n);
    free(path);
    return status;
}

/* As --config reads it; without the keys that say how this process was started. */
static Status save_recipe(const Trainer *t, const char *dir)
{
    Json *json = recipe_to_json(&t->recipe);
    json_set(json, "resume_from_checkpoint", json_new_null());
    json_set(json, "overwrite_output_dir", json_new_bool(false));
    Status status = json_save(json, dir, "recipe.json", (JsonStyle){ .indent = 2, .newline = true });
    json_free(json);
    return status;
}

static Status save_exactly(const Trainer *t, const char *dir)
{
    ParamTensors values = param_tensors_values(&t->adapter), moments = param_tensors_moments(&t->state);
    GraftState state = {
        .version = 1, .progress = t->progress, .plateau = t->schedule.plateau, .adamw_steps = t->adamw.t, .rope_seen = model_seen(&t->model),
        .model = t->inputs.model, .train = t->inputs.train, .eval = t->inputs.eval,
        .adapter_file = fingerprint_tensors(values.entry, values.n), .optimizer_file = fingerprint_tensors(moments.entry, moments.n),
    };
    Status status;
    TRY_GOTO(done, status, save_moments(&moments, dir));
    TRY_GOTO(done, status, save_recipe(t, dir));
    status = graft_state_save(&state, dir);
done:
    param_tensors_free(&values);
    param_tensors_free(&moments);
    return status;
}

static Status save_folder(const Trainer *t, bool only_model)
{
    char *path = run_folder_checkpoint(t->recipe.output_dir, t->progress.global_step);
    OutputFolder out = {0};
    Status status;
    TRY_GOTO(done, status, output_folder_open(&out, path));
    TRY_GOTO(done, status, save_model(t, out.temporary));
    if (!only_model) TRY_GOTO(done, status, save_exactly(t, out.temporary));
    status = output_folder_commit(&out);
done:
    output_folder_discard(&out);
    free(path);
    return status;
}

/* However its path is spelled. */
static bool is_best(const Trainer *t, const char *path)
{
    struct stat one, best;
    return t->best_model_checkpoint && !stat(path, &one) && !stat(t->best_model_checkpoint, &best) && one.st_dev == best.st_dev && one.st_ino == best.st_ino;
}

/* Oldest first, in the order in which they were written: a step beyond this one is left from before the run went back. */
static int by_age(const void *a, const void *b, void *now)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b, step = *(const int64_t *)now;
    if ((x > step) != (y > step)) return x > step ? -1 : 1;
    return (x > y) - (x < y);
}

/* Trainer's rotate_checkpoints. */
static Status rotate(const Trainer *t)
{
    int64_t now = t->progress.global_step;
    if (!t->recipe.save_total_limit) return STATUS_OK;
    Checkpoints all = run_folder_checkpoints(t->recipe.output_dir);
    qsort_r(all.step, (size_t)all.n, sizeof *all.step, by_age, &now);
    Status status = STATUS_OK;
    int64_t left = all.n;
    for (int i = 0; i < all.n && left > t->recipe.save_total_limit && status == STATUS_OK; i++) {
        char *path = run_folder_checkpoint(t->recipe.output_dir, all.step[i]);
        if (all.step[i] != now && !is_best(t, path)) {
            status = output_remove(path);
            left--;
        }
        free(path);
    }
    free(all.step);
    return status;
}

static Status save(const Trainer *t, bool only_model)
{
    TRY(save_folder(t, only_model), "saving checkpoint-%lld", (long long)t->progress.global_step);
    return rotate(t);
}

Status checkpoint_save(Trainer *t)
{
    trainer_state_note_save(t);
    return save(t, t->recipe.save_only_model);
}

Status checkpoint_save_stopped(Trainer *t) { return save(t, false); }

/* Trainer's last act with save_total_limit 1. */
static Status keep_best_only(const Trainer *t)
{
    if (t->recipe.save_total_limit != 1 || !t->best_model_checkpoint) return STATUS_OK;
    Checkpoints all = run_folder_checkpoints(t->recipe.output_dir);
    Status status = STATUS_OK;
    for (int i = 0; i < all.n && status == STATUS_OK; i++) {
        char *path = run_folder_checkpoint(t->recipe.output_dir, all.step[i]);
        if (!is_best(t, path)) status = output_remove(path);
        free(path);
    }
    free(all.step);
    return status;
}

static Status load_best(Trainer *t)
{
    struct stat info;
    if (!t->best_model_checkpoint) return STATUS_OK;
    if (!stat(t->best_model_checkpoint, &info)) return adapter_folder_load(&t->adapter, t->best_model_checkpoint);
    report_line(&t->report, "note: the best checkpoint, %s, is gone; the last adapter is the result", t->best_model_checkpoint);
    return STATUS_OK;
}

Status checkpoint_save_result(Trainer *t)
{
    if (t->recipe.load_best_model_at_end) TRY(load_best(t), "load_best_model_at_end");
    TRY(save_model(t, t->recipe.output_dir), "saving the result");
    return keep_best_only(t);
}
