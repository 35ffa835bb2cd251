#include "train/run/recipe_match.h"

#include <stdlib.h>
#include <string.h>

#include "train/key_value.h"

static const char free_keys[] =
    "model_name_or_path|adapter_name_or_path|dataset_name|eval_dataset_name|dataset_train_split|dataset_test_split|dataset_text_field|dataset_field|"
    "column_mapping|datasets|max_samples|test_split_size|chat_template_path|"
    "output_dir|overwrite_output_dir|resume_from_checkpoint|plan|profile|threads|gradient_checkpointing|"
    "logging_strategy|logging_steps|logging_first_step|logging_nan_inf_filter|report_to|disable_tqdm|run_name|"
    "save_strategy|save_steps|save_total_limit|save_only_model";

static const char mentioned_keys[] =
    "max_steps|num_train_epochs|eval_strategy|eval_steps|eval_delay|eval_on_start|per_device_eval_batch_size|"
    "early_stopping_patience|early_stopping_threshold|device|cpu_isa";

static Status compare(const char *key, const Json *now, const Json *then, const char *path, Notices *notices)
{
    if (key_listed(free_keys, key) || json_equal(now, then)) return STATUS_OK;
    char *found = key_text(now), *before = key_text(then);
    Status status = STATUS_OK;
    if (key_listed(mentioned_keys, key)) notice(notices, "%s is %s; until the checkpoint it was %s", key, found, before);
    else
        status = fail(STATUS_INPUT, "%s is %s, but the run of %s has %s: go on with the same, or begin another run in another folder", key, found, path,
                      before);
    free(found);
    free(before);
    return status;
}

Status recipe_match(const Recipe *recipe, const Json *saved, const char *path, Notices *notices)
{
    Json *json = recipe_to_json(recipe);
    Status status = STATUS_OK;
    for (const Json *now = json_first(json); now && status == STATUS_OK; now = json_next(now)) {
        const Json *then = json_get(saved, json_key(now));
        if (then) status = compare(json_key(now), now, then, path, notices);
    }
    json_free(json);
    return status;
}
