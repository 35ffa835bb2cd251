/* A GGUF file names the pre-tokenizer of a byte-level vocabulary (tokenizer.ggml.pre) and leaves the regexes to its readers:
 * here they are, one row per behaviour, as in the models' own tokenizer.json where that is known. Names are llama.cpp's
 * (src/llama-vocab.cpp), whose own regexes are approximations of these. */
#ifndef DATA_TEXT_GGUF_PRE_TOKENIZER_H
#define DATA_TEXT_GGUF_PRE_TOKENIZER_H
#include <stdbool.h>

#include "data/file/json.h"

typedef struct {
    Json *spec;               /* the "pre_tokenizer" of an equal tokenizer.json; the caller's to free */
    bool  ignore_merges;      /* of the model */
    bool  add_bos;            /* unless the file says otherwise */
} GgufPreTokenizer;

bool gguf_pre_tokenizer(GgufPreTokenizer *, const char *name);      /* false: not a name we know */

#endif
