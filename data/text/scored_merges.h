/* Vocabularies without merges: SentencePiece's BPE has scores, tiktoken's ranks. They become merges as transformers turns them: every
 * way to cut a token into two tokens is a merge, higher scores first. Of one token's, SentencePiece's begin with the longest
 * left part, tiktoken's with the parts of lowest id. */
#ifndef DATA_TEXT_SCORED_MERGES_H
#define DATA_TEXT_SCORED_MERGES_H
#include <stdbool.h>
#include <stdint.h>

#include "data/text/token_model.h"

typedef struct {
    const double *score;                 /* [vocabulary.size] by id */
    int32_t       first_id;              /* smaller ids are no tokens of the text and have no part in merges */
    bool          lowest_id_first;
} ScoredVocabulary;
Status scored_merges_add(TokenModel *, ScoredVocabulary, const char *file);      /* after bpe_start, before bpe_finish */

#endif
