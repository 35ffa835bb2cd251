/* One value of one key: from a flag's text or a file's JSON to its checked form, and from there to the field and back.
 *
 * The checked form is JSON in which every value of a key is written one way (1 and "1" and 1.0 are the integer 1, a
 * comma-separated string is an array, a renamed enum value has its new name), so two spellings of a value compare equal. */
#ifndef TRAIN_KEY_VALUE_H
#define TRAIN_KEY_VALUE_H
#include "train/keys.h"

/* A flag's arguments as JSON, by the key's type; anything that does not fit stays a string, for key_check to name. */
Json  *key_from_text(const Key *, const char *const *text, int n);

/* Replaces `value` by its checked form; `where` names the key in messages ("--lora_r", "recipe.json: lora_r"). */
Status key_check(const Key *, const char *where, Json **value);

Json  *key_fallback(const Key *);                             /* the default, checked */
void   key_store(const Key *, void *target, const Json *checked);
Json  *key_load(const Key *, const void *target);
void   key_free(const Key *, void *target);

bool   key_listed(const char *list, const char *word);        /* word is in "a|b|c" */
char  *key_renamed(const char *same, const char *word);       /* what "word=..." says in the list, or NULL; caller frees */
char  *key_text(const Json *);                                /* as JSON in one line, cut when long; caller frees */
void   key_describe(const Key *, Buffer *);                   /* what is expected: "an integer of at least 1, or null" */

#endif
