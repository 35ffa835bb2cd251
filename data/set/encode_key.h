/* Where encoded rows are kept from one run to the next: the entry of the cache whose name is the digest of everything that decides
 * what they are: the files' bytes and which of their rows, the tokenizer's files, the chat template, the options, graft's version. */
#ifndef DATA_SET_ENCODE_KEY_H
#define DATA_SET_ENCODE_KEY_H
#include "data/set/encode.h"

/* The entry's path (example_cache.h), the caller's to free. NULL: nothing is kept, for options->cache_for is NULL, the files are so small
 * that encoding them is as quick, the options go on after errors, or something cannot be read again. */
char *encode_cache_entry(const Rows *, const EncodeOptions *);

#endif
