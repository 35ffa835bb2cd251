/* Tokenizers from GGUF metadata: `gpt2` (byte-level BPE with merges), `llama` (SentencePiece BPE with scores), `gemma4` (BPE on
 * characters), `bert` (WordPiece) and `t5` (Unigram). The vocabulary is filled directly; everything else is written down as
 * the tokenizer.json that would say the same, and read as such. What llama.cpp does decides, as that is where a GGUF file runs: no
 * normal form, ranges without trimming, words of any length. */
#include <stdlib.h>
#include <string.h>

#include "data/file/gguf.h"
#include "data/text/bpe.h"
#include "data/text/gguf_pre_tokenizer.h"
#include "data/text/pipeline_spec.h"
#include "data/text/scored_merges.h"
#include "data/text/tokenizer_parts.h"
#include "data/text/unigram.h"
#include "data/text/utf8.h"
#include "data/text/word_piece.h"
#include "kernels/memory.h"

enum { TYPE_NORMAL = 1, TYPE_UNKNOWN, TYPE_CONTROL, TYPE_USER_DEFINED };
static const char blank[] = "\xe2\x96\x81", continues[] = "##";

/* What a kind of vocabulary decides around its model: components, and the tokens before and after a text. */
typedef struct {
    Json     *normalizer, *pre_tokenizer, *decoder;
    SpecToken before, after;
} Components;

typedef struct {
    const char *name;
    bool        phantom_blanks;      /* words begin with a blank, and what continues a word has no mark */
    bool        list;                /* a spelling that comes again leaves the earlier id its own */
    Status    (*read)(Tokenizer *, const Gguf *, Components *, Notices *);
} Kind;

static bool bool_or(const Gguf *gguf, const char *key, bool missing)
{
    const GgufValue *value = gguf_find(gguf, key);
    return value ? gguf_bool(value, 0) : missing;
}

/* ---- The vocabulary ---- */

/* The spelling that BERT's own vocabulary has; added tokens and those in brackets are as they are. */
static void add_phantom(Vocabulary *vocabulary, const char *token, size_t n, int32_t id, int64_t type)
{
    size_t n_blank = strlen(blank);
    bool begins = n >= n_blank && !memcmp(token, blank, n_blank), brackets = n > 1 && token[0] == '[' && token[n - 1] == ']';
    if (begins || brackets || (type >= TYPE_UNKNOWN && type <= TYPE_USER_DEFINED)) {
        vocabulary_add(vocabulary, token + (begins ? n_blank : 0), n - (begins ? n_blank : 0), id);
        return;
    }
    Buffer spelling = {0};
    buffer_add_string(&spelling, continues);
    buffer_add(&spelling, token, n);
    vocabulary_add(vocabulary, spelling.data, spelling.len, id);
    buffer_free(&spelling);
}

static Status read_tokens(Tokenizer *t, const Gguf *gguf, const Kind *kind)
{
    const GgufValue *tokens, *types = gguf_find(gguf, "tokenizer.ggml.token_type");
    TRY(gguf_need(&tokens, gguf, "tokenizer.ggml.tokens", GGUF_STRING));
    int64_t n = gguf_count(tokens);
    if (n > VOCABULARY_MAX_ID) return fail(STATUS_INPUT, "%s: %lld tokens, at most %d are possible", gguf->path, (long long)n, VOCABULARY_MAX_ID);
    for (int64_t i = 0; i < n; i++) {
        GgufString token = gguf_string(tokens, i);
        size_t broken, length = (size_t)token.n;
        if (utf8_valid(token.bytes, length, &broken) < length || memchr(token.bytes, 0, length))
            return fail(STATUS_INPUT, "%s: token %lld of tokenizer.ggml.tokens is not UTF-8 text", gguf->path, (long long)i);
        if (kind->phantom_blanks) add_phantom(&t->model.vocabulary, token.bytes, length, (int32_t)i, gguf_integer(types, i));
        else if (kind->list) vocabulary_append(&t->model.vocabulary, token.bytes, length);
        else vocabulary_add(&t->model.vocabulary, token.bytes, length, (int32_t)i);
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

/* By id; the caller's to free. */
static Status read_scores(double **out, const Tokenizer *t, const Gguf *gguf)
{
    const GgufValue *scores;
    TRY(gguf_need(&scores, gguf, "tokenizer.ggml.scores", GGUF_REAL));
    *out = memory_new((size_t)t->model.vocabulary.size, sizeof **out);
    for (int32_t id = 0; id < t->model.vocabulary.size; id++) (*out)[id] = gguf_real(scores, id);
    return STATUS_OK;
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
        bool rstrip = phi3 && strcmp(content, "<unk>") && strcmp(content, "<s>") && strcmp(content, "<|endoftext|>");
        json_push(list, spec_added_token(content, id, type != TYPE_USER_DEFINED, rstrip));
    }
    free(name);
    return list;
}

/* ---- Parts ---- */

static const char *token_of(const Tokenizer *t, int64_t id)
{
    return id >= 0 && id < t->model.vocabulary.size ? vocabulary_token(&t->model.vocabulary, (int32_t)id, NULL) : NULL;
}

static Status read_part(Tokenizer *t, const Gguf *gguf, TokenPart part, const char *key)
{
    const GgufValue *value = gguf_find(gguf, key);
    if (!value) return STATUS_OK;
    int64_t id = gguf_integer(value, 0);
    const char *token = token_of(t, id);
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

/* The token that a key names, or that has the id which stands for a missing key; {0}: neither. */
static SpecToken named(const Tokenizer *t, const Gguf *gguf, const char *key, int64_t missing)
{
    const GgufValue *value = gguf_find(gguf, key);
    int64_t id = value ? gguf_integer(value, 0) : missing;
    const char *token = token_of(t, id);
    return token ? (SpecToken){ token, (int32_t)id } : (SpecToken){0};
}

static void add_around(const Tokenizer *t, const Gguf *gguf, Components *out, bool add_bos, bool add_eos)
{
    if (bool_or(gguf, "tokenizer.ggml.add_bos_token", add_bos)) out->before = named(t, gguf, "tokenizer.ggml.bos_token_id", -1);
    if (bool_or(gguf, "tokenizer.ggml.add_eos_token", add_eos)) out->after = named(t, gguf, "tokenizer.ggml.eos_token_id", -1);
}

/* ---- The kinds ---- */

static Status read_gpt2(Tokenizer *t, const Gguf *gguf, Components *out, Notices *notices)
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
    out->pre_tokenizer = row.spec;
    out->decoder = spec_byte_level(true, true, true);
    add_around(t, gguf, out, row.add_bos, false);
    bpe_start(&t->model, (BpeOptions){ .ignore_merges = row.ignore_merges });
    TRY(read_merges(t, gguf));
    return bpe_finish(&t->model, gguf->path);
}

static Status read_llama(Tokenizer *t, const Gguf *gguf, Components *out, Notices *notices)
{
    (void)notices;
    double *score = NULL;
    TRY(read_scores(&score, t, gguf));
    bool prefix = bool_or(gguf, "tokenizer.ggml.add_space_prefix", true);
    out->normalizer = spec_piece_normalizer(prefix);
    out->decoder = spec_piece_decoder(prefix);
    add_around(t, gguf, out, true, false);
    const char *unk = named(t, gguf, "tokenizer.ggml.unknown_token_id", 0).token;
    bpe_start(&t->model, (BpeOptions){ .unk_token = unk, .fuse_unk = true, .byte_fallback = true });
    Status status = scored_merges_add(&t->model, (ScoredVocabulary){ .score = score }, gguf->path);
    free(score);
    return status == STATUS_OK ? bpe_finish(&t->model, gguf->path) : status;
}

/* Merges on characters; the text is cut only where lines end. */
static Status read_gemma4(Tokenizer *t, const Gguf *gguf, Components *out, Notices *notices)
{
    (void)notices;
    out->normalizer = spec_piece_normalizer(false);
    out->pre_tokenizer = spec_split("[^\\n]+|[\\n]+");
    out->decoder = spec_piece_decoder(false);
    out->before = named(t, gguf, "tokenizer.ggml.bos_token_id", -1);
    const char *unk = named(t, gguf, "tokenizer.ggml.unknown_token_id", -1).token;
    bpe_start(&t->model, (BpeOptions){ .unk_token = unk, .fuse_unk = true, .byte_fallback = true });
    TRY(read_merges(t, gguf));
    return bpe_finish(&t->model, gguf->path);
}

static Json *bert_normalizer(const Gguf *gguf)
{
    bool lowercase = bool_or(gguf, "tokenizer.ggml.normalizer.lowercase", true);
    Json *out = spec_component("BertNormalizer", NULL);
    json_set(out, "clean_text", json_new_bool(true));
    json_set(out, "handle_chinese_chars", json_new_bool(true));
    json_set(out, "strip_accents", json_new_bool(bool_or(gguf, "tokenizer.ggml.normalizer.strip_accents", lowercase)));
    json_set(out, "lowercase", json_new_bool(lowercase));
    return out;
}

static Status read_bert(Tokenizer *t, const Gguf *gguf, Components *out, Notices *notices)
{
    enum { CLS = 101, UNK = 100, SEP = 102, ANY_LENGTH = 1 << 30 };      /* BERT's own, which a file may leave out */
    (void)notices;
    SpecToken unk = named(t, gguf, "tokenizer.ggml.unknown_token_id", UNK);
    if (!unk.token) return fail(STATUS_INPUT, "%s: tokenizer.ggml.unknown_token_id names no token of the vocabulary", gguf->path);
    out->normalizer = bert_normalizer(gguf);
    out->pre_tokenizer = spec_component("BertPreTokenizer", NULL);
    out->decoder = spec_component("WordPiece", "prefix", continues, NULL);
    json_set(out->decoder, "cleanup", json_new_bool(true));
    const char *cls = gguf_find(gguf, "tokenizer.ggml.bos_token_id") ? "tokenizer.ggml.bos_token_id" : "tokenizer.ggml.cls_token_id";
    if (bool_or(gguf, "tokenizer.ggml.add_bos_token", true)) out->before = named(t, gguf, cls, CLS);
    if (bool_or(gguf, "tokenizer.ggml.add_sep_token", true)) out->after = named(t, gguf, "tokenizer.ggml.seperator_token_id", SEP);
    word_piece_start(&t->model, (WordPieceOptions){ unk.token, continues, ANY_LENGTH });
    return STATUS_OK;
}

static void raise_scores(const Tokenizer *t, const Gguf *gguf, double *score)
{
    const GgufValue *types = gguf_find(gguf, "tokenizer.ggml.token_type");
    int32_t n = t->model.vocabulary.size;
    bool *real = memory_new((size_t)n, sizeof *real);
    for (int32_t id = 0; id < n; id++) real[id] = gguf_integer(types, id) == TYPE_NORMAL;
    unigram_raise_scores(score, real, n);
    free(real);
}

static Json *unigram_normalizer(const Gguf *gguf, bool prefix)
{
    const GgufValue *bytes = gguf_find(gguf, "tokenizer.ggml.precompiled_charsmap");
    Buffer charsmap = {0};
    for (int64_t i = 0; i < gguf_count(bytes); i++) buffer_add_char(&charsmap, (char)gguf_integer(bytes, i));
    Json *out = spec_sentence_normalizer(&charsmap, bool_or(gguf, "tokenizer.ggml.remove_extra_whitespaces", false), prefix);
    buffer_free(&charsmap);
    return out;
}

static Status read_t5(Tokenizer *t, const Gguf *gguf, Components *out, Notices *notices)
{
    enum { UNK = 2 };
    (void)notices;
    double *score = NULL;
    TRY(read_scores(&score, t, gguf));
    raise_scores(t, gguf, score);
    bool prefix = bool_or(gguf, "tokenizer.ggml.add_space_prefix", true);
    out->normalizer = unigram_normalizer(gguf, prefix);
    out->decoder = spec_piece_decoder(prefix);
    add_around(t, gguf, out, false, true);
    SpecToken unk = named(t, gguf, "tokenizer.ggml.unknown_token_id", UNK);
    return unigram_start(&t->model, score, unk.token ? unk.id : -1, false, gguf->path);
}

static const Kind kinds[] = {
    { "gpt2", .read = read_gpt2 }, { "llama", .read = read_llama },
    { "gemma4", .read = read_gemma4 }, { "bert", .phantom_blanks = true, .read = read_bert },
    { "t5", .list = true, .read = read_t5 },
};

static Status find_kind(const Kind **out, const Gguf *gguf)
{
    const GgufValue *model;
    TRY(gguf_need(&model, gguf, "tokenizer.ggml.model", GGUF_STRING));
    char *name = gguf_copy_string(model, 0);
    *out = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name)) *out = &kinds[i];
    Status status = *out ? STATUS_OK : fail(STATUS_INPUT, "%s: tokenizer.ggml.model is %s; graft knows gpt2, llama, gemma4, bert and t5", gguf->path, name);
    free(name);
    return status;
}

static Status read_metadata(Tokenizer *t, const Gguf *gguf, Notices *notices)
{
    const Kind *kind = NULL;
    TRY(find_kind(&kind, gguf));
    TRY(read_tokens(t, gguf, kind));
    TRY(read_parts(t, gguf));
    Components parts = {0};
    Status status = kind->read(t, gguf, &parts, notices);
    Json *around = spec_post_processor(parts.before, parts.after);
    t->pipeline = spec_pipeline((SpecPipeline){ added_tokens(t, gguf), parts.normalizer, parts.pre_tokenizer, around, parts.decoder });
    TRY(status);
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
