/* Encoded rows kept on disk from one run to the next, so that a second start does not tokenize again.
 *
 * An entry is a safetensors file named by the digest of everything that decides what is in it (the caller's business: data,
 * tokenizer, template, options, version). An entry that is missing, unreadable or damaged is as if there were none, and one that
 * cannot be written is left out: the cache only ever saves time. Entries appear whole or not at all; several runs may share them. */
#ifndef DATA_SET_EXAMPLE_CACHE_H
#define DATA_SET_EXAMPLE_CACHE_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/examples.h"

/* $XDG_CACHE_HOME/graft/examples/KEY.safetensors, or under ~/.cache; NULL where neither variable nor home is set. */
char *example_cache_path(const char *key);

/* Examples without packed documents, ids below `vocabulary` (0: not checked), and `n` numbers that go with them. */
bool  example_cache_load(const char *path, int32_t vocabulary, Examples *out, int64_t *number, int n);
void  example_cache_save(const char *path, const Examples *, const int64_t *number, int n);

#endif
