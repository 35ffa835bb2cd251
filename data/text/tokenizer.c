#include "data/text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/path.h"
#include "data/text/tokenizer_parts.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

enum { MAX_TEXT_BYTES = 1 << 28 };      /* places in a text are 32 bits wide, and a byte may become eight on its way */

/* ---- Opening ---- */

Status tokenizer_read_pipeline(Tokenizer *t, const Json *root, const char *file, Notices *notices)
{
    TRY(normalizer_open(&t->normalizer, json_get(root, "normalizer"), file));
    TRY(pre_tokenizer_open(&t->pre_tokenizer, json_get(root, "pre_tokenizer"), file));
    TRY(post_processor_read(&t->post_processor, json_get(root, "post_processor"), file));
    TRY(decoder_open(&t->decoder, json_get(root, "decoder"), file));
    return added_tokens_read(&t->added, json_get(root, "added_tokens"), &t->model.vocabulary, file, notices);
}

static Status read_tokenizer_json(Tokenizer *t, const char *file, Notices *notices)
{
    Json *root = NULL;
    TRY(json_read(&root, file));
    Status status = json_kind(root) == JSON_OBJECT ? STATUS_OK : fail(STATUS_INPUT, "%s: it is %s, expected an object", file, json_kind_name(root));
    if (status == STATUS_OK) status = token_model_open(&t->model, json_get(root, "model"), file, notices);
    if (status == STATUS_OK) status = tokenizer_read_pipeline(t, root, file, notices);
    json_free(root);
    return status;
}

static Status read_own(Tokenizer *t, const char *file, const FolderConfig *config, Notices *notices)
{
    TRY(read_tokenizer_json(t, file, notices));
    return folder_config_apply(config, t);
}

/* tokenizer.model is SentencePiece's name, which Llama 3 took for a tiktoken file. */
static Status read_pieces(Tokenizer *t, const char *file, const FolderConfig *config, Notices *notices)
{
    return (tokenizer_is_tiktoken(file) ? tokenizer_open_tiktoken : tokenizer_open_sentence_piece)(t, file, config, notices);
}

/* tokenizer.json, or what a folder has instead. */
static Status read_folder(Tokenizer *t, const FolderConfig *config, Notices *notices)
{
    static const struct { const char *name; Status (*read)(Tokenizer *, const char *file, const FolderConfig *, Notices *); } files[] = {
        { "tokenizer.json", read_own }, { "tekken.json", tokenizer_open_tekken }, { "tokenizer.model", read_pieces }, { "spiece.model", tokenizer_open_sentence_piece },
        { "tiktoken.model", tokenizer_open_tiktoken }, { "vocab.json", tokenizer_open_vocab_merges },
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *file = memory_format("%s/%s", config->dir, files[i].name);
        bool found = path_exists(file);
        Status status = found ? files[i].read(t, file, config, notices) : STATUS_OK;
        free(file);
        if (found) return status;
    }
    return fail(STATUS_INPUT, "%s/tokenizer.json: no such file; graft reads tokenizers from tokenizer.json (Hugging Face tokenizers), tekken.json (Mistral), tokenizer.model"
                " (SentencePiece or tiktoken), spiece.model (SentencePiece), tiktoken.model, vocab.json with merges.txt, or a .gguf file", config->dir);
}

static Status open_folder(Tokenizer *t, const char *dir, Notices *notices)
{
    FolderConfig config = {0};
    Status status = folder_config_open(&config, t, dir);
    if (status == STATUS_OK) status = read_folder(t, &config, notices);
    folder_config_close(&config);
    return status;
}

Status tokenizer_open(Tokenizer **out, const char *path, Notices *notices)
{
    Tokenizer *t = memory_new(1, sizeof *t);
    Status status = path_is_folder(path) ? open_folder(t, path, notices) : tokenizer_open_gguf(t, path, notices);
    if (status == STATUS_OK) status = added_tokens_finish(&t->added, t->normalizer);
    if (status == STATUS_OK) *out = t;
    else tokenizer_close(t);
    return status;
}

void tokenizer_close(Tokenizer *t)
{
    if (!t) return;
    token_model_close(&t->model);
    added_tokens_free(&t->added);
    normalizer_close(t->normalizer);
    pre_tokenizer_close(t->pre_tokenizer);
    post_processor_free(&t->post_processor);
    decoder_close(t->decoder);
    for (int i = 0; i < TOKEN_PARTS; i++) free(t->part[i]);
    free(t->chat_template);
    free(t->tool_template);
    for (int i = 0; i < t->n_saved; i++) {
        free(t->saved[i].name);
        mapped_close(&t->saved[i].file);
    }
    free(t->saved);
    json_free(t->pipeline);
    free(t);
}

/* ---- Encoding ---- */

void tokens_free(Tokens *tokens)
{
    free(tokens->id);
    free(tokens->begin);
    free(tokens->end);
    *tokens = (Tokens){0};
}

static void push(Tokens *tokens, int32_t id, uint32_t begin, uint32_t end)
{
    if (tokens->n == tokens->cap) {
        tokens->cap = tokens->cap ? 2 * tokens->cap : 64;
        tokens->id = memory_grow(tokens->id, (size_t)tokens->cap, sizeof *tokens->id);
        tokens->begin = memory_grow(tokens->begin, (size_t)tokens->cap, sizeof *tokens->begin);
        tokens->end = memory_grow(tokens->end, (size_t)tokens->cap, sizeof *tokens->end);
    }
    tokens->id[tokens->n] = id;
    tokens->begin[tokens->n] = begin;
    tokens->end[tokens->n++] = end;
}

/* Where tokens go, and the text that their ranges are in. */
typedef struct { const Tokenizer *tokenizer; const char *original; const Aligned *text; Tokens *out; int64_t first; } Sink;

/* Bytes [at, at + n) of the rewritten text became `id`, spelt `token`. */
static void push_range(const Sink *sink, size_t at, size_t n, int32_t id, const char *token, size_t n_token)
{
    uint32_t begin = n ? sink->text->begin[at] : 0, end = n ? sink->text->end[at + n - 1] : 0;
    post_processor_trim(&sink->tokenizer->post_processor, sink->original, token, n_token, sink->out->n == sink->first, &begin, &end);
    push(sink->out, id, begin, end);
}

static void push_word(const Sink *sink, size_t at, const Word *word)
{
    for (int32_t i = 0; i < word->n; i++) {
        const Symbol *symbol = &word->symbol[i];
        size_t n_token = 0;
        const char *token = vocabulary_token(&sink->tokenizer->model.vocabulary, symbol->id, &n_token);
        push_range(sink, at + symbol->begin, symbol->length, symbol->id, token, n_token);
    }
}

static Status push_pieces(const Sink *sink, const Pieces *pieces)
{
    Word word = {0};
    Status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < pieces->n; i++) {
        size_t at = pieces->piece[i].begin, n = pieces->piece[i].end - at;
        int32_t added = pieces->piece[i].token;
        if (added < 0) status = token_model_encode(&sink->tokenizer->model, sink->text->bytes + at, n, &word);
        if (added >= 0) push_range(sink, at, n, added, sink->text->bytes + at, n);
        else if (status == STATUS_OK) push_word(sink, at, &word);
    }
    word_free(&word);
    return status;
}

static Status run_pipeline(const Tokenizer *t, Pipeline *pipeline)
{
    added_tokens_split(&t->added, false, pipeline);
    TRY(normalizer_apply(t->normalizer, pipeline));
    added_tokens_split(&t->added, true, pipeline);
    return pre_tokenizer_apply(t->pre_tokenizer, pipeline);
}

Status tokenizer_encode(const Tokenizer *t, const char *text, size_t n, bool add_special_tokens, Tokens *out)
{
    size_t broken, valid = utf8_valid(text, n, &broken);
    if (valid < n) return fail(STATUS_INPUT, "text to be tokenized: byte %zu is not valid UTF-8", valid);
    if (n > MAX_TEXT_BYTES) return fail(STATUS_INPUT, "text to be tokenized: %zu bytes, at most %d are possible", n, MAX_TEXT_BYTES);
    const PostProcessor *around = &t->post_processor;
    Pipeline pipeline = {0};
    int64_t before = out->n;
    pipeline_start(&pipeline, text, n);
    Status status = run_pipeline(t, &pipeline);
    for (int i = 0; add_special_tokens && i < around->n_before; i++) push(out, around->before[i], 0, 0);
    if (status == STATUS_OK) status = push_pieces(&(Sink){ t, text, &pipeline.text, out, out->n }, &pipeline.pieces);
    for (int i = 0; add_special_tokens && i < around->n_after; i++) push(out, around->after[i], 0, 0);
    if (status != STATUS_OK) out->n = before;
    pipeline_free(&pipeline);
    return status;
}

/* ---- Decoding ---- */

void tokenizer_decode(const Tokenizer *t, const int32_t *ids, int64_t n, bool skip_special_tokens, Buffer *out)
{
    Strings tokens = {0};
    for (int64_t i = 0; i < n; i++) {
        size_t length = 0;
        const AddedToken *added = added_tokens_of(&t->added, ids[i]);
        const char *token = added ? added->spelling : vocabulary_token(&t->model.vocabulary, ids[i], &length);
        if (token && !(added && added->special && skip_special_tokens)) strings_add(&tokens, token, added ? strlen(token) : length);
    }
    decoder_apply(t->decoder, &tokens, out);
    strings_free(&tokens);
}

/* ---- What it knows ---- */

const char *tokenizer_kind(const Tokenizer *t) { return t->model.row->type; }

int32_t tokenizer_size(const Tokenizer *t)
{
    int32_t size = t->model.vocabulary.size;
    return t->added.n && t->added.largest >= size ? t->added.largest + 1 : size;
}

int32_t tokenizer_id(const Tokenizer *t, const char *token)
{
    const AddedToken *added = added_tokens_find(&t->added, token);
    return added ? added->id : vocabulary_id(&t->model.vocabulary, token, strlen(token));
}

const char *tokenizer_token(const Tokenizer *t, int32_t id)
{
    const AddedToken *added = added_tokens_of(&t->added, id);
    return added ? added->content : vocabulary_token(&t->model.vocabulary, id, NULL);
}

int32_t     tokenizer_part_id(const Tokenizer *t, TokenPart part) { return t->part[part] ? tokenizer_id(t, t->part[part]) : -1; }
const char *tokenizer_part(const Tokenizer *t, TokenPart part) { return t->part[part]; }
const char *tokenizer_chat_template(const Tokenizer *t) { return t->chat_template; }
const char *tokenizer_tool_template(const Tokenizer *t) { return t->tool_template; }

