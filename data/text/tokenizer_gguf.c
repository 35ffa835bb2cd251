#include "data/text/tokenizer_parts.h"

Status tokenizer_open_gguf(Tokenizer *t, const char *path, Notices *notices)
{
    (void)t, (void)notices;
    return fail(STATUS_INPUT, "%s: not a model folder", path);
}
