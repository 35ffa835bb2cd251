/* Grapheme clusters (UAX #29): what a reader takes for one letter. The rules are utf8proc's; which code points extend a letter or
 * stand before one comes from the reference's newer table. Rule GB9c, younger than both (Indic conjuncts are one cluster), is
 * left out: clusters of six bytes and more make no difference to charsmap.c, the only reader. */
#ifndef DATA_TEXT_GRAPHEME_H
#define DATA_TEXT_GRAPHEME_H
#include <stddef.h>

size_t grapheme_end(const char *text, size_t n, size_t at);      /* of the cluster that begins at text[at], at < n */

#endif
