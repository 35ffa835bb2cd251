/* Pre-tokenizers cut a text into the pieces that the model sees alone, as the "pre_tokenizer" of a tokenizer.json says; some
 * also rewrite it (ByteLevel, Metaspace). */
#ifndef DATA_TEXT_PRE_TOKENIZER_H
#define DATA_TEXT_PRE_TOKENIZER_H
#include "data/file/json.h"
#include "data/text/aligned.h"
#include "kernels/status.h"

typedef struct PreTokenizer PreTokenizer;

Status pre_tokenizer_open(PreTokenizer **, const Json *spec, const char *file);      /* null gives NULL: pieces stay whole */
void   pre_tokenizer_close(PreTokenizer *);                                          /* accepts NULL */
Status pre_tokenizer_apply(const PreTokenizer *, Pipeline *);                        /* accepts NULL */

#endif
