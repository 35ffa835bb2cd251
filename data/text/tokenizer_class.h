/* The tokenizer classes of transformers: what a folder leaves to the Python class of its tokenizer.
 *
 * Which class that is, tokenizer_config.json (or config.json) says as "tokenizer_class", and the model_type, as transformers 5.23
 * weighs them: a model_type that it leaves to its general class gets that one whatever the folder says, and Qwen 2 its own. */
#ifndef DATA_TEXT_TOKENIZER_CLASS_H
#define DATA_TEXT_TOKENIZER_CLASS_H
#include <stdbool.h>

#include "data/file/json.h"
#include "data/text/tokenizer.h"

typedef enum { CLASS_NO_SPLIT, CLASS_SPLIT_GPT2, CLASS_SPLIT_QWEN2, CLASS_SPLIT_DIGITS } ClassSplit;

typedef struct {
    const char *name, *model_types;                         /* without "Fast"; every model_type between blanks */
    const char *part[TOKEN_PARTS], *sep, *cls, *mask;       /* its tokens where the folder names none; NULL: none */
    bool        tiktoken;                                   /* reads tiktoken files as every other class that may */
    ClassSplit  split;                                      /* how it cuts text with vocab.json and merges.txt; CLASS_NO_SPLIT: it does not read them */
    bool        nfc;                                        /* and whether it normalizes text before */
} TokenizerClass;

/* `config`: tokenizer_config.json, `model`: config.json; either may be NULL. The general class, of no tokens, where none is known. */
const TokenizerClass *tokenizer_class_of(const Json *config, const Json *model);

#endif
