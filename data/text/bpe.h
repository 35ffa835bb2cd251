/* Byte-pair encoding, as Hugging Face tokenizers does it: a pre-token is cut into code points, then the mergeable pair of
 * neighbours of lowest rank, the leftmost among equals, becomes one token until none is left. arXiv:1508.07909
 *
 * A code point that is no token becomes its bytes (byte_fallback, when all of them are tokens), else the unknown token, else
 * nothing. The unknown token is held back until the next known code point or the end, so bytes may overtake it: the
 * reference's habit, kept.
 *
 * Most pre-tokens of real text are a token. Whether a token's own spelling encodes to itself alone is found out once and
 * remembered in one byte per token. The byte only ever goes from "not known" to the one right answer, so threads may race. */
#ifndef DATA_TEXT_BPE_H
#define DATA_TEXT_BPE_H
#include <stdbool.h>
#include <stddef.h>

#include "data/text/token_model.h"
#include "data/text/pair_map.h"

extern const TokenModelRow bpe_row;

/* For vocabularies that do not come from a tokenizer.json. Strings are copied; NULL: none. */
typedef struct {
    const char *unk_token, *continuing_subword_prefix, *end_of_word_suffix;
    bool fuse_unk, byte_fallback, ignore_merges;
} BpeOptions;

/* `model` has its vocabulary. Merges then come in order of rank; last, bpe_finish. */
void   bpe_start(TokenModel *, BpeOptions);
Status bpe_add_merge(TokenModel *, const char *left, size_t n_left, const char *right, size_t n_right, const char *file);
Status bpe_finish(TokenModel *, const char *file);

BpeOptions     bpe_options(const TokenModel *);
const PairMap *bpe_merges(const TokenModel *);      /* (left, right) -> (rank, merged) */

#endif
