/* Normalizers rewrite a text before it is cut, as the "normalizer" of a tokenizer.json says. */
#ifndef DATA_TEXT_NORMALIZER_H
#define DATA_TEXT_NORMALIZER_H
#include "data/file/json.h"
#include "data/text/aligned.h"
#include "kernels/status.h"

typedef struct Normalizer Normalizer;

Status normalizer_open(Normalizer **, const Json *spec, const char *file);      /* null gives NULL: text stays as it is */
void   normalizer_close(Normalizer *);                                          /* accepts NULL */
Status normalizer_apply(const Normalizer *, Pipeline *);                        /* accepts NULL */

#endif
