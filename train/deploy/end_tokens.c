#include "train/deploy/end_tokens.h"

#include <stdlib.h>

#include "data/file/gguf.h"
#include "data/file/json.h"
#include "data/file/path.h"
#include "kernels/memory.h"

bool end_tokens_have(const EndTokens *ends, int32_t id)
{
    for (int i = 0; i < ends->n; i++)
        if (ends->id[i] == id) return true;
    return false;
}

/* Ids that no token has end nothing. */
static void add(EndTokens *ends, int64_t id)
{
    if (id >= 0 && id <= INT32_MAX && !end_tokens_have(ends, (int32_t)id)) MEMORY_PUSH(ends->id, ends->n, ends->cap) = (int32_t)id;
}

static Status bad_id(const char *path, const Json *found)
{
    return fail(STATUS_INPUT, "%s: eos_token_id: expected a token's id or a list of ids, found %s", path, json_kind_name(found));
}

static Status add_json(EndTokens *ends, const Json *value, const char *path)
{
    if (json_kind(value) == JSON_NULL) return STATUS_OK;
    if (json_kind(value) != JSON_INTEGER && json_kind(value) != JSON_ARRAY) return bad_id(path, value);
    if (json_kind(value) == JSON_INTEGER) add(ends, json_integer(value));
    for (const Json *item = json_kind(value) == JSON_ARRAY ? json_first(value) : NULL; item; item = json_next(item)) {
        if (json_kind(item) != JSON_INTEGER) return bad_id(path, item);
        add(ends, json_integer(item));
    }
    return STATUS_OK;
}

static Status add_file(EndTokens *ends, const char *dir, const char *name)
{
    char *path = memory_format("%s/%s", dir, name);
    Json *json = NULL;
    Status status = path_exists(path) ? json_read(&json, path) : STATUS_OK;
    if (status == STATUS_OK) status = add_json(ends, json_get(json, "eos_token_id"), path);
    json_free(json);
    free(path);
    return status;
}

static Status add_gguf(EndTokens *ends, const char *path)
{
    Gguf gguf = {0};
    TRY(gguf_open(&gguf, path));
    static const char *const keys[] = { "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const GgufValue *value = gguf_find(&gguf, keys[i]);
        if (value) add(ends, gguf_integer(value, 0));
    }
    gguf_close(&gguf);
    return STATUS_OK;
}

Status end_tokens_find(EndTokens *ends, const char *path, const Tokenizer *tokenizer)
{
    bool folder = path_is_folder(path);
    *ends = (EndTokens){0};
    Status status = folder ? add_file(ends, path, "generation_config.json") : add_gguf(ends, path);
    if (status == STATUS_OK && folder) status = add_file(ends, path, "config.json");
    if (status != STATUS_OK) end_tokens_free(ends);
    else if (tokenizer) add(ends, tokenizer_part_id(tokenizer, TOKEN_EOS));
    return status;
}

void end_tokens_free(EndTokens *ends)
{
    free(ends->id);
    *ends = (EndTokens){0};
}
