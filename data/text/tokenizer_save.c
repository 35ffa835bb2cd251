/* Saving: a folder's files are copied; from GGUF and SentencePiece the equal tokenizer.json, tokenizer_config.json and chat_template.jinja are
 * written, in the layout of the reference. */
#include <stdlib.h>
#include <string.h>

#include "data/file/output.h"
#include "data/text/bpe.h"
#include "data/text/pipeline_spec.h"
#include "data/text/tokenizer_parts.h"
#include "data/text/unigram.h"
#include "data/text/word_piece.h"
#include "kernels/memory.h"

/* `name` may stand in the folder of the chat templates that have names. */
static Status write_file(const char *dir, const char *name, const void *bytes, size_t n)
{
    char *path = memory_format("%s/%s", dir, name), *folder = memory_format("%s/%s", dir, CHAT_TEMPLATE_FOLDER);
    Status status = strchr(name, '/') ? output_make_folder(folder) : STATUS_OK;
    if (status == STATUS_OK) status = output_save(path, bytes, n);
    free(folder);
    free(path);
    return status;
}

static Status write_template(const char *dir, const char *name, const char *template)
{
    return template ? write_file(dir, name, template, strlen(template)) : STATUS_OK;
}

/* ---- The model of a tokenizer.json ---- */

static void add_string(Buffer *out, const char *text)
{
    Json *string = json_new_string(text);
    json_print(out, string, (JsonStyle){0});
    json_free(string);
}

static void add_option(Buffer *out, const char *key, const char *text)
{
    buffer_format(out, "    \"%s\": ", key);
    add_string(out, text);
    buffer_add_string(out, ",\n");
}

static void add_vocabulary(Buffer *out, const Vocabulary *vocabulary, const char *separator)
{
    const char *before = "    \"vocab\": {\n      ";
    for (int32_t id = 0; id < vocabulary->size; id++) {
        const char *token = vocabulary_token(vocabulary, id, NULL);
        if (!token) continue;
        buffer_add_string(out, before);
        add_string(out, token);
        buffer_format(out, ": %d", (int)id);
        before = ",\n      ";
    }
    buffer_format(out, "\n    }%s\n", separator);
}

static int by_rank(const void *a, const void *b)
{
    const PairEntry *x = a, *y = b;
    return x->value.a < y->value.a ? -1 : 1;
}

static void add_merges(Buffer *out, const Vocabulary *vocabulary, const PairMap *merges)
{
    PairEntry *merge = memory_new(merges->count, sizeof *merge);
    size_t n = 0;
    for (size_t i = 0; i < merges->room; i++)
        if (merges->entry[i].key.a >= 0) merge[n++] = merges->entry[i];
    qsort(merge, n, sizeof *merge, by_rank);
    buffer_add_string(out, "    \"merges\": [");
    for (size_t i = 0; i < n; i++) {
        buffer_add_string(out, i ? ",\n      [" : "\n      [");
        add_string(out, vocabulary_token(vocabulary, merge[i].key.a, NULL));
        buffer_add_string(out, ", ");
        add_string(out, vocabulary_token(vocabulary, merge[i].key.b, NULL));
        buffer_add_char(out, ']');
    }
    buffer_add_string(out, n ? "\n    ]\n" : "]\n");
    free(merge);
}

static const char *truth(bool value) { return value ? "true" : "false"; }

static void add_bpe(Buffer *out, const TokenModel *model)
{
    BpeOptions options = bpe_options(model);
    buffer_add_string(out, "    \"dropout\": null,\n");
    add_option(out, "unk_token", options.unk_token);
    add_option(out, "continuing_subword_prefix", options.continuing_subword_prefix);
    add_option(out, "end_of_word_suffix", options.end_of_word_suffix);
    buffer_format(out, "    \"fuse_unk\": %s,\n    \"byte_fallback\": %s,\n    \"ignore_merges\": %s,\n", truth(options.fuse_unk), truth(options.byte_fallback),
                  truth(options.ignore_merges));
    add_vocabulary(out, &model->vocabulary, ",");
    add_merges(out, &model->vocabulary, bpe_merges(model));
}

static void add_unigram(Buffer *out, const TokenModel *model)
{
    int32_t unk_id = unigram_unk_id(model);
    if (unk_id < 0) buffer_add_string(out, "    \"unk_id\": null,\n");
    else buffer_format(out, "    \"unk_id\": %d,\n", (int)unk_id);
    buffer_add_string(out, "    \"vocab\": [");
    for (int32_t id = 0; id < model->vocabulary.count; id++) {
        char score[40];
        json_format_real(score, unigram_score(model, id));
        buffer_add_string(out, id ? ",\n      [" : "\n      [");
        add_string(out, vocabulary_token(&model->vocabulary, id, NULL));
        buffer_format(out, ", %s]", score);
    }
    buffer_format(out, "\n    ],\n    \"byte_fallback\": %s\n", truth(unigram_byte_fallback(model)));
}

static void add_word_piece(Buffer *out, const TokenModel *model)
{
    WordPieceOptions options = word_piece_options(model);
    add_option(out, "unk_token", options.unk_token);
    add_option(out, "continuing_subword_prefix", options.continuing_subword_prefix);
    buffer_format(out, "    \"max_input_chars_per_word\": %lld,\n", (long long)options.max_input_chars_per_word);
    add_vocabulary(out, &model->vocabulary, "");
}

static void add_model(Buffer *out, const TokenModel *model)
{
    buffer_format(out, "  \"model\": {\n    \"type\": \"%s\",\n", model->row->type);
    (model->row == &bpe_row ? add_bpe : model->row == &unigram_row ? add_unigram : add_word_piece)(out, model);
    buffer_add_string(out, "  }\n");
}

/* ---- The files of a tokenizer from GGUF ---- */

/* All of them, also those that the files beside the model named. */
static Json *added_tokens(const AddedTokens *added)
{
    Json *list = json_new_array();
    for (int32_t i = 0; i < added->n; i++) {
        const AddedToken *token = &added->token[i];
        Json *spec = spec_added_token(token->content, token->id, token->special, token->rstrip);
        json_set(spec, "single_word", json_new_bool(token->single_word));
        json_set(spec, "lstrip", json_new_bool(token->lstrip));
        json_set(spec, "normalized", json_new_bool(token->normalized));
        json_push(list, spec);
    }
    return list;
}

static Status write_tokenizer(const Tokenizer *t, const char *dir)
{
    static const char *const keys[] = { "normalizer", "pre_tokenizer", "post_processor", "decoder" };
    Buffer out = {0};
    Json *added = added_tokens(&t->added);
    buffer_add_string(&out, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": ");
    json_print(&out, added, (JsonStyle){0});
    buffer_add_string(&out, ",\n");
    json_free(added);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        buffer_format(&out, "  \"%s\": ", keys[i]);
        json_print(&out, json_get(t->pipeline, keys[i]), (JsonStyle){0});
        buffer_add_string(&out, ",\n");
    }
    add_model(&out, &t->model);
    buffer_add_string(&out, "}\n");
    Status status = write_file(dir, "tokenizer.json", out.data, out.len);
    buffer_free(&out);
    return status;
}

static Status write_config(const Tokenizer *t, const char *dir)
{
    static const char *const keys[TOKEN_PARTS] = { [TOKEN_BOS] = "bos_token", [TOKEN_EOS] = "eos_token", [TOKEN_PAD] = "pad_token", [TOKEN_UNK] = "unk_token" };
    Json *config = json_new_object();
    Buffer out = {0};
    for (int i = 0; i < TOKEN_PARTS; i++) json_set(config, keys[i], json_new_string(t->part[i]));
    json_set(config, "clean_up_tokenization_spaces", json_new_bool(false));
    json_set(config, "tokenizer_class", json_new_string("PreTrainedTokenizerFast"));
    json_print(&out, config, (JsonStyle){ .indent = 2 });
    buffer_add_char(&out, '\n');
    Status status = write_file(dir, "tokenizer_config.json", out.data, out.len);
    buffer_free(&out);
    json_free(config);
    return status;
}

static Status write_generated(const Tokenizer *t, const char *dir)
{
    TRY(write_tokenizer(t, dir));
    TRY(write_config(t, dir));
    TRY(write_template(dir, CHAT_TEMPLATE_FILE, t->chat_template));
    return write_template(dir, TOOL_TEMPLATE_FILE, t->tool_template);
}

static Status copy_files(const Tokenizer *t, const char *dir)
{
    for (int i = 0; i < t->n_saved; i++) TRY(write_file(dir, t->saved[i].name, t->saved[i].file.bytes, t->saved[i].file.n_bytes));
    return STATUS_OK;
}

Status tokenizer_save(const Tokenizer *t, const char *dir)
{
    TRY(t->pipeline ? write_generated(t, dir) : copy_files(t, dir), "saving the tokenizer");
    return STATUS_OK;
}
