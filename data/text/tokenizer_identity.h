/* What a tokenizer is known by on disk: the content of the files that it is made of. */
#ifndef DATA_TEXT_TOKENIZER_IDENTITY_H
#define DATA_TEXT_TOKENIZER_IDENTITY_H
#include <stdbool.h>

#include "data/file/digest.h"

/* Adds the tokenizer's files of a model folder, or what a .gguf file says before its tensors. false: it cannot be read. */
bool tokenizer_identify(const char *path, Digest *);

#endif
