/* Tokenizers from Mistral's tekken.json: a list of byte strings in order of rank behind a block of special tokens, and the regex
 * that splits text. Merges follow from the ranks. As transformers converts it, nothing is put around a text. */
#include <stdio.h>
#include <string.h>

#include "data/text/byte_level.h"
#include "data/text/pipeline_spec.h"
#include "data/text/scored_merges.h"
#include "data/text/tokenizer_parts.h"
#include "kernels/memory.h"

enum { MAX_SPECIAL = 1 << 16 };      /* Mistral's files have 1000; keeps a hostile count from asking for memory */
static const char *const part_tokens[TOKEN_PARTS] = { [TOKEN_BOS] = "<s>", [TOKEN_EOS] = "</s>", [TOKEN_PAD] = "<pad>", [TOKEN_UNK] = "<unk>" };

/* Ids 0 … are the special tokens by their ranks, then fillers up to `n`. */
static Status add_special(Tokenizer *t, const Json *list, int64_t n, const char *file)
{
    Vocabulary *vocabulary = &t->model.vocabulary;
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        const char *token = json_string(json_get(item, "token_str"));
        int64_t rank = json_integer(json_get(item, "rank"));
        if (!token || json_kind(json_get(item, "rank")) != JSON_INTEGER || rank < 0 || rank >= json_count(list) || rank >= n)
            return fail(STATUS_INPUT, "%s: an entry of \"special_tokens\" has no \"token_str\", or its \"rank\" is not one of 0 to %lld", file, (long long)json_count(list) - 1);
        if (vocabulary_token(vocabulary, (int32_t)rank, NULL)) return fail(STATUS_INPUT, "%s: two entries of \"special_tokens\" have the rank %lld", file, (long long)rank);
        vocabulary_add(vocabulary, token, strlen(token), (int32_t)rank);
    }
    for (int64_t id = json_count(list); id < n; id++) {
        char filler[32];
        vocabulary_add(vocabulary, filler, (size_t)snprintf(filler, sizeof filler, "<SPECIAL_%lld>", (long long)id), (int32_t)id);
    }
    return STATUS_OK;
}

/* The token's bytes, spelt in the byte-level alphabet. */
static Status add_token(Tokenizer *t, const Json *item, int32_t id, const char *file)
{
    const char *text = json_string(json_get(item, "token_bytes"));
    Buffer spelling = {0};
    bool good = text && byte_level_spell(&spelling, text, strlen(text)) && spelling.len;
    if (good) vocabulary_add(&t->model.vocabulary, spelling.data, spelling.len, id);
    buffer_free(&spelling);
    return good ? STATUS_OK : fail(STATUS_INPUT, "%s: the \"token_bytes\" of token %d of \"vocab\" are not base64", file, (int)id);
}

/* Counts that the file may leave out. */
static Status read_count(int64_t *out, const Json *config, const char *key, int64_t missing, int64_t most, const char *file)
{
    const Json *value = json_get(config, key);
    *out = json_kind(value) == JSON_NULL ? missing : json_integer(value);
    if (*out >= 0 && *out <= most) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: \"config.%s\" is not a count from 0 to %lld", file, key, (long long)most);
}

static Status add_vocabulary(Tokenizer *t, const Json *root, int64_t *n_special, const char *file)
{
    const Json *config = json_get(root, "config"), *special = json_get(root, "special_tokens"), *vocab = json_get(root, "vocab");
    if (json_kind(special) != JSON_ARRAY)
        return fail(STATUS_INPUT, "%s: \"special_tokens\" is %s, expected a list; save it once with transformers and mistral-common to get a tokenizer.json", file,
                    json_kind_name(special));
    if (json_kind(vocab) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"vocab\" is %s, expected a list", file, json_kind_name(vocab));
    int64_t size, id;
    TRY(read_count(n_special, config, "default_num_special_tokens", json_count(special), MAX_SPECIAL, file));
    TRY(read_count(&size, config, "default_vocab_size", *n_special + json_count(vocab), VOCABULARY_MAX_ID, file));
    TRY(add_special(t, special, *n_special, file));
    id = *n_special;
    for (const Json *item = json_first(vocab); item && id < size; item = json_next(item), id++) TRY(add_token(t, item, (int32_t)id, file));
    return STATUS_OK;
}

static Json *pipeline(const Tokenizer *t, const char *pattern, int64_t n_special)
{
    Json *added = json_new_array(), *steps = json_new_array();
    for (int32_t id = 0; id < n_special; id++) {
        const char *token = vocabulary_token(&t->model.vocabulary, id, NULL);
        if (token) json_push(added, spec_added_token(token, id, true, false));
    }
    json_push(steps, spec_split(pattern));
    json_push(steps, spec_byte_level(true, false, false));
    return spec_pipeline((SpecPipeline){
        .added_tokens = added, .pre_tokenizer = spec_sequence("pretokenizers", steps), .post_processor = spec_byte_level(false, true, true), .decoder = spec_byte_level(true, true, true) });
}

static Status read_root(Tokenizer *t, const Json *root, const char *file, Notices *notices)
{
    const char *pattern = json_string(json_get(json_get(root, "config"), "pattern"));
    int64_t n_special = 0;
    if (!pattern) return fail(STATUS_INPUT, "%s: \"config.pattern\" is missing", file);
    TRY(add_vocabulary(t, root, &n_special, file));
    TRY(scored_merges_of_ranks(&t->model, (int32_t)n_special, file));
    for (int i = 0; i < TOKEN_PARTS; i++)
        if (vocabulary_id(&t->model.vocabulary, part_tokens[i], strlen(part_tokens[i])) >= 0) t->part[i] = memory_string(part_tokens[i]);
    t->pipeline = pipeline(t, pattern, n_special);
    return tokenizer_read_pipeline(t, t->pipeline, file, notices);
}

Status tokenizer_open_tekken(Tokenizer *t, const char *path, const FolderConfig *config, Notices *notices)
{
    Json *root = NULL;
    TRY(json_read(&root, path));
    Status status = read_root(t, root, path, notices);
    json_free(root);
    return status == STATUS_OK ? folder_config_apply(config, t) : status;
}
