/* The normalizer that SentencePiece compiles into a model (T5, XLM-R, ALBERT): a double-array trie from strings to places in a pool of
 * replacements, applied as Hugging Face does it: per grapheme cluster. A cluster of less than six bytes that begins with a string
 * of the map becomes its replacement as a whole (the shortest such string counts); otherwise each of its code points does,
 * alone. Format: u32 bytes of the trie, its units (darts-clone's, little-endian), the pool of NUL-terminated strings. */
#ifndef DATA_TEXT_CHARSMAP_H
#define DATA_TEXT_CHARSMAP_H
#include <stddef.h>
#include <stdint.h>

#include "data/text/aligned.h"
#include "kernels/status.h"

typedef struct { uint32_t *unit; size_t n_units; char *pool; size_t n_pool; } Charsmap;      /* {0} changes nothing */

Status charsmap_open(Charsmap *, const void *bytes, size_t n, const char *where);
Status charsmap_open_base64(Charsmap *, const char *text, const char *where);                /* as in a tokenizer.json */
void   charsmap_close(Charsmap *);
void   charsmap_add(const Charsmap *, Aligned *out, const Aligned *text, size_t begin, size_t end);

#endif
