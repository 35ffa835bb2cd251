/* Decoders turn a list of token spellings back into text, as the "decoder" of a tokenizer.json says. */
#ifndef DATA_TEXT_DECODER_H
#define DATA_TEXT_DECODER_H
#include "data/file/json.h"
#include "kernels/buffer.h"
#include "kernels/status.h"

/* Strings one after the other. */
typedef struct { Buffer bytes; size_t *end; size_t n, cap; } Strings;
void strings_add(Strings *, const char *bytes, size_t n);
void strings_free(Strings *);

typedef struct Decoder Decoder;

Status decoder_open(Decoder **, const Json *spec, const char *file);      /* null gives NULL: tokens are joined by spaces */
void   decoder_close(Decoder *);                                          /* accepts NULL */
void   decoder_apply(const Decoder *, Strings *tokens, Buffer *out);      /* appends; tokens are used up */

#endif
