/* Reading one key of a model's numbers: checked, with a message that calls it what the file calls it. */
#ifndef TRAIN_MODEL_CONFIG_READER_H
#define TRAIN_MODEL_CONFIG_READER_H
#include "train/model/config_keys.h"

#define READER_ABOVE_ZERO 1e-30

/* The object that is read: all keys, or a member of them, whose name is then the prefix in messages. */
typedef struct { const ConfigKeys *keys; const Json *object; const char *prefix; } ConfigReader;

bool   reader_has(const ConfigReader *, const char *key);
bool   reader_is_null(const ConfigReader *, const char *key);                                          /* or absent */
Status reader_bad(const ConfigReader *, const char *key, const char *expected);                        /* the failure, with what was found */

/* A whole number from 1 to `most`; `fallback` where the key is absent or null, unless that is 0: then it must be there. */
Status reader_count(const ConfigReader *, const char *key, int64_t most, int64_t fallback, int64_t *out);
Status reader_same_count(const ConfigReader *, const char *key, int64_t size, const char *expected);   /* absent, or this size */
Status reader_real(const ConfigReader *, const char *key, double least, double fallback, double *out); /* fallback NAN: it must be there */
Status reader_flag(const ConfigReader *, const char *key, bool *out);                                  /* absent or null: false */

#endif
