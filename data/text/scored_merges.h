/* SentencePiece's BPE has scores, no merges. They become merges as transformers turns them: every way to cut a piece into two
 * pieces is a merge, higher scores first. */
#ifndef DATA_TEXT_SCORED_MERGES_H
#define DATA_TEXT_SCORED_MERGES_H
#include "data/text/token_model.h"

Status scored_merges_add(TokenModel *, const double *score, const char *file);      /* score[vocabulary.size]; after bpe_start */

#endif
