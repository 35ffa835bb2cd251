/* The tokens at which an answer ends. A model names them in several places and not always the same: generation_config.json
 * and config.json (eos_token_id, a number or a list), the tokenizer's eos, in a GGUF file the ids of eos, eot and eom. All of
 * them end an answer. */
#ifndef TRAIN_DEPLOY_END_TOKENS_H
#define TRAIN_DEPLOY_END_TOKENS_H
#include <stdbool.h>
#include <stdint.h>

#include "data/text/tokenizer.h"
#include "kernels/status.h"

typedef struct { int32_t *id; int n, cap; } EndTokens;

/* `path`: a model's folder, which may lack these files, or its GGUF file. `tokenizer` NULL: it names none. On failure empty. */
Status end_tokens_find(EndTokens *, const char *path, const Tokenizer *tokenizer);
bool   end_tokens_have(const EndTokens *, int32_t id);
void   end_tokens_free(EndTokens *);                                         /* accepts {0} */

#endif
