/* A fixed set of strings, for finding those that begin at a place of a text, shorter ones first. Nodes stand in breadth-first
 * order: the children of a node are neighbours, ordered by their byte, so a node is one number, a byte and a value. */
#ifndef DATA_TEXT_TRIE_H
#define DATA_TEXT_TRIE_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint32_t *first;           /* [n + 1] the first child; the others follow, up to the next node's first */
    uint8_t  *byte;            /* [n] that leads to the node */
    int32_t  *value;           /* [n] of the string that ends there; -1: none does */
    uint32_t  n;               /* 0: {0}, the empty set */
    uint32_t  start[256];      /* the children of the root */
} Trie;

typedef struct { const char *bytes; size_t n; int32_t value; } TrieKey;      /* value >= 0 */

void trie_build(Trie *, const TrieKey *, size_t n);      /* replaces what was there; among equal keys the first counts, empty ones never match */
void trie_free(Trie *);

enum { TRIE_ROOT = 0 };

/* The node behind `node` for the next byte; TRIE_ROOT: no string goes on so. */
static inline uint32_t trie_next(const Trie *trie, uint32_t node, char next)
{
    uint8_t byte = (uint8_t)next;
    if (node == TRIE_ROOT) return trie->start[byte];
    uint32_t first = trie->first[node], n = trie->first[node + 1] - first;
    if (n <= 1) return n && trie->byte[first] == byte ? first : TRIE_ROOT;
    const uint8_t *found = memchr(trie->byte + first, byte, n);
    return found ? (uint32_t)(found - trie->byte) : TRIE_ROOT;
}

#endif
