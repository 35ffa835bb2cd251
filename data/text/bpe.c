#include "data/text/bpe.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/utf8.h"
#include "kernels/memory.h"

enum { LETTERS = 0x400 };                                  /* code points whose token is kept in a table: all of the byte-level alphabet */
enum { WHOLE_UNKNOWN, WHOLE_YES, WHOLE_NO };

typedef struct {
    BpeOptions      options;
    PairMap         merges;
    int32_t         n_merges, unk_id;
    int32_t         byte_id[256];                          /* <0x00> … <0xFF>; -1: no such token */
    int32_t         letter_id[LETTERS];
    _Atomic uint8_t *whole;                                /* [entries] does the token's spelling encode to itself */
} Bpe;

static const Bpe *bpe_of(const TokenModel *model) { return model->state; }

BpeOptions     bpe_options(const TokenModel *model) { return bpe_of(model)->options; }
const PairMap *bpe_merges(const TokenModel *model) { return &bpe_of(model)->merges; }

/* ---- Opening ---- */

void bpe_start(TokenModel *model, BpeOptions options)
{
    Bpe *bpe = memory_new(1, sizeof *bpe);
    bpe->options = options;
    bpe->options.unk_token = memory_string(options.unk_token);
    bpe->options.continuing_subword_prefix = memory_string(options.continuing_subword_prefix);
    bpe->options.end_of_word_suffix = memory_string(options.end_of_word_suffix);
    model->state = bpe;
    model->row = &bpe_row;
}

Status bpe_add_merge(TokenModel *model, const char *left, size_t n_left, const char *right, size_t n_right, const char *file)
{
    Bpe *bpe = model->state;
    int32_t rank = bpe->n_merges++;
    const char *prefix = bpe->options.continuing_subword_prefix;
    size_t cut = prefix ? strlen(prefix) : 0;
    if (cut > n_right) cut = n_right;

    char small[256];
    size_t n = n_left + n_right - cut;
    char *merged = n <= sizeof small ? small : memory_new(n, 1);
    if (n_left) memcpy(merged, left, n_left);
    if (n_right > cut) memcpy(merged + n_left, right + cut, n_right - cut);
    Pair key = { vocabulary_id(&model->vocabulary, left, n_left), vocabulary_id(&model->vocabulary, right, n_right) };
    int32_t id = vocabulary_id(&model->vocabulary, merged, n);
    Status status = STATUS_OK;
    if (key.a < 0 || key.b < 0 || id < 0)
        status = fail(STATUS_INPUT, "%s: merge %d is of \"%.*s\" and \"%.*s\", but \"%.*s\" is not in the vocabulary", file, (int)rank, (int)n_left, left, (int)n_right,
                      right, (int)(key.a < 0 ? n_left : key.b < 0 ? n_right : n), key.a < 0 ? left : key.b < 0 ? right : merged);
    else
        pair_map_set(&bpe->merges, key, (Pair){ rank, id });
    if (merged != small) free(merged);
    return status;
}

Status bpe_finish(TokenModel *model, const char *file)
{
    Bpe *bpe = model->state;
    const Vocabulary *vocabulary = &model->vocabulary;
    const char *unk = bpe->options.unk_token;
    bpe->unk_id = unk ? vocabulary_id(vocabulary, unk, strlen(unk)) : -1;
    if (unk && bpe->unk_id < 0) return fail(STATUS_INPUT, "%s: the unknown token \"%s\" (\"model.unk_token\") is not in the vocabulary", file, unk);
    for (int i = 0; i < 256; i++) {
        char name[8];
        bpe->byte_id[i] = vocabulary_id(vocabulary, name, (size_t)snprintf(name, sizeof name, "<0x%02X>", (unsigned)i));
    }
    for (uint32_t i = 0; i < LETTERS; i++) {
        char letter[4];
        size_t n = utf8_put(letter, i);
        bpe->letter_id[i] = vocabulary_id(vocabulary, letter, n);
    }
    bpe->whole = memory_new((size_t)vocabulary->count, 1);
    return STATUS_OK;
}

static Status read_merge(TokenModel *model, const Json *item, const char *file)
{
    if (json_kind(item) == JSON_ARRAY) {
        const char *left = json_string(json_at(item, 0)), *right = json_string(json_at(item, 1));
        if (left && right && json_count(item) == 2) return bpe_add_merge(model, left, strlen(left), right, strlen(right), file);
    }
    const char *line = json_string(item), *space = line ? strchr(line, ' ') : NULL;
    if (!space || strchr(space + 1, ' '))
        return fail(STATUS_INPUT, "%s: entry %d of \"model.merges\" is %s, expected [\"left\", \"right\"] or \"left right\"", file, (int)bpe_of(model)->n_merges,
                    line ? "not two words" : json_kind_name(item));
    return bpe_add_merge(model, line, (size_t)(space - line), space + 1, strlen(space + 1), file);
}

static bool is_version_line(const Json *item)
{
    const char *line = json_string(item);
    return line && !strncmp(line, "#version", 8);
}

static Status read(TokenModel *model, const Json *spec, const char *file, Notices *notices)
{
    TRY(token_model_read_vocabulary(model, json_get(spec, "vocab"), "\"model.vocab\"", file));
    const Json *merges = json_get(spec, "merges");
    if (json_kind(merges) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"model.merges\" is %s, expected a list", file, json_kind_name(merges));
    if (json_number(json_get(spec, "dropout")) > 0)
        notice(notices, "%s: \"model.dropout\" is ignored: graft always applies every merge", file);
    bpe_start(model, (BpeOptions){
        .unk_token = json_string(json_get(spec, "unk_token")),
        .continuing_subword_prefix = json_string(json_get(spec, "continuing_subword_prefix")),
        .end_of_word_suffix = json_string(json_get(spec, "end_of_word_suffix")),
        .fuse_unk = json_bool(json_get(spec, "fuse_unk")),
        .byte_fallback = json_bool(json_get(spec, "byte_fallback")),
        .ignore_merges = json_bool(json_get(spec, "ignore_merges")),
    });
    for (const Json *item = json_first(merges); item; item = json_next(item))
        if (!is_version_line(item)) TRY(read_merge(model, item, file));
    return bpe_finish(model, file);
}

static void close(TokenModel *model)
{
    Bpe *bpe = model->state;
    if (!bpe) return;
    free((char *)bpe->options.unk_token);
    free((char *)bpe->options.continuing_subword_prefix);
    free((char *)bpe->options.end_of_word_suffix);
    pair_map_free(&bpe->merges);
    free((void *)bpe->whole);
    free(bpe);
}

/* ---- Code points to symbols ---- */

typedef struct { const char *s; size_t n; } Spelling;

/* How the code point at text[at] is looked up; `room` is for one with prefix or suffix. */
static Spelling spelling_of(const Bpe *bpe, const char *text, size_t at, size_t length, bool last, Buffer *room)
{
    const char *prefix = at ? bpe->options.continuing_subword_prefix : NULL, *suffix = last ? bpe->options.end_of_word_suffix : NULL;
    if (!prefix && !suffix) return (Spelling){ text + at, length };
    buffer_clear(room);
    if (prefix) buffer_add_string(room, prefix);
    buffer_add(room, text + at, length);
    if (suffix) buffer_add_string(room, suffix);
    return (Spelling){ room->data, room->len };
}

static int32_t id_of(const TokenModel *model, Spelling spelling)
{
    size_t length;
    uint32_t code = utf8_get(spelling.s, &length);
    if (code < LETTERS && length == spelling.n) return bpe_of(model)->letter_id[code];
    return vocabulary_id(&model->vocabulary, spelling.s, spelling.n);
}

static bool push_bytes(const Bpe *bpe, Word *word, Spelling spelling)
{
    for (size_t i = 0; i < spelling.n; i++)
        if (bpe->byte_id[(uint8_t)spelling.s[i]] < 0) return false;
    for (size_t i = 0; i < spelling.n; i++) word_push(word, bpe->byte_id[(uint8_t)spelling.s[i]], 0, 1);
    return true;
}

static void split(const TokenModel *model, const char *text, size_t n, Word *word)
{
    const Bpe *bpe = bpe_of(model);
    Buffer room = {0};
    size_t unknown = 0;                                    /* bytes of the unknown token held back; 0: none is */
    for (size_t at = 0, length; at < n; at += length) {
        length = utf8_length(text[at]);
        Spelling spelling = spelling_of(bpe, text, at, length, at + length == n, &room);
        int32_t id = id_of(model, spelling);
        if (id >= 0) {
            if (unknown) word_push(word, bpe->unk_id, 0, unknown);
            unknown = 0;
            word_push(word, id, 0, length);
        } else if (bpe->options.byte_fallback && push_bytes(bpe, word, spelling)) {
            continue;
        } else if (bpe->unk_id >= 0) {
            if (unknown && !bpe->options.fuse_unk) word_push(word, bpe->unk_id, 0, unknown);
            unknown = (bpe->options.fuse_unk ? unknown : 0) + length;
        }
    }
    if (unknown) word_push(word, bpe->unk_id, 0, unknown);
    buffer_free(&room);
}

/* ---- Merging: a heap of candidates by (rank, place) ---- */

static bool earlier(Candidate x, Candidate y) { return x.rank != y.rank ? x.rank < y.rank : x.place < y.place; }

static void heap_push(Word *word, Candidate new)
{
    MEMORY_PUSH(word->candidate, word->n_candidates, word->cap_candidates) = new;
    int32_t i = word->n_candidates - 1;
    for (; i && earlier(new, word->candidate[(i - 1) / 2]); i = (i - 1) / 2) word->candidate[i] = word->candidate[(i - 1) / 2];
    word->candidate[i] = new;
}

static Candidate heap_pop(Word *word)
{
    Candidate top = word->candidate[0], moved = word->candidate[--word->n_candidates];
    int32_t i = 0, n = word->n_candidates;
    for (int32_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && earlier(word->candidate[child + 1], word->candidate[child])) child++;
        if (!earlier(word->candidate[child], moved)) break;
        word->candidate[i] = word->candidate[child];
    }
    if (n) word->candidate[i] = moved;
    return top;
}

static void consider(const Bpe *bpe, Word *word, int32_t place)
{
    if (place < 0 || word->symbol[place].after >= word->n) return;
    const Pair *merge = pair_map_get(&bpe->merges, (Pair){ word->symbol[place].id, word->symbol[word->symbol[place].after].id });
    if (merge) heap_push(word, (Candidate){ merge->a, place, merge->b });
}

/* Candidates are not taken out of the heap when a neighbour changes; one that no longer gives its token is passed over. What is
 * left lies end to end, as in the reference, even where code points gave no token. */
static void merge(const Bpe *bpe, Word *word)
{
    enum { GONE = -1 };
    word->n_candidates = 0;
    for (int32_t i = 0; i < word->n; i++) consider(bpe, word, i);
    while (word->n_candidates) {
        Candidate top = heap_pop(word);
        Symbol *left = &word->symbol[top.place];
        if (left->id == GONE || left->after >= word->n) continue;
        Symbol *right = &word->symbol[left->after];
        const Pair *still = pair_map_get(&bpe->merges, (Pair){ left->id, right->id });
        if (!still || still->b != top.merged) continue;
        left->id = top.merged;
        left->length += right->length;
        left->after = right->after;
        right->id = GONE;
        if (left->after < word->n) word->symbol[left->after].before = top.place;
        consider(bpe, word, left->before);
        consider(bpe, word, top.place);
    }
    int32_t kept = 0;
    uint32_t begin = 0;
    for (int32_t i = 0; i < word->n; i++) {
        if (word->symbol[i].id == GONE) continue;
        word->symbol[kept] = word->symbol[i];
        word->symbol[kept].begin = begin;
        begin += word->symbol[kept++].length;
    }
    word->n = kept;
}

static Status encode(const TokenModel *model, const char *text, size_t n, Word *word)
{
    const Bpe *bpe = bpe_of(model);
    int32_t entry = vocabulary_find(&model->vocabulary, text, n);
    int whole = entry < 0 ? WHOLE_NO : bpe->options.ignore_merges ? WHOLE_YES : atomic_load_explicit(&bpe->whole[entry], memory_order_relaxed);
    int32_t id = entry < 0 ? -1 : model->vocabulary.entry[entry].id;
    if (whole == WHOLE_YES) {
        word_push(word, id, 0, n);
        return STATUS_OK;
    }
    split(model, text, n, word);
    merge(bpe, word);
    if (whole == WHOLE_UNKNOWN) {
        bool itself = word->n == 1 && word->symbol[0].id == id && word->symbol[0].length == n;
        atomic_store_explicit(&bpe->whole[entry], itself ? WHOLE_YES : WHOLE_NO, memory_order_relaxed);
    }
    return STATUS_OK;
}

const TokenModelRow bpe_row = { "BPE", read, encode, close };
