#include "train/run/resume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/file/path.h"
#include "kernels/memory.h"
#include "train/adapter/param_tensors.h"
#include "train/key_value.h"
#include "train/run/fingerprint.h"
#include "train/run/recipe_match.h"
#include "train/run/run_folder.h"
#include "train/run/trainer_state.h"

/* What a folder says by itself */

static char *in(const Resume *resume, const char *name) { return memory_format("%s/%s", resume->dir, name); }

static bool exists(const Resume *resume, const char *name)
{
    char *path = in(resume, name);
    bool found = path_exists(path);
    free(path);
    return found;
}

static Status check_folder(const Resume *resume)
{
    struct stat info;
    const char *dir = resume->dir;
    if (stat(dir, &info)) return fail(STATUS_INPUT, "%s: no such checkpoint", dir);
    if (!S_ISDIR(info.st_mode)) return fail(STATUS_INPUT, "%s: is a file, expected a folder checkpoint-N", dir);
    if (exists(resume, "graft_state.json")) return STATUS_OK;
    Checkpoints inside = run_folder_checkpoints(dir);
    int64_t newest = inside.n ? inside.step[inside.n - 1] : -1;
    free(inside.step);
    if (newest >= 0)
        return fail(STATUS_INPUT, "%s: is a run's folder, not a checkpoint: give one of those in it, such as checkpoint-%lld", dir, (long long)newest);
    return fail(STATUS_INPUT, "%s: has no graft_state.json: saved with save_only_model, cut short, or by another program; nothing can go on from it", dir);
}

static Status read_json(const Resume *resume, const char *name, Json **out)
{
    char *path = in(resume, name);
    Status status = json_read(out, path);
    if (status == STATUS_OK && json_kind(*out) != JSON_OBJECT)
        status = fail(STATUS_INPUT, "%s: expected an object, found %s", path, json_kind_name(*out));
    free(path);
    return status;
}

static Status check_finite(const TensorEntry *t)
{
    const float *x = t->bytes;
    int64_t n = t->n_bytes / (int64_t)sizeof(float);
    for (int64_t i = 0; i < n; i++) {
        float value;
        memcpy(&value, x + i, sizeof value);
        if (!isfinite(value))
            return fail(STATUS_INPUT, "%s: tensor %s: value %lld is not finite: the run had diverged, go on from an earlier checkpoint", t->file,
                        t->name, (long long)i);
    }
    return STATUS_OK;
}

static Status read_tensors(const Resume *resume, const char *name, uint64_t fingerprint, Safetensors *out)
{
    char *path = in(resume, name);
    Status status;
    TRY_GOTO(done, status, safetensors_open(out, path));
    const Tensors *tensors = &out->tensors;
    for (int i = 0; i < tensors->n; i++) {
        const TensorEntry *t = &tensors->entry[i];
        if (t->dtype != DTYPE_F32)
            TRY_GOTO(done, status, fail(STATUS_INPUT, "%s: tensor %s: dtype %s, expected F32", path, t->name, dtype_rows[t->dtype].name));
        TRY_GOTO(done, status, check_finite(t));
    }
    if (fingerprint_tensors(tensors->entry, tensors->n) != fingerprint)
        status = fail(STATUS_INPUT, "%s: not the tensors that were saved with graft_state.json: the file was changed or is damaged", path);
done:
    free(path);
    return status;
}

static Status check_counts(const Resume *resume)
{
    const Progress *p = &resume->state.progress;
    if (resume->state.adamw_steps == p->global_step && p->last_logged <= p->global_step && p->best_global_step <= p->global_step) return STATUS_OK;
    return fail(STATUS_INPUT, "%s/graft_state.json: global_step %lld, adamw_steps %lld, last_logged %lld and best_global_step %lld contradict each other",
                resume->dir, (long long)p->global_step, (long long)resume->state.adamw_steps, (long long)p->last_logged, (long long)p->best_global_step);
}

/* trainer_state.json says the same as graft_state.json. */
static Status check_agreement(const Resume *resume)
{
    const Progress *p = &resume->state.progress;
    const Json *json = resume->trainer_state, *log = json_get(json, "log_history");
    int64_t step = json_integer(json_get(json, "global_step"));
    double epoch = json_number(json_get(json, "epoch"));
    const char *dir = resume->dir;
    if (step != p->global_step)
        return fail(STATUS_INPUT, "%s/trainer_state.json: global_step is %lld, graft_state.json says %lld", dir, (long long)step, (long long)p->global_step);
    if (epoch != p->epoch) return fail(STATUS_INPUT, "%s/trainer_state.json: epoch is %.17g, graft_state.json says %.17g", dir, epoch, p->epoch);
    if (json_kind(log) != JSON_ARRAY)
        return fail(STATUS_INPUT, "%s/trainer_state.json: log_history: expected a list, found %s", dir, json_kind_name(log));
    if (json_kind(json_get(json, "stateful_callbacks")) != JSON_OBJECT)
        return fail(STATUS_INPUT, "%s/trainer_state.json: stateful_callbacks is missing", dir);
    return STATUS_OK;
}

static Status open_files(Resume *resume)
{
    TRY(check_folder(resume));
    char *path = in(resume, "graft_state.json");
    Status status = graft_state_read(&resume->state, path);
    free(path);
    TRY(status);
    TRY(check_counts(resume));
    TRY(read_json(resume, "trainer_state.json", &resume->trainer_state));
    TRY(check_agreement(resume));
    TRY(read_json(resume, "recipe.json", &resume->recipe));
    TRY(read_json(resume, "adapter_config.json", &resume->adapter_config));
    TRY(read_tensors(resume, "adapter_model.safetensors", resume->state.adapter_file, &resume->adapter));
    return read_tensors(resume, "optimizer.safetensors", resume->state.optimizer_file, &resume->optimizer);
}

static Status open_folder(Resume *resume, char *dir)
{
    *resume = (Resume){ .dir = dir };
    Status status = open_files(resume);
    if (status != STATUS_OK) resume_close(resume);
    return status;
}

/* The newest complete one. */
static void open_newest(Resume *resume, const char *output_dir, Notices *notices)
{
    Checkpoints all = run_folder_checkpoints(output_dir);
    for (int i = all.n - 1; i >= 0 && !resume->dir; i--)
        if (open_folder(resume, run_folder_checkpoint(output_dir, all.step[i])) != STATUS_OK)
            notice(notices, "checkpoint-%lld is passed over: %s", (long long)all.step[i], status_message());
    if (!resume->dir) notice(notices, "resume_from_checkpoint: no complete checkpoint in %s; training starts at the beginning", output_dir);
    free(all.step);
}

Status resume_open(Resume *resume, const Recipe *recipe, Notices *notices)
{
    const char *wanted = recipe->resume_from_checkpoint;
    if (!wanted) return STATUS_OK;
    if (!strcmp(wanted, "true")) open_newest(resume, recipe->output_dir, notices);
    else TRY(open_folder(resume, memory_string(wanted)), "resume_from_checkpoint");
    if (!resume->dir) return STATUS_OK;
    char *path = in(resume, "recipe.json");
    Status status = recipe_match(recipe, resume->recipe, path, notices);
    free(path);
    return status;
}

void resume_close(Resume *resume)
{
    json_free(resume->adapter_config);
    json_free(resume->trainer_state);
    json_free(resume->recipe);
    safetensors_close(&resume->adapter);
    safetensors_close(&resume->optimizer);
    free(resume->dir);
    *resume = (Resume){0};
}

/* What it has in common with the run at hand */

/* Keys of adapter_config.json that change nothing here. */
static bool is_description(const char *key) { return key_listed("base_model_name_or_path|peft_version|inference_mode|revision", key); }

static Status compare_config(const Resume *resume, const Json *now)
{
    Status status = STATUS_OK;
    for (const Json *member = json_first(now); member && status == STATUS_OK; member = json_next(member)) {
        const Json *then = json_get(resume->adapter_config, json_key(member));
        if (is_description(json_key(member)) || json_equal(then, member)) continue;
        char *found = key_text(then), *here = key_text(member);
        status = fail(STATUS_INPUT, "%s/adapter_config.json: %s is %s, this run's adapter has %s", resume->dir, json_key(member), found, here);
        free(found);
        free(here);
    }
    return status;
}

static Status check_config(const Resume *resume, const Adapter *adapter)
{
    Json *now = lora_config_to_json(&adapter->config);
    Status status = compare_config(resume, now);
    json_free(now);
    return status;
}

static Status check_shapes(const Resume *resume, const Safetensors *file, const ParamTensors *wanted)
{
    for (int i = 0; i < wanted->n; i++) {
        const TensorEntry *w = &wanted->entry[i], *t = tensors_find(&file->tensors, w->name);
        char found[TENSOR_SHAPE_TEXT], expected[TENSOR_SHAPE_TEXT];
        if (!t) return fail(STATUS_INPUT, "%s: tensor %s of this run's adapter is missing", resume->dir, w->name);
        tensor_shape(found, t->n_dims, t->dims);
        tensor_shape(expected, w->n_dims, w->dims);
        if (strcmp(found, expected)) return fail(STATUS_INPUT, "%s: tensor %s: shape %s, this run's adapter has %s", t->file, w->name, found, expected);
    }
    if (file->tensors.n > wanted->n)
        return fail(STATUS_INPUT, "%s: %d tensors, this run's adapter has %d", file->tensors.entry[0].file, file->tensors.n, wanted->n);
    return STATUS_OK;
}

static Status check_inputs(const Resume *resume, const Trainer *t)
{
    const GraftState *s = &resume->state;
    if (s->model != t->inputs.model) return fail(STATUS_INPUT, "%s: belongs to another base model than %s", resume->dir, t->recipe.model_name_or_path);
    if (s->train != t->inputs.train)
        return fail(STATUS_INPUT, "%s: was trained on other rows than those of %s: the file has changed, or they are read in another way", resume->dir,
                    recipe_train_name(&t->recipe));
    if (s->eval && t->inputs.eval && s->eval != t->inputs.eval)
        return fail(STATUS_INPUT, "%s: was evaluated on other rows than this run's: its best_metric says nothing about them", resume->dir);
    if (s->progress.global_step > t->max_steps)
        return fail(STATUS_INPUT, "%s: is at step %lld, beyond this run's end at %lld", resume->dir, (long long)s->progress.global_step,
                    (long long)t->max_steps);
    return STATUS_OK;
}

static Status check_fit(const Resume *resume, const Trainer *t, const ParamTensors *values, const ParamTensors *moments)
{
    TRY(check_config(resume, &t->adapter));
    TRY(check_shapes(resume, &resume->adapter, values));
    TRY(check_shapes(resume, &resume->optimizer, moments));
    return check_inputs(resume, t);
}

static void copy_tensors(const Safetensors *file, const ParamTensors *to)
{
    for (int i = 0; i < to->n; i++) memcpy(to->values[i], tensors_find(&file->tensors, to->entry[i].name)->bytes, (size_t)to->entry[i].n_bytes);
}

static void take_over(const Resume *resume, Trainer *t)
{
    const GraftState *s = &resume->state;
    t->progress = s->progress;
    t->stopping = t->recipe.early_stopping_patience && s->progress.worse >= t->recipe.early_stopping_patience;
    t->schedule.plateau = s->plateau;
    t->adamw.t = s->adamw_steps;
    model_restore_seen(&t->model, s->rope_seen);
    trainer_state_restore(t, resume->trainer_state);
    notice(&t->notices, "going on from %s at step %lld", resume->dir, (long long)s->progress.global_step);
}

Status resume_apply(const Resume *resume, Trainer *t)
{
    ParamTensors values = param_tensors_values(&t->adapter), moments = param_tensors_moments(&t->state);
    Status status = check_fit(resume, t, &values, &moments);
    if (status == STATUS_OK) {
        copy_tensors(&resume->adapter, &values);
        copy_tensors(&resume->optimizer, &moments);
        take_over(resume, t);
    }
    param_tensors_free(&values);
    param_tensors_free(&moments);
    return status;
}
