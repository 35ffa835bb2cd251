#include "data/text/unigram.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/text/utf8.h"
#include "kernels/memory.h"

static const double unknown_penalty = 10.0;      /* below the worst token */

typedef struct {
    Trie    trie;                /* spelling -> id */
    double *score;               /* [vocabulary.count] by id */
    double  unk_score;
    int32_t unk_id;              /* -1: none */
    int32_t byte_id[256];        /* <0x00> … <0xFF>; -1: no such token */
    bool    byte_fallback;
} Unigram;

static const Unigram *unigram_of(const TokenModel *model) { return model->state; }

double  unigram_score(const TokenModel *model, int32_t id) { return unigram_of(model)->score[id]; }
int32_t unigram_unk_id(const TokenModel *model) { return unigram_of(model)->unk_id; }
bool    unigram_byte_fallback(const TokenModel *model) { return unigram_of(model)->byte_fallback; }

void unigram_raise_scores(double *score, const bool *real, int32_t n)
{
    double worst = INFINITY;
    for (int32_t id = 0; id < n; id++)
        if (real[id] && score[id] < worst) worst = score[id];
    for (int32_t id = 0; worst < INFINITY && id < n; id++)
        if (score[id] < worst) score[id] = worst;
}

/* ---- Opening ---- */

Status unigram_start(TokenModel *model, double *score, int32_t unk_id, bool byte_fallback, const char *file)
{
    Unigram *u = memory_new(1, sizeof *u);
    model->row = &unigram_row;
    model->state = u;
    u->score = score;
    u->unk_id = unk_id;
    u->byte_fallback = byte_fallback;
    if (unk_id >= model->vocabulary.count)
        return fail(STATUS_INPUT, "%s: the unknown token is %d (\"model.unk_id\"), but the vocabulary has %d tokens", file, (int)unk_id, (int)model->vocabulary.count);
    double worst = INFINITY;
    for (int32_t id = 0; id < model->vocabulary.count; id++) worst = score[id] < worst ? score[id] : worst;
    u->unk_score = worst - unknown_penalty;
    for (int i = 0; i < 256; i++) {
        char name[8];
        u->byte_id[i] = vocabulary_id(&model->vocabulary, name, (size_t)snprintf(name, sizeof name, "<0x%02X>", (unsigned)i));
    }
    size_t n;
    TrieKey *key = token_model_keys(model, &n);
    trie_build(&u->trie, key, n);
    free(key);
    return STATUS_OK;
}

/* "vocab" is a list of [token, score]; the place is the id. */
static Status read_vocabulary(TokenModel *model, const Json *vocab, double *score, const char *file)
{
    for (const Json *item = json_first(vocab); item; item = json_next(item)) {
        int32_t id = model->vocabulary.count;
        const char *token = json_string(json_at(item, 0));
        if (json_kind(item) != JSON_ARRAY || !token || !json_is_number(json_at(item, 1)))
            return fail(STATUS_INPUT, "%s: entry %d of \"model.vocab\" is not [\"token\", score]", file, (int)id);
        score[id] = json_number(json_at(item, 1));
        vocabulary_append(&model->vocabulary, token, strlen(token));
    }
    return STATUS_OK;
}

static Status read(TokenModel *model, const Json *spec, const char *file, Notices *notices)
{
    (void)notices;
    const Json *vocab = json_get(spec, "vocab"), *unk = json_get(spec, "unk_id");
    if (json_kind(vocab) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"model.vocab\" is %s, expected a list", file, json_kind_name(vocab));
    if (json_count(vocab) > VOCABULARY_MAX_ID) return fail(STATUS_INPUT, "%s: \"model.vocab\" has more than %d tokens", file, VOCABULARY_MAX_ID);
    int64_t unk_id = json_kind(unk) == JSON_NULL ? -1 : json_integer(unk);
    if (json_kind(unk) != JSON_NULL && (json_kind(unk) != JSON_INTEGER || unk_id < 0 || unk_id >= json_count(vocab)))
        return fail(STATUS_INPUT, "%s: \"model.unk_id\" is not the place of a token in \"model.vocab\", which has %lld", file, (long long)json_count(vocab));
    double *score = memory_new((size_t)json_count(vocab), sizeof *score);
    Status status = read_vocabulary(model, vocab, score, file);
    if (status == STATUS_OK) return unigram_start(model, score, (int32_t)unk_id, json_bool(json_get(spec, "byte_fallback")), file);
    free(score);
    return status;
}

static void close(TokenModel *model)
{
    Unigram *u = model->state;
    if (!u) return;
    trie_free(&u->trie);
    free(u->score);
    free(u);
}

/* ---- The best path ---- */

static void reserve(Word *word, size_t n)
{
    if (word->cap_path <= n) {
        word->cap_path = 2 * n + 64;
        free(word->path);
        word->path = memory_new(word->cap_path, sizeof *word->path);
    }
    word->path[0] = (BestPath){ 0, 0, 0 };
    for (size_t i = 1; i <= n; i++) word->path[i].begin = -1;
}

static void consider(BestPath *end, double score, size_t begin, int32_t id)
{
    if (end->begin < 0 || score > end->score) *end = (BestPath){ score, (int32_t)begin, id };
}

/* The tokens that begin at a code point; unless one of them is that code point alone, it may also be unknown. */
static Status consider_from(const Unigram *u, const char *text, size_t n, size_t at, BestPath *path)
{
    double score = path[at].score;
    size_t length = utf8_length(text[at]), end = at;
    bool alone = false;
    for (uint32_t node = TRIE_ROOT; end < n && (node = trie_next(&u->trie, node, text[end])) != TRIE_ROOT;) {
        int32_t id = u->trie.value[node];
        end++;
        if (id < 0) continue;
        consider(&path[end], score + u->score[id], at, id);
        alone |= end == at + length;
    }
    if (alone) return STATUS_OK;
    if (u->unk_id < 0)
        return fail(STATUS_INPUT, "text to be tokenized: \"%.*s\" is not in the vocabulary, and the tokenizer has no unknown token (\"model.unk_id\")", (int)length, text + at);
    consider(&path[at + length], score + u->unk_score, at, u->unk_id);
    return STATUS_OK;
}

/* Tokens come from the end; unknown neighbours join. */
static void collect(const Unigram *u, Word *word, size_t n)
{
    bool joins = false;
    for (size_t end = n; end; end = (size_t)word->path[end].begin) {
        size_t begin = (size_t)word->path[end].begin;
        bool unknown = word->path[end].id == u->unk_id;
        Symbol *last = joins && unknown ? &word->symbol[word->n - 1] : NULL;
        if (last) *last = (Symbol){ u->unk_id, (uint32_t)begin, last->length + (uint32_t)(end - begin), 0, 0 };
        else word_push(word, word->path[end].id, begin, end - begin);
        joins = unknown;
    }
    for (int32_t i = 0, k = word->n - 1; i < k; i++, k--) {
        Symbol symbol = word->symbol[i];
        word->symbol[i] = word->symbol[k];
        word->symbol[k] = symbol;
    }
}

static bool has_bytes(const Unigram *u, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (u->byte_id[(uint8_t)s[i]] < 0) return false;
    return true;
}

/* What was joined may be a token; else its bytes, each of which stands for all of it. */
static void spell_unknown(const TokenModel *model, const char *text, Word *word)
{
    const Unigram *u = unigram_of(model);
    int32_t n = word->n, first = 0;
    for (int32_t i = 0; i < n; i++) {
        Symbol symbol = word->symbol[i];
        const char *s = text + symbol.begin;
        int32_t id = symbol.id != u->unk_id ? symbol.id : vocabulary_id(&model->vocabulary, s, symbol.length);
        if (id < 0 && u->byte_fallback && has_bytes(u, s, symbol.length))
            for (size_t k = 0; k < symbol.length; k++) word_push(word, u->byte_id[(uint8_t)text[symbol.begin + k]], symbol.begin, symbol.length);
        else word_push(word, id < 0 ? u->unk_id : id, symbol.begin, symbol.length);
    }
    for (first = n; first < word->n; first++) word->symbol[first - n] = word->symbol[first];
    word->n -= n;
}

static Status encode(const TokenModel *model, const char *text, size_t n, Word *word)
{
    const Unigram *u = unigram_of(model);
    reserve(word, n);
    for (size_t at = 0; at < n; at += utf8_length(text[at])) TRY(consider_from(u, text, n, at, word->path));
    collect(u, word, n);
    spell_unknown(model, text, word);
    return STATUS_OK;
}

const TokenModelRow unigram_row = { "Unigram", read, encode, close };
