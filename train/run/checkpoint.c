#include "train/run/checkpoint.h"

#include <stdlib.h>

#include "data/file/output.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/run/model_card.h"

static Status save_state(const Trainer *t, const char *dir)
{
    Json *json = json_new_object();
    json_set(json, "epoch", json_new_real(t->progress.epoch));
    json_set(json, "global_step", json_new_integer(t->progress.global_step));
    json_set(json, "log_history", json_copy(t->log_history));
    Buffer text = {0};
    json_print(&text, json, (JsonStyle){ .indent = 2, .sort_keys = true });
    char *path = memory_format("%s/trainer_state.json", dir);
    Status status = output_save(path, text.data, text.len);
    free(path);
    buffer_free(&text);
    json_free(json);
    return status;
}

static Status save_into(const Trainer *t, const char *dir)
{
    TRY(adapter_folder_save(&t->adapter, dir));
    TRY(model_card_save(t, dir));
    if (t->tokenizer) TRY(tokenizer_save(t->tokenizer, dir));
    return save_state(t, dir);
}

Status checkpoint_save(Trainer *t)
{
    TRY(output_make_folder(t->recipe.output_dir));
    char *path = memory_format("%s/checkpoint-%lld", t->recipe.output_dir, (long long)t->progress.global_step);
    OutputFolder out = {0};
    Status status;
    TRY_GOTO(done, status, output_folder_open(&out, path));
    TRY_GOTO(done, status, save_into(t, out.temporary));
    status = output_folder_commit(&out);
done:
    output_folder_discard(&out);
    free(path);
    return status;
}

Status checkpoint_save_result(Trainer *t)
{
    TRY(output_make_folder(t->recipe.output_dir));
    return save_into(t, t->recipe.output_dir);
}
