/* The model of a tokenizer cuts a pre-token into tokens. Each kind is a row: bpe.c, unigram.c, word_piece.c and word_level.c;
 * another kind is one more file and one more row in token_model.c. */
#ifndef DATA_TEXT_TOKEN_MODEL_H
#define DATA_TEXT_TOKEN_MODEL_H
#include <stddef.h>
#include <stdint.h>

#include "data/file/json.h"
#include "data/text/trie.h"
#include "data/text/vocabulary.h"
#include "kernels/notices.h"
#include "kernels/status.h"

/* A token of a pre-token: its bytes [begin, begin + length). While BPE works on it, a chain. */
typedef struct { int32_t id; uint32_t begin, length; int32_t before, after; } Symbol;

/* Two neighbours that may become one. */
typedef struct { int32_t rank, place, merged; } Candidate;

/* The best way to cut the text up to a place: its score, and its last token. */
typedef struct { double score; int32_t begin, id; } BestPath;      /* begin: -1 while there is none */

/* What a model made of one pre-token, and its scratch; kept by the caller from one pre-token to the next. {0} is empty. */
typedef struct {
    Symbol    *symbol;
    Candidate *candidate;      /* a heap */
    int32_t    n, cap, n_candidates, cap_candidates;
    BestPath  *path;           /* Unigram, one more than bytes */
    size_t     cap_path;
} Word;
void word_push(Word *, int32_t id, size_t begin, size_t length);
void word_free(Word *);

typedef struct TokenModel TokenModel;
typedef struct {
    const char *type;
    Status    (*open)(TokenModel *, const Json *, const char *file, Notices *);      /* fills vocabulary and state */
    Status    (*encode)(const TokenModel *, const char *text, size_t n, Word *);     /* n > 0; word->symbol[0..n) is the result */
    void      (*close)(TokenModel *);                                                /* frees state */
} TokenModelRow;

struct TokenModel { const TokenModelRow *row; Vocabulary vocabulary; void *state; };

Status token_model_open(TokenModel *, const Json *spec, const char *file, Notices *);      /* `spec`: the "model" of a tokenizer.json */
Status token_model_encode(const TokenModel *, const char *text, size_t n, Word *);
void   token_model_close(TokenModel *);                                                    /* accepts {0} */

/* Every token as a key for a trie, with its id as the value; the caller's to free. */
TrieKey *token_model_keys(const TokenModel *, size_t *n);

/* The vocabulary of BPE, WordPiece and WordLevel, an object of ids; `name` is for messages, in quotes. */
Status token_model_read_vocabulary(TokenModel *, const Json *vocab, const char *name, const char *file);

#endif
