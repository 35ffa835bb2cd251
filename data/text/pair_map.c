#include "data/text/pair_map.h"

#include <stdlib.h>

#include "kernels/memory.h"

static size_t entry_of(const PairMap *map, Pair key)
{
    uint64_t word = (uint64_t)(uint32_t)key.a << 32 | (uint32_t)key.b;
    size_t at = (size_t)(word * 0x9E3779B97F4A7C15u >> 20) & (map->room - 1);
    while (map->entry[at].key.a >= 0 && (map->entry[at].key.a != key.a || map->entry[at].key.b != key.b)) at = (at + 1) & (map->room - 1);
    return at;
}

static void enlarge(PairMap *map)
{
    PairMap old = *map;
    map->room = old.room ? 2 * old.room : 64;
    map->entry = memory_new(map->room, sizeof *map->entry);
    for (size_t i = 0; i < map->room; i++) map->entry[i].key.a = -1;
    for (size_t i = 0; i < old.room; i++)
        if (old.entry[i].key.a >= 0) map->entry[entry_of(map, old.entry[i].key)] = old.entry[i];
    free(old.entry);
}

void pair_map_set(PairMap *map, Pair key, Pair value)
{
    if (map->count * 2 >= map->room) enlarge(map);
    PairEntry *entry = &map->entry[entry_of(map, key)];
    map->count += entry->key.a < 0;
    *entry = (PairEntry){ key, value };
}

const Pair *pair_map_get(const PairMap *map, Pair key)
{
    if (!map->room) return NULL;
    const PairEntry *entry = &map->entry[entry_of(map, key)];
    return entry->key.a >= 0 ? &entry->value : NULL;
}

void pair_map_free(PairMap *map)
{
    free(map->entry);
    *map = (PairMap){0};
}
