/* A hash table from two numbers to two numbers: merges (left, right) -> (rank, merged); the edges of a trie. */
#ifndef DATA_TEXT_PAIR_MAP_H
#define DATA_TEXT_PAIR_MAP_H
#include <stddef.h>
#include <stdint.h>

typedef struct { int32_t a, b; } Pair;
typedef struct { Pair key, value; } PairEntry;                      /* key.a < 0: empty */
typedef struct { PairEntry *entry; size_t count, room; } PairMap;   /* room is a power of two */

void        pair_map_set(PairMap *, Pair key, Pair value);          /* key.a >= 0; replaces */
const Pair *pair_map_get(const PairMap *, Pair key);                /* NULL: none */
void        pair_map_free(PairMap *);

#endif
