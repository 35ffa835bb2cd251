#include "data/text/word_piece.h"

#include <stdlib.h>

#include "data/text/utf8.h"
#include "kernels/memory.h"

typedef struct {
    WordPieceOptions options;
    Trie             trie;         /* spelling -> id */
    uint32_t         inside;       /* the node behind the prefix: where the tokens that go on in a word are */
    bool             none_inside;  /* no token has the prefix */
    int32_t          unk_id;       /* -1: not in the vocabulary */
} WordPiece;

static const WordPiece *word_piece_of(const TokenModel *model) { return model->state; }

WordPieceOptions word_piece_options(const TokenModel *model) { return word_piece_of(model)->options; }

void word_piece_start(TokenModel *model, WordPieceOptions options)
{
    WordPiece *w = memory_new(1, sizeof *w);
    const char *unk = options.unk_token, *prefix = options.continuing_subword_prefix;
    model->row = &word_piece_row;
    model->state = w;
    w->options = (WordPieceOptions){ memory_string(unk), memory_string(prefix), options.max_input_chars_per_word };
    w->unk_id = vocabulary_id(&model->vocabulary, unk, strlen(unk));
    size_t n;
    TrieKey *key = token_model_keys(model, &n);
    trie_build(&w->trie, key, n);
    free(key);
    for (const char *s = prefix; *s && !w->none_inside; s++) {
        w->inside = trie_next(&w->trie, w->inside, *s);
        w->none_inside = w->inside == TRIE_ROOT;
    }
}

static Status read(TokenModel *model, const Json *spec, const char *file, Notices *notices)
{
    (void)notices;
    TRY(token_model_read_vocabulary(model, json_get(spec, "vocab"), "\"model.vocab\"", file));
    const char *unk = json_string(json_get(spec, "unk_token")), *prefix = json_string(json_get(spec, "continuing_subword_prefix"));
    const Json *limit = json_get(spec, "max_input_chars_per_word");
    if (json_kind(limit) != JSON_NULL && (json_kind(limit) != JSON_INTEGER || json_integer(limit) < 0))
        return fail(STATUS_INPUT, "%s: \"model.max_input_chars_per_word\" is not a count", file);
    word_piece_start(model, (WordPieceOptions){ unk ? unk : "[UNK]", prefix ? prefix : "##", limit ? json_integer(limit) : 100 });
    return STATUS_OK;
}

static void close(TokenModel *model)
{
    WordPiece *w = model->state;
    if (!w) return;
    free((char *)w->options.unk_token);
    free((char *)w->options.continuing_subword_prefix);
    trie_free(&w->trie);
    free(w);
}

/* The end of the longest token at text[at]; `at` itself: there is none. */
static size_t longest(const WordPiece *w, const char *text, size_t n, size_t at, int32_t *id)
{
    if (at && w->none_inside) return at;
    uint32_t node = at ? w->inside : TRIE_ROOT;
    size_t end = at;
    for (size_t i = at; i < n && (node = trie_next(&w->trie, node, text[i])) != TRIE_ROOT; i++) {
        if (w->trie.value[node] < 0) continue;
        *id = w->trie.value[node];
        end = i + 1;
    }
    return end;
}

static Status push_unknown(const WordPiece *w, size_t n, Word *word)
{
    if (w->unk_id < 0)
        return fail(STATUS_INPUT, "text to be tokenized: a word is not in the vocabulary, nor is the unknown token \"%s\" (\"model.unk_token\")", w->options.unk_token);
    word->n = 0;
    word_push(word, w->unk_id, 0, n);
    return STATUS_OK;
}

static Status encode(const TokenModel *model, const char *text, size_t n, Word *word)
{
    const WordPiece *w = word_piece_of(model);
    if ((int64_t)utf8_count(text, n) > w->options.max_input_chars_per_word) return push_unknown(w, n, word);
    for (size_t at = 0, end; at < n; at = end) {
        int32_t id = -1;
        end = longest(w, text, n, at, &id);
        if (end == at) return push_unknown(w, n, word);
        word_push(word, id, at, end - at);
    }
    return STATUS_OK;
}

const TokenModelRow word_piece_row = { "WordPiece", read, encode, close };
