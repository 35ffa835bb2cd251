#include "train/recipe.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/chat_template.h"
#include "kernels/memory.h"
#include "train/key_value.h"
#include "train/recipe_keys.h"
#include "train/run/device.h"

static bool given(const Recipe *r, const char *key) { return json_get(r->given, key) != NULL; }

/* What cannot be left out */

static Status check_needed(const Recipe *r)
{
    if (!r->model_name_or_path)
        return fail(STATUS_INPUT, "model_name_or_path is missing: the base model, a folder or a GGUF file (--model_name_or_path DIR)");
    if (!r->dataset_name && !json_count(r->datasets))
        return fail(STATUS_INPUT, "dataset_name is missing: the training rows (--dataset_name train.jsonl)");
    return STATUS_OK;
}

/* Adapter: PEFT's rules */

static Status check_adapter(const Recipe *r)
{
    if (r->layers_pattern.n && !r->layers_to_transform.n)
        return fail(STATUS_INPUT, "layers_pattern needs layers_to_transform: it says where the layer's index stands, not which layers");
    if (r->lora_target_modules.pattern && r->layers_to_transform.n)
        return fail(STATUS_INPUT, "layers_to_transform needs lora_target_modules to be a list: the expression \"%s\" already says which layers",
                    r->lora_target_modules.item[0]);
    return STATUS_OK;
}

/* Data */

static Status check_device(const Recipe *r)
{
    if (run_device_known(r->device)) return STATUS_OK;
    return fail(STATUS_INPUT, "device: %s, expected cpu, cuda, cuda:N or auto", r->device);
}

static Status check_date(const Recipe *r)
{
    struct tm day;
    if (!r->chat_template_date || chat_date(r->chat_template_date, &day)) return STATUS_OK;
    return fail(STATUS_INPUT, "chat_template_date is \"%s\", expected a day of the form YYYY-MM-DD", r->chat_template_date);
}

static Status check_packing(const Recipe *r, Notices *notices)
{
    if ((r->packing || r->eval_packing == MAYBE_YES) && !r->max_length)
        return fail(STATUS_INPUT, "max_length is null, but packing fills rows of max_length tokens: give a number");
    if (!r->packing && r->padding_free && r->max_length)
        return fail(STATUS_INPUT, "padding_free without packing does not cut rows at max_length %lld: set packing true, or max_length null",
                    (long long)r->max_length);
    if (r->padding_free && r->packing && r->packing_strategy == PACKING_WRAPPED)
        notice(notices, "padding_free with packing_strategy wrapped: attention crosses the documents of a row");
    if (r->padding_free && !r->packing && r->per_device_train_batch_size == 1)
        notice(notices, "padding_free has no effect with per_device_train_batch_size 1");
    if (given(r, "packing_strategy") && !r->packing && r->eval_packing != MAYBE_YES) notice(notices, "packing_strategy has no effect: packing is false");
    return STATUS_OK;
}

static Status read_entry(DatasetEntry *entry, const Json *object, int i, Notices *notices)
{
    Json *set = NULL;
    char *where = memory_format("datasets: item %d", i + 1);
    Status status = keys_read(&dataset_keys, entry, &set, object, where, notices);
    if (status == STATUS_OK && !entry->path) status = fail(STATUS_INPUT, "%s: path is missing: a file, a pattern or a folder", where);
    if (status == STATUS_OK && entry->columns && json_kind(entry->columns) != JSON_ARRAY)
        status = fail(STATUS_INPUT, "%s: columns: found %s, expected a list of names", where, json_kind_name(entry->columns));
    json_free(set);
    free(where);
    return status;
}

static Status read_datasets(Recipe *r, Notices *notices)
{
    if (json_kind(r->datasets) != JSON_ARRAY) return fail(STATUS_INPUT, "datasets: found %s, expected a list of objects", json_kind_name(r->datasets));
    if (r->dataset_name) notice(notices, "dataset_name is not used: datasets says what is trained on");
    r->dataset = memory_new((size_t)json_count(r->datasets), sizeof *r->dataset);
    for (const Json *item = json_first(r->datasets); item; item = json_next(item)) {
        r->n_datasets++;
        TRY(read_entry(&r->dataset[r->n_datasets - 1], item, r->n_datasets - 1, notices));
    }
    return STATUS_OK;
}

static DatasetEntry named_entry(const Recipe *r, const char *name, const char *split)
{
    return (DatasetEntry){ .path = memory_string(name), .split = memory_string(split), .field = memory_string(r->dataset_field),
                           .column_mapping = r->column_mapping ? json_copy(r->column_mapping) : NULL };
}

static Status settle_datasets(Recipe *r, Notices *notices)
{
    bool several = json_count(r->datasets) || (r->datasets && json_kind(r->datasets) != JSON_ARRAY);
    if (several) TRY(read_datasets(r, notices));
    else {
        r->dataset = memory_new(1, sizeof *r->dataset);
        r->dataset[r->n_datasets++] = named_entry(r, r->dataset_name, r->dataset_train_split);
    }
    if (several && !r->eval_dataset_name && (r->column_mapping || r->dataset_field))
        notice(notices, "column_mapping and dataset_field are for dataset_name and eval_dataset_name; an item of datasets has its own column_mapping and field");
    if (r->test_split_size > 1 && r->test_split_size != floor(r->test_split_size))
        return fail(STATUS_INPUT, "test_split_size: found %.15g, expected a whole number of rows, or a share below 1", r->test_split_size);
    if (r->test_split_size > 0 && r->eval_dataset_name)
        return fail(STATUS_INPUT, "test_split_size holds out rows to evaluate on, eval_dataset_name brings others: give one of them");
    return STATUS_OK;
}

static Status settle_data(Recipe *r, Notices *notices)
{
    TRY(settle_datasets(r, notices));
    if (r->data_seed < 0) r->data_seed = r->seed;
    if (r->eval_packing == MAYBE_UNSET) r->eval_packing = r->packing ? MAYBE_YES : MAYBE_NO;
    TRY(check_packing(r, notices));
    r->padding_free = r->padding_free || (r->packing && r->packing_strategy != PACKING_WRAPPED);
    return STATUS_OK;
}

/* Length of the run, and how often things happen in it */

static Status check_length(const Recipe *r, Notices *notices)
{
    if (r->max_steps == 0) return fail(STATUS_INPUT, "max_steps: found 0, expected -1 (as many as the epochs give) or at least 1");
    if (r->max_steps > 0 && given(r, "num_train_epochs")) notice(notices, "num_train_epochs has no effect: max_steps is given");
    return STATUS_OK;
}

static Status check_steps(const char *key, double steps, bool used)
{
    if (!used) return STATUS_OK;
    if (steps == 0) return fail(STATUS_INPUT, "%s: found 0, expected more than 0; to have none, set the strategy to no", key);
    if (steps > 1 && steps != floor(steps)) return fail(STATUS_INPUT, "%s: found %.15g, expected a whole number, or a share below 1", key, steps);
    return STATUS_OK;
}

static Status settle_steps(Recipe *r)
{
    TRY(check_steps("logging_steps", r->logging_steps, r->logging_strategy == STRATEGY_STEPS));
    if (r->eval_strategy == STRATEGY_STEPS && r->eval_steps == 0) r->eval_steps = r->logging_steps;
    TRY(check_steps("eval_steps", r->eval_steps, r->eval_strategy == STRATEGY_STEPS));
    return check_steps("save_steps", r->save_steps, r->save_strategy == STRATEGY_STEPS);
}

/* Schedule */

static Status check_kwargs(const Recipe *r)
{
    const char *taken = schedule_kwargs[r->lr_scheduler_type];
    for (const Json *member = json_first(r->lr_scheduler_kwargs); member; member = json_next(member))
        if (!key_listed(taken, json_key(member)))
            return fail(STATUS_INPUT, "lr_scheduler_kwargs: %s takes no %s; it takes %s", schedule_names[r->lr_scheduler_type], json_key(member),
                        taken ? taken : "nothing");
    return STATUS_OK;
}

static Status read_kwargs(Recipe *r, Notices *notices)
{
    Json *set = NULL, *none = r->lr_scheduler_kwargs ? NULL : json_new_object();
    Status status = keys_read(&schedule_kwargs_keys, &r->schedule_options, &set, none ? none : r->lr_scheduler_kwargs, "lr_scheduler_kwargs", notices);
    json_free(set);
    json_free(none);
    return status;
}

static Status settle_schedule(Recipe *r, Notices *notices)
{
    TRY(read_kwargs(r, notices));
    TRY(check_kwargs(r));
    Schedule trial;
    TRY(recipe_schedule(r, r->max_steps > 0 ? r->max_steps : 1000, &trial));
    bool warmless = r->lr_scheduler_type == SCHEDULE_CONSTANT || r->lr_scheduler_type == SCHEDULE_REDUCE_LR_ON_PLATEAU;
    if (warmless && r->warmup_steps > 0) notice(notices, "warmup_steps has no effect: %s has no warm-up", schedule_names[r->lr_scheduler_type]);
    return STATUS_OK;
}

/* Evaluation, the best model, early stopping: Trainer's rules */

static Status needs_evaluation(const Recipe *r, const char *what)
{
    if (r->eval_strategy != STRATEGY_NO) return STATUS_OK;
    return fail(STATUS_INPUT, "%s needs evaluations, but eval_strategy is no: set it to steps or epoch", what);
}

static Status needs_metric(const Recipe *r, const char *what)
{
    if (r->metric_for_best_model != BEST_NONE) return STATUS_OK;
    return fail(STATUS_INPUT, "%s needs metric_for_best_model: set it to loss", what);
}

/* Shares are compared in millionths, as Trainer does. */
static bool is_multiple(double steps, double of)
{
    double unit = steps < 1 && of < 1 ? 1e6 : 1;
    return (steps < 1) == (of < 1) && fmod(steps * unit, of * unit) == 0;
}

static Status check_best_at_end(const Recipe *r)
{
    TRY(needs_evaluation(r, "load_best_model_at_end"));
    if (r->save_strategy == STRATEGY_BEST) return STATUS_OK;
    if (r->save_strategy != r->eval_strategy)
        return fail(STATUS_INPUT, "load_best_model_at_end needs save_strategy to be that of evaluation, or best; they differ");
    if (r->eval_strategy == STRATEGY_STEPS && !is_multiple(r->save_steps, r->eval_steps))
        return fail(STATUS_INPUT, "load_best_model_at_end needs save_steps to be a multiple of eval_steps; found %.15g and %.15g", r->save_steps, r->eval_steps);
    return STATUS_OK;
}

static Status check_early_stopping(const Recipe *r, Notices *notices)
{
    if (!r->early_stopping_patience && given(r, "early_stopping_threshold"))
        return fail(STATUS_INPUT, "early_stopping_threshold needs early_stopping_patience");
    if (!r->early_stopping_patience) return STATUS_OK;
    TRY(needs_evaluation(r, "early_stopping_patience"));
    TRY(needs_metric(r, "early_stopping_patience"));
    if (!r->load_best_model_at_end) notice(notices, "early stopping without load_best_model_at_end: the last adapter is kept, not the best");
    return STATUS_OK;
}

static void settle_metric(Recipe *r)
{
    bool plateau = r->lr_scheduler_type == SCHEDULE_REDUCE_LR_ON_PLATEAU;
    if (r->metric_for_best_model == BEST_NONE && (r->load_best_model_at_end || plateau)) r->metric_for_best_model = BEST_LOSS;
    if (r->metric_for_best_model != BEST_NONE && r->greater_is_better == MAYBE_UNSET) r->greater_is_better = MAYBE_NO;
}

static Status settle_evaluation(Recipe *r, Notices *notices)
{
    settle_metric(r);
    if (r->lr_scheduler_type == SCHEDULE_REDUCE_LR_ON_PLATEAU) TRY(needs_evaluation(r, "lr_scheduler_type reduce_lr_on_plateau"));
    if (r->save_strategy == STRATEGY_BEST) {
        TRY(needs_evaluation(r, "save_strategy best"));
        TRY(needs_metric(r, "save_strategy best"));
    }
    if (r->load_best_model_at_end) TRY(check_best_at_end(r));
    if (r->eval_strategy == STRATEGY_NO && !r->eval_on_start && r->test_split_size > 0)
        notice(notices, "the rows that test_split_size holds out are not used: eval_strategy is no");
    if (r->eval_strategy == STRATEGY_NO && r->eval_dataset_name) notice(notices, "eval_dataset_name is not used: eval_strategy is no");
    return check_early_stopping(r, notices);
}

static Status check_resume(const Recipe *r)
{
    if (r->resume_from_checkpoint && r->overwrite_output_dir)
        return fail(STATUS_INPUT, "resume_from_checkpoint goes on with the run in output_dir, overwrite_output_dir starts another: give one of them");
    return STATUS_OK;
}

Status recipe_settle_rows(Recipe *r, Notices *notices)
{
    TRY(check_needed(r));
    return settle_data(r, notices);
}

static Status settle(Recipe *r, Notices *notices)
{
    TRY(recipe_settle_rows(r, notices));
    TRY(check_adapter(r));
    TRY(check_device(r));
    TRY(check_date(r));
    TRY(check_length(r, notices));
    TRY(settle_steps(r));
    TRY(settle_schedule(r, notices));
    TRY(settle_evaluation(r, notices));
    return check_resume(r);
}

Status recipe_parse(Recipe *recipe, int argc, char **argv, Notices *notices)
{
    Recipe r = {0};
    TRY(keys_parse(&recipe_keys, &r, &r.given, argc, argv, notices));
    Status status = settle(&r, notices);
    if (status == STATUS_OK) *recipe = r;
    else recipe_free(&r);
    return status;
}

static DataSource source_of(const DatasetEntry *entry)
{
    return (DataSource){ .place = { entry->path, entry->data_dir, entry->data_files, entry->split }, .field = entry->field, .columns = entry->columns,
                         .column_mapping = entry->column_mapping, .fraction = entry->fraction };
}

DataMix recipe_train_data(const Recipe *r, DataSource **source)
{
    *source = memory_new((size_t)r->n_datasets, sizeof **source);
    for (int i = 0; i < r->n_datasets; i++) (*source)[i] = source_of(&r->dataset[i]);
    return (DataMix){ .source = *source, .n = r->n_datasets, .max_samples = r->max_samples, .test_split_size = r->test_split_size, .seed = (uint64_t)r->seed };
}

bool recipe_has_eval_data(const Recipe *r)
{
    bool has_splits = !json_count(r->datasets) && data_place_has_splits(&(DataPlace){ .path = r->dataset_name });
    return r->eval_dataset_name || has_splits || r->test_split_size > 0;
}

DataMix recipe_eval_data(const Recipe *r, DataSource **source)
{
    if (r->test_split_size > 0) {
        DataMix held_out = recipe_train_data(r, source);
        held_out.test = true;
        return held_out;
    }
    *source = memory_new(1, sizeof **source);
    **source = (DataSource){ .place = { .path = r->eval_dataset_name ? r->eval_dataset_name : r->dataset_name, .split = r->dataset_test_split },
                             .field = r->dataset_field, .column_mapping = r->column_mapping };
    return (DataMix){ .source = *source, .n = 1, .max_samples = r->max_samples };
}

const char *recipe_train_name(const Recipe *r) { return json_count(r->datasets) ? "datasets" : r->dataset_name; }

const char *recipe_eval_name(const Recipe *r)
{
    return r->test_split_size > 0 ? "held out" : r->eval_dataset_name ? r->eval_dataset_name : r->dataset_test_split;
}

void recipe_help(FILE *out) { keys_help(&recipe_keys, out); }

Json *recipe_to_json(const Recipe *recipe) { return keys_to_json(&recipe_keys, recipe); }

void recipe_free(Recipe *recipe)
{
    for (int i = 0; i < recipe->n_datasets; i++) keys_free(&dataset_keys, &recipe->dataset[i]);
    free(recipe->dataset);
    keys_free(&recipe_keys, recipe);
    json_free(recipe->given);
    *recipe = (Recipe){0};
}

Status recipe_schedule(const Recipe *r, int64_t total, Schedule *schedule)
{
    return schedule_init(schedule, r->lr_scheduler_type, r->learning_rate, schedule_warmup(r->warmup_steps, total), total, r->schedule_options);
}

int64_t recipe_interval(double steps, int64_t total) { return (int64_t)(steps < 1 ? ceil((double)total * steps) : steps); }
