/* Unigram: of all ways to cut a pre-token into tokens, the one with the greatest sum of log-probabilities, found by a walk from
 * left to right that keeps the best way to every place (arXiv:1804.10959, SentencePiece's unigram_model.cc). A code point
 * that is no token can be cut off as unknown, for less than the worst token costs; unknown neighbours become one, which is
 * written in bytes (byte_fallback, when all of them are tokens) or as the unknown token. Sums are in double, and the
 * first of equals stays, as in the reference.
 *
 * Time is linear in the text for a longest token of a given length. */
#ifndef DATA_TEXT_UNIGRAM_H
#define DATA_TEXT_UNIGRAM_H
#include <stdbool.h>

#include "data/text/token_model.h"

extern const TokenModelRow unigram_row;

/* For vocabularies that do not come from a tokenizer.json; `model` has its vocabulary, ids 0, 1, …. unk_id -1: none. `score` is the
 * model's from then on. */
Status unigram_start(TokenModel *, double *score, int32_t unk_id, bool byte_fallback, const char *file);

/* Only real pieces say what an unknown character costs; the others (padding, unused ones) are kept from costing more. */
void    unigram_raise_scores(double *score, const bool *real, int32_t n);

double  unigram_score(const TokenModel *, int32_t id);
int32_t unigram_unk_id(const TokenModel *);
bool    unigram_byte_fallback(const TokenModel *);

#endif
