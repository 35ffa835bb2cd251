/* Vocabularies without merges: SentencePiece's BPE has scores, tiktoken's ranks. They become merges as transformers turns them: every
 * way to cut a token into two tokens is a merge, higher scores first. Of one token's, SentencePiece's begin with the longest
 * left part, tiktoken's with the parts of lowest id, which is the rank. */
#ifndef DATA_TEXT_SCORED_MERGES_H
#define DATA_TEXT_SCORED_MERGES_H
#include <stdint.h>

#include "data/text/token_model.h"

typedef struct {
    const double *score;                 /* [vocabulary.size] by id; NULL: ids are ranks */
    int32_t       first_id;              /* smaller ids are no tokens of the text and have no part in merges */
} ScoredVocabulary;
Status scored_merges_add(TokenModel *, ScoredVocabulary, const char *file);      /* after bpe_start, before bpe_finish */

/* All of it for tiktoken's ranks: the BPE of a model that has its vocabulary. Where a whole piece is a token, it is that token. */
Status scored_merges_of_ranks(TokenModel *, int32_t first_id, const char *file);

#endif
