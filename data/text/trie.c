#include "data/text/trie.h"

#include <stdlib.h>

#include "kernels/memory.h"

/* A key on its way into the trie; `place` keeps equal ones in the order of coming. */
typedef struct { TrieKey key; size_t place; } Entry;

/* The entries below a node: they agree in their first `depth` bytes. */
typedef struct { size_t low, high, depth; } Below;

typedef struct { Trie *trie; Below *below; uint32_t cap; } Builder;

static int by_bytes(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    size_t n = x->key.n < y->key.n ? x->key.n : y->key.n;
    int order = n ? memcmp(x->key.bytes, y->key.bytes, n) : 0;
    if (order) return order;
    if (x->key.n != y->key.n) return x->key.n < y->key.n ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void add_node(Builder *b, uint8_t byte, Below below)
{
    Trie *trie = b->trie;
    if (trie->n == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 256;
        trie->first = memory_grow(trie->first, (size_t)b->cap + 1, sizeof *trie->first);
        trie->byte = memory_grow(trie->byte, b->cap, 1);
        trie->value = memory_grow(trie->value, b->cap, sizeof *trie->value);
        b->below = memory_grow(b->below, b->cap, sizeof *b->below);
    }
    trie->byte[trie->n] = byte;
    b->below[trie->n++] = below;
}

/* Entries that end at the node come first, being the shortest; the others fall into runs of one byte. */
static void add_children(Builder *b, uint32_t node, const Entry *entry)
{
    Below below = b->below[node];
    size_t low = below.low;
    while (low < below.high && entry[low].key.n == below.depth) low++;
    b->trie->value[node] = low > below.low && below.depth ? entry[below.low].key.value : -1;
    b->trie->first[node] = b->trie->n;
    for (size_t end; low < below.high; low = end) {
        uint8_t byte = (uint8_t)entry[low].key.bytes[below.depth];
        for (end = low + 1; end < below.high && (uint8_t)entry[end].key.bytes[below.depth] == byte;) end++;
        add_node(b, byte, (Below){ low, end, below.depth + 1 });
    }
}

void trie_build(Trie *trie, const TrieKey *key, size_t n)
{
    trie_free(trie);
    Entry *entry = memory_new(n, sizeof *entry);
    for (size_t i = 0; i < n; i++) entry[i] = (Entry){ key[i], i };
    qsort(entry, n, sizeof *entry, by_bytes);
    Builder builder = { trie, NULL, 0 };
    add_node(&builder, 0, (Below){ 0, n, 0 });
    for (uint32_t node = 0; node < trie->n; node++) add_children(&builder, node, entry);
    trie->first[trie->n] = trie->n;
    for (uint32_t child = trie->first[TRIE_ROOT]; child < trie->first[TRIE_ROOT + 1]; child++) trie->start[trie->byte[child]] = child;
    free(builder.below);
    free(entry);
}

void trie_free(Trie *trie)
{
    free(trie->first);
    free(trie->byte);
    free(trie->value);
    *trie = (Trie){0};
}
