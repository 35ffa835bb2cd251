#include "train/run/trainer_state.h"

#include <math.h>
#include <stdlib.h>

#include "data/file/path.h"
#include "kernels/memory.h"
#include "train/run/run_folder.h"

static Json *number_or_null(bool given, double x) { return given ? json_new_real(x) : json_new_null(); }
static Json *step_or_null(int64_t step) { return step ? json_new_integer(step) : json_new_null(); }

/* { "args": …, "attributes": … }: transformers' ExportableState. */
static Json *callback(Json *args, Json *attributes)
{
    Json *json = json_new_object();
    json_set(json, "args", args);
    json_set(json, "attributes", attributes);
    return json;
}

static Json *control(bool save, bool training_stop)
{
    Json *args = json_new_object();
    json_set(args, "should_epoch_stop", json_new_bool(false));
    json_set(args, "should_evaluate", json_new_bool(false));
    json_set(args, "should_log", json_new_bool(false));
    json_set(args, "should_save", json_new_bool(save));
    json_set(args, "should_training_stop", json_new_bool(training_stop));
    return callback(args, json_new_object());
}

static Json *early_stopping(const Recipe *r, int64_t worse)
{
    Json *args = json_new_object(), *attributes = json_new_object();
    json_set(args, "early_stopping_patience", json_new_integer(r->early_stopping_patience));
    json_set(args, "early_stopping_threshold", json_new_real(r->early_stopping_threshold));
    json_set(attributes, "early_stopping_patience_counter", json_new_integer(worse));
    return callback(args, attributes);
}

static Json *callbacks(const Recipe *r, bool save, bool training_stop, int64_t worse)
{
    Json *json = json_new_object();
    json_set(json, "TrainerControl", control(save, training_stop));
    if (r->early_stopping_patience) json_set(json, "EarlyStoppingCallback", early_stopping(r, worse));
    return json;
}

/* Begun ones count. */
static int64_t epochs(const Trainer *t)
{
    return (int64_t)ceil(t->recipe.max_steps > 0 ? (double)t->max_steps / (double)t->steps_per_epoch : t->recipe.num_train_epochs);
}

static void set_intervals(Json *json, const Trainer *t)
{
    json_set(json, "logging_steps", json_new_integer(t->logging_steps));
    json_set(json, "eval_steps", json_new_integer(t->eval_steps ? t->eval_steps : 500));
    json_set(json, "save_steps", json_new_integer(t->save_steps));
    json_set(json, "max_steps", json_new_integer(t->max_steps));
    json_set(json, "num_train_epochs", json_new_integer(epochs(t)));
    json_set(json, "train_batch_size", json_new_integer(t->recipe.per_device_train_batch_size));
}

static Json *to_json(const Trainer *t)
{
    const Progress *p = &t->progress;
    Json *json = json_new_object();
    json_set(json, "epoch", json_new_real(p->epoch));
    json_set(json, "global_step", json_new_integer(p->global_step));
    set_intervals(json, t);
    json_set(json, "num_input_tokens_seen", json_new_integer(0));
    json_set(json, "total_flos", json_new_real(p->total_flos));
    json_set(json, "log_history", json_copy(t->log_history));
    json_set(json, "best_metric", number_or_null(p->has_best, p->best_metric));
    json_set(json, "best_global_step", step_or_null(p->best_global_step));
    json_set(json, "best_model_checkpoint", json_new_string(t->best_model_checkpoint));
    json_set(json, "is_hyper_param_search", json_new_bool(false));
    json_set(json, "is_local_process_zero", json_new_bool(true));
    json_set(json, "is_world_process_zero", json_new_bool(true));
    json_set(json, "trial_name", json_new_null());
    json_set(json, "trial_params", json_new_null());
    json_set(json, "stateful_callbacks", t->callbacks ? json_copy(t->callbacks) : callbacks(&t->recipe, false, false, 0));
    return json;
}

Status trainer_state_save(const Trainer *t, const char *dir)
{
    Json *json = to_json(t);
    Status status = json_save(json, dir, "trainer_state.json", (JsonStyle){ .indent = 2, .sort_keys = true, .ascii = true, .newline = true });
    json_free(json);
    return status;
}

/* Trainer looks whether the best step has a folder. It can only have one where that step is saved now, or was at the save before,
 * since the first save after an evaluation settles it; any other folder of that name is not this run's. */
static void note_best(Trainer *t)
{
    const Progress *p = &t->progress;
    char *path = run_folder_checkpoint(t->recipe.output_dir, p->best_global_step);
    bool saved = p->best_global_step == p->global_step || (p->best_global_step == p->last_saved && path_exists(path));
    if (saved) {
        free(t->best_model_checkpoint);
        t->best_model_checkpoint = path;
    } else {
        free(path);
    }
}

void trainer_state_note_save(Trainer *t)
{
    Progress *p = &t->progress;
    if (p->best_global_step) note_best(t);
    p->last_saved = p->global_step;
    json_free(t->callbacks);
    t->callbacks = callbacks(&t->recipe, true, p->global_step >= t->max_steps || t->stopping, p->worse);
}

/* In output_dir, to which the run may have been moved, or where it was; NULL: gone. */
static char *find_best(const Trainer *t, const Json *json, const char *best)
{
    char *here = run_folder_checkpoint(t->recipe.output_dir, json_integer(json_get(json, "best_global_step")));
    if (path_exists(here)) return here;
    free(here);
    return path_exists(best) ? memory_string(best) : NULL;
}

void trainer_state_restore(Trainer *t, const Json *json)
{
    const char *best = json_string(json_get(json, "best_model_checkpoint"));
    json_free(t->log_history);
    t->log_history = json_copy(json_get(json, "log_history"));
    json_free(t->callbacks);
    t->callbacks = json_copy(json_get(json, "stateful_callbacks"));
    free(t->best_model_checkpoint);
    t->best_model_checkpoint = best ? find_best(t, json, best) : NULL;
    if (best && !t->best_model_checkpoint) notice(&t->notices, "the best checkpoint, %s, is gone; the end of this run cannot return to it", best);
}
