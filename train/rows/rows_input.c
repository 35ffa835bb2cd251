#include "train/rows/rows_input.h"

#include <stdlib.h>

#include "data/file/mapped.h"
#include "data/file/path.h"
#include "kernels/memory.h"

/* A GGUF file may name a tokenizer that is not known here; rows of tokens need none. */
static Status open_tokenizer(RowsInput *in, const char *model, Notices *notices)
{
    char *file = memory_format("%s/tokenizer.json", model);
    bool folder = path_is_folder(model), missing = folder && !path_exists(file);
    free(file);
    if (missing) return STATUS_OK;
    Status status = tokenizer_open(&in->tokenizer, model, notices);
    if (folder || status == STATUS_OK) return status;
    notice(notices, "%s: its tokenizer cannot be used: %s", model, status_message());
    return STATUS_OK;
}

/* A template's file, or a folder that has one. */
static Status read_template(const char *path, char **source)
{
    Mapped file = {0};
    Buffer text = {0};
    char *in_folder = memory_format("%s/chat_template.jinja", path);
    Status status = mapped_open(&file, path_is_folder(path) ? in_folder : path);
    free(in_folder);
    TRY(status, "chat_template_path");
    buffer_add(&text, file.bytes, file.n_bytes);
    *source = buffer_take(&text);
    mapped_close(&file);
    return STATUS_OK;
}

static Status open_template(RowsInput *in, const char *path)
{
    char *source = NULL;
    if (path) TRY(read_template(path, &source));
    else if (in->tokenizer) source = memory_string(tokenizer_chat_template(in->tokenizer));
    in->chat_template_source = path ? memory_string(source) : NULL;
    Status status = source ? chat_template_open(&in->chat_template, path ? path : "the model's chat template", source) : STATUS_OK;
    free(source);
    const char *tool_use = in->tokenizer && !path ? tokenizer_tool_template(in->tokenizer) : NULL;
    if (status != STATUS_OK || !in->chat_template || !tool_use) return status;
    return chat_template_add_tool_use(in->chat_template, "the model's chat template tool_use", tool_use);
}

static Status check_model(const char *model)
{
    return path_exists(model) ? STATUS_OK : fail(STATUS_INPUT, "model_name_or_path: %s: No such file or directory", model);
}

Status rows_input_open(RowsInput *in, const Recipe *recipe, Notices *notices)
{
    const char *eos = recipe->eos_token, *model = recipe->model_name_or_path;
    TRY(check_model(model));
    TRY(open_tokenizer(in, model, notices));
    if (eos && in->tokenizer && tokenizer_id(in->tokenizer, eos) < 0)
        return fail(STATUS_INPUT, "eos_token \"%s\" is no token of this model's vocabulary", eos);
    TRY(open_template(in, recipe->chat_template_path));
    return end_tokens_find(&in->ends, model, in->tokenizer);
}

void rows_input_close(RowsInput *in)
{
    tokenizer_close(in->tokenizer);
    chat_template_close(in->chat_template);
    free(in->chat_template_source);
    end_tokens_free(&in->ends);
    *in = (RowsInput){0};
}

static CompletionLoss completion_loss(Maybe only)
{
    return only == MAYBE_UNSET ? COMPLETION_LOSS_AUTO : only == MAYBE_YES ? COMPLETION_LOSS_ONLY : COMPLETION_LOSS_ALL;
}

DatasetOptions rows_input_options(const RowsInput *in, const Recipe *r, int64_t vocabulary, bool packing)
{
    return (DatasetOptions){
        .encode = { .tokenizer = in->tokenizer, .cache_for = in->tokenizer && r->load_from_cache_file ? r->model_name_or_path : NULL,
                    .chat_template = in->chat_template, .eos_token = r->eos_token, .date = r->chat_template_date,
                    .vocabulary = (int32_t)vocabulary,
                    .completion_only_loss = completion_loss(r->completion_only_loss), .assistant_only_loss = r->assistant_only_loss,
                    .prompt_is_meant = json_get(r->given, "assistant_only_loss") != NULL, .end = in->ends.id, .n_ends = in->ends.n },
        .text_field = r->dataset_text_field, .max_length = r->max_length, .truncation = r->truncation_mode, .packing = packing,
        .packing_strategy = r->packing_strategy, .n_processes = r->dataset_num_proc, .shuffle = r->shuffle_dataset, .seed = (uint64_t)r->seed };
}

int64_t rows_input_vocabulary(const RowsInput *in, const Recipe *recipe)
{
    const char *model = recipe->model_name_or_path;
    if (!path_is_folder(model)) return in->tokenizer ? tokenizer_size(in->tokenizer) : 0;
    char *path = memory_format("%s/config.json", model);
    Json *config = NULL;
    int64_t size = path_exists(path) && json_read(&config, path) == STATUS_OK ? json_integer(json_get(config, "vocab_size")) : 0;
    json_free(config);
    free(path);
    return size > 0 && size <= INT32_MAX ? size : 0;
}
