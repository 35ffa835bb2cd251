/* Tokenizers from GGUF metadata: `gpt2` (byte-level BPE with merges) and `llama` (SentencePiece BPE with scores). The
 * vocabulary is filled directly; everything else is written down as the tokenizer.json that would say the same, and read as
 * such. What llama.cpp does decides, as that is where a GGUF file runs: no normal form, ranges without trimming.
 *
 * Scores become merges as transformers turns them: every way to cut a piece in two pieces is a merge, higher scores first. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "data/file/gguf.h"
#include "data/text/bpe.h"
#include "data/text/gguf_pre_tokenizer.h"
#include "data/text/tokenizer_parts.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER_DEFINED };
static const char blank[] = "\xe2\x96\x81";

static bool bool_or(const Gguf *gguf, const char *key, bool missing)
{
    const GgufValue *value = gguf_find(gguf, key);
    return value ? gguf_bool(value, 0) : missing;
}

/* ---- The vocabulary ---- */

static Status read_tokens(Tokenizer *t, const Gguf *gguf)
{
    const GgufValue *tokens;
    TRY(gguf_need(&tokens, gguf, "tokenizer.ggml.tokens", GGUF_STRING));
    int64_t n = gguf_count(tokens);
    if (n > VOCABULARY_MAX_ID) return fail(STATUS_INPUT, "%s: %lld tokens, at most %d are possible", gguf->path, (long long)n, VOCABULARY_MAX_ID);
    for (int64_t i = 0; i < n; i++) {
        GgufString token = gguf_string(tokens, i);
        size_t broken, length = (size_t)token.n;
        if (utf8_valid(token.bytes, length, &broken) < length || memchr(token.bytes, 0, length))
            return fail(STATUS_INPUT, "%s: token %lld of tokenizer.ggml.tokens is not UTF-8 text", gguf->path, (long long)i);
        vocabulary_add(&t->model.vocabulary, token.bytes, length, (int32_t)i);
    }
    return STATUS_OK;
}

static Status read_merges(Tokenizer *t, const Gguf *gguf)
{
    const GgufValue *merges;
    TRY(gguf_need(&merges, gguf, "tokenizer.ggml.merges", GGUF_STRING));
    for (int64_t i = 0; i < gguf_count(merges); i++) {
        GgufString line = gguf_string(merges, i);
        const char *space = line.n > 1 ? memchr(line.bytes + 1, ' ', (size_t)line.n - 1) : NULL;
        if (!space) return fail(STATUS_INPUT, "%s: entry %lld of tokenizer.ggml.merges is not two words", gguf->path, (long long)i);
        size_t left = (size_t)(space - line.bytes);
        TRY(bpe_add_merge(&t->model, line.bytes, left, space + 1, (size_t)line.n - left - 1, gguf->path));
    }
    return STATUS_OK;
}

/* A way to cut a piece in two. */
typedef struct { double score; int32_t left, right, n_left, n_right, place; } Cut;

static int by_score(const void *a, const void *b)
{
    const Cut *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->n_left != y->n_left) return y->n_left - x->n_left;
    if (x->n_right != y->n_right) return y->n_right - x->n_right;
    return x->place - y->place;
}

static Status add_scored_merges(Tokenizer *t, const Gguf *gguf, const GgufValue *scores)
{
    const Vocabulary *vocabulary = &t->model.vocabulary;
    Cut *cut = NULL;
    int32_t n = 0, cap = 0;
    for (int32_t id = 0; id < vocabulary->size; id++) {
        size_t length = 0;
        const char *piece = vocabulary_token(vocabulary, id, &length);
        int32_t letters = 0, i_letter = 0;
        for (size_t at = 0; at < length; at += utf8_length(piece[at])) letters++;
        for (size_t at = 0; at < length; at += utf8_length(piece[at]), i_letter++) {
            int32_t left = at ? vocabulary_id(vocabulary, piece, at) : -1;
            int32_t right = left < 0 ? -1 : vocabulary_id(vocabulary, piece + at, length - at);
            Cut new = { gguf_real(scores, id), left, right, i_letter, letters - i_letter, n };
            if (right >= 0) MEMORY_PUSH(cut, n, cap) = new;
        }
    }
    qsort(cut, (size_t)n, sizeof *cut, by_score);
    Status status = STATUS_OK;
    for (int32_t i = 0; status == STATUS_OK && i < n; i++) {
        size_t n_left, n_right;
        const char *left = vocabulary_token(vocabulary, cut[i].left, &n_left), *right = vocabulary_token(vocabulary, cut[i].right, &n_right);
        status = bpe_add_merge(&t->model, left, n_left, right, n_right, gguf->path);
    }
    free(cut);
    return status;
}

/* ---- The rest, written as the members of a tokenizer.json ---- */

/* An object of a type, with strings as its other members: key, value, …, NULL. */
static Json *component(const char *type, ...) __attribute__((sentinel));
static Json *component(const char *type, ...)
{
    Json *out = json_new_object();
    json_set(out, "type", json_new_string(type));
    va_list args;
    va_start(args, type);
    for (const char *key; (key = va_arg(args, const char *));) json_set(out, key, json_new_string(va_arg(args, const char *)));
    va_end(args);
    return out;
}

static Json *replace(const char *what, const char *content)
{
    Json *out = component("Replace", NULL), *pattern = json_new_object();
    json_set(pattern, "String", json_new_string(what));
    json_set(out, "pattern", pattern);
    json_set(out, "content", json_new_string(content));
    return out;
}

static Json *sequence(const char *key, Json *list)
{
    Json *out = component("Sequence", NULL);
    json_set(out, key, list);
    return out;
}

static Json *byte_level(bool trim_offsets)
{
    Json *out = component("ByteLevel", NULL);
    json_set(out, "add_prefix_space", json_new_bool(true));
    json_set(out, "trim_offsets", json_new_bool(trim_offsets));
    json_set(out, "use_regex", json_new_bool(true));
    return out;
}

/* Control, unknown and user-defined tokens. Phi-3's special tokens take in the blanks after them, by name, as in llama.cpp. */
static Json *added_tokens(const Tokenizer *t, const Gguf *gguf)
{
    const GgufValue *types = gguf_find(gguf, "tokenizer.ggml.token_type");
    char *name = gguf_copy_string(gguf_find(gguf, "general.name"), 0);
    bool phi3 = strcasestr(name, "phi-3") || strcasestr(name, "phi3");
    Json *list = json_new_array();
    for (int32_t id = 0; id < t->model.vocabulary.size; id++) {
        int64_t type = gguf_integer(types, id);
        const char *content = vocabulary_token(&t->model.vocabulary, id, NULL);
        if (type < TYPE_UNKNOWN || type > TYPE_USER_DEFINED || !content) continue;
        bool special = type != TYPE_USER_DEFINED;
        bool rstrip = phi3 && strcmp(content, "<unk>") && strcmp(content, "<s>") && strcmp(content, "<|endoftext|>");
        Json *token = json_new_object();
        json_set(token, "id", json_new_integer(id));
        json_set(token, "content", json_new_string(content));
        json_set(token, "single_word", json_new_bool(false));
        json_set(token, "lstrip", json_new_bool(false));
        json_set(token, "rstrip", json_new_bool(rstrip));
        json_set(token, "normalized", json_new_bool(false));
        json_set(token, "special", json_new_bool(special));
        json_push(list, token);
    }
    free(name);
    return list;
}

static Json *template_piece(const char *kind, const char *id)
{
    Json *piece = json_new_object(), *inner = json_new_object();
    json_set(inner, "id", json_new_string(id));
    json_set(inner, "type_id", json_new_integer(0));
    json_set(piece, kind, inner);
    return piece;
}

static void add_special(Json *special_tokens, const char *token, int32_t id)
{
    Json *entry = json_new_object(), *ids = json_new_array(), *tokens = json_new_array();
    json_push(ids, json_new_integer(id));
    json_push(tokens, json_new_string(token));
    json_set(entry, "id", json_new_string(token));
    json_set(entry, "ids", ids);
    json_set(entry, "tokens", tokens);
    json_set(special_tokens, token, entry);
}

/* bos before the text and eos after it, or nothing. */
static Json *post_processor(const char *bos, int32_t bos_id, const char *eos, int32_t eos_id)
{
    if (!bos && !eos) return json_new_null();
    Json *single = json_new_array(), *pair, *special = json_new_object(), *out = component("TemplateProcessing", NULL);
    if (bos) json_push(single, template_piece("SpecialToken", bos));
    json_push(single, template_piece("Sequence", "A"));
    if (eos) json_push(single, template_piece("SpecialToken", eos));
    pair = json_copy(single);
    json_push(pair, template_piece("Sequence", "B"));
    if (bos) add_special(special, bos, bos_id);
    if (eos) add_special(special, eos, eos_id);
    json_set(out, "single", single);
    json_set(out, "pair", pair);
    json_set(out, "special_tokens", special);
    return out;
}

/* What a vocabulary kind decides. */
typedef struct { Json *normalizer, *pre_tokenizer, *decoder; bool add_bos; } Kind;

static Status read_gpt2(Tokenizer *t, const Gguf *gguf, Kind *kind, Notices *notices)
{
    const GgufValue *pre = gguf_find(gguf, "tokenizer.ggml.pre");
    char *name = pre ? gguf_copy_string(pre, 0) : memory_string("default");
    if (!pre) notice(notices, "%s: no tokenizer.ggml.pre, so text is split by the default rules of llama.cpp", gguf->path);
    GgufPreTokenizer row = {0};
    Status status = STATUS_OK;
    if (!gguf_pre_tokenizer(&row, name))
        status = fail(STATUS_INPUT, "%s: pre-tokenizer \"%s\" (tokenizer.ggml.pre) is not one that graft knows; use a model folder with a tokenizer.json instead",
                      gguf->path, name);
    free(name);
    if (status != STATUS_OK) return status;
    *kind = (Kind){ json_new_null(), row.spec, byte_level(true), row.add_bos };
    bpe_start(&t->model, (BpeOptions){ .ignore_merges = row.ignore_merges });
    return read_merges(t, gguf);
}

static Status read_llama(Tokenizer *t, const Gguf *gguf, Kind *kind)
{
    const GgufValue *scores;
    TRY(gguf_need(&scores, gguf, "tokenizer.ggml.scores", GGUF_REAL));
    const GgufValue *unknown = gguf_find(gguf, "tokenizer.ggml.unknown_token_id");
    bool prefix = bool_or(gguf, "tokenizer.ggml.add_space_prefix", true);
    Json *before = json_new_array(), *after = json_new_array(), *strip = component("Strip", "content", " ", NULL);
    if (prefix) json_push(before, component("Prepend", "prepend", blank, NULL));
    json_push(before, replace(" ", blank));
    json_push(after, replace(blank, " "));
    json_push(after, component("ByteFallback", NULL));
    json_push(after, component("Fuse", NULL));
    json_set(strip, "start", json_new_integer(1));
    json_set(strip, "stop", json_new_integer(0));
    if (prefix) json_push(after, strip);
    else json_free(strip);
    *kind = (Kind){ sequence("normalizers", before), json_new_null(), sequence("decoders", after), true };
    bpe_start(&t->model, (BpeOptions){
        .unk_token = vocabulary_token(&t->model.vocabulary, unknown ? (int32_t)gguf_integer(unknown, 0) : 0, NULL), .fuse_unk = true, .byte_fallback = true });
    return add_scored_merges(t, gguf, scores);
}

/* ---- Parts ---- */

static Status read_part(Tokenizer *t, const Gguf *gguf, TokenPart part, const char *key)
{
    const GgufValue *value = gguf_find(gguf, key);
    if (!value) return STATUS_OK;
    int64_t id = gguf_integer(value, 0);
    const char *token = id >= 0 && id < t->model.vocabulary.size ? vocabulary_token(&t->model.vocabulary, (int32_t)id, NULL) : NULL;
    if (!token) return fail(STATUS_INPUT, "%s: key %s is %lld, the vocabulary has %d tokens", gguf->path, key, (long long)id, (int)t->model.vocabulary.size);
    t->part[part] = memory_string(token);
    return STATUS_OK;
}

/* NULL: none. */
static char *read_template(const Gguf *gguf, const char *key)
{
    const GgufValue *value = gguf_find(gguf, key);
    return value && gguf_kind(value) == GGUF_STRING ? gguf_copy_string(value, 0) : NULL;
}

static Status read_parts(Tokenizer *t, const Gguf *gguf)
{
    TRY(read_part(t, gguf, TOKEN_BOS, "tokenizer.ggml.bos_token_id"));
    TRY(read_part(t, gguf, TOKEN_EOS, "tokenizer.ggml.eos_token_id"));
    TRY(read_part(t, gguf, TOKEN_PAD, "tokenizer.ggml.padding_token_id"));
    TRY(read_part(t, gguf, TOKEN_UNK, "tokenizer.ggml.unknown_token_id"));
    t->chat_template = read_template(gguf, "tokenizer.chat_template");
    t->tool_template = read_template(gguf, "tokenizer.chat_template.tool_use");
    return STATUS_OK;
}

static Status read_metadata(Tokenizer *t, const Gguf *gguf, Notices *notices)
{
    const GgufValue *model;
    TRY(gguf_need(&model, gguf, "tokenizer.ggml.model", GGUF_STRING));
    char *name = gguf_copy_string(model, 0);
    bool gpt2 = !strcmp(name, "gpt2"), llama = !strcmp(name, "llama");
    Status status = gpt2 || llama ? STATUS_OK : fail(STATUS_INPUT, "%s: tokenizer.ggml.model is %s; graft knows gpt2 and llama", gguf->path, name);
    free(name);
    TRY(status);
    TRY(read_tokens(t, gguf));
    Kind kind = {0};
    status = gpt2 ? read_gpt2(t, gguf, &kind, notices) : read_llama(t, gguf, &kind);
    t->pipeline = json_new_object();
    json_set(t->pipeline, "added_tokens", added_tokens(t, gguf));
    json_set(t->pipeline, "normalizer", kind.normalizer ? kind.normalizer : json_new_null());
    json_set(t->pipeline, "pre_tokenizer", kind.pre_tokenizer ? kind.pre_tokenizer : json_new_null());
    json_set(t->pipeline, "decoder", kind.decoder ? kind.decoder : json_new_null());
    TRY(status);
    TRY(read_parts(t, gguf));
    const char *bos = bool_or(gguf, "tokenizer.ggml.add_bos_token", kind.add_bos) ? t->part[TOKEN_BOS] : NULL;
    const char *eos = bool_or(gguf, "tokenizer.ggml.add_eos_token", false) ? t->part[TOKEN_EOS] : NULL;
    json_set(t->pipeline, "post_processor",
             post_processor(bos, bos ? vocabulary_id(&t->model.vocabulary, bos, strlen(bos)) : -1, eos, eos ? vocabulary_id(&t->model.vocabulary, eos, strlen(eos)) : -1));
    TRY(bpe_finish(&t->model, gguf->path));
    return tokenizer_read_pipeline(t, t->pipeline, gguf->path, notices);
}

Status tokenizer_open_gguf(Tokenizer *t, const char *path, Notices *notices)
{
    Gguf gguf = {0};
    Status status = gguf_open(&gguf, path);
    if (status == STATUS_OK) status = read_metadata(t, &gguf, notices);
    gguf_close(&gguf);
    return status;
}
