#include "data/text/charsmap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/base64.h"
#include "data/text/grapheme.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

/* ---- Opening ---- */

static uint32_t little_endian(const uint8_t *b) { return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24; }

Status charsmap_open(Charsmap *map, const void *from, size_t n, const char *where)
{
    const uint8_t *bytes = from;
    size_t n_trie = n >= 4 ? little_endian(bytes) : 0, broken;
    if (n < 4 || n_trie % 4 || n_trie > n - 4 || !n_trie) return fail(STATUS_INPUT, "%s: a charsmap of %zu bytes says that its trie has %zu", where, n, n_trie);
    const char *pool = (const char *)bytes + 4 + n_trie;
    size_t n_pool = n - 4 - n_trie;
    if (utf8_valid(pool, n_pool, &broken) < n_pool) return fail(STATUS_INPUT, "%s: the replacements of the charsmap are not UTF-8", where);
    map->n_units = n_trie / 4;
    map->unit = memory_new(map->n_units, sizeof *map->unit);
    for (size_t i = 0; i < map->n_units; i++) map->unit[i] = little_endian(bytes + 4 + 4 * i);
    map->pool = memory_new(n_pool + 1, 1);
    if (n_pool) memcpy(map->pool, pool, n_pool);
    map->n_pool = n_pool;
    return STATUS_OK;
}

Status charsmap_open_base64(Charsmap *map, const char *text, const char *where)
{
    Buffer bytes = {0};
    bool good = base64_decode(&bytes, text, strlen(text));
    Status status = good ? charsmap_open(map, bytes.data, bytes.len, where) : fail(STATUS_INPUT, "%s: the charsmap is not base64", where);
    buffer_free(&bytes);
    return status;
}

void charsmap_close(Charsmap *map)
{
    free(map->unit);
    free(map->pool);
    *map = (Charsmap){0};
}

/* ---- Looking up ---- */

static uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }

/* The replacement of the shortest string of the map that `s` begins with; NULL: none. Places outside, as in a damaged map, end the search. */
static const char *replacement(const Charsmap *map, const char *s, size_t n)
{
    if (!map->n_units) return NULL;
    size_t at = offset_of(map->unit[0]);
    for (size_t i = 0; i < n && s[i]; i++) {
        uint8_t byte = (uint8_t)s[i];
        at ^= byte;
        if (at >= map->n_units) return NULL;
        uint32_t unit = map->unit[at];
        if ((unit & (1u << 31 | 0xFF)) != byte) return NULL;
        at ^= offset_of(unit);
        if (!(unit >> 8 & 1)) continue;
        size_t place = at < map->n_units ? map->unit[at] & ~(1u << 31) : map->n_pool;
        bool inside = place < map->n_pool && ((uint8_t)map->pool[place] & 0xC0) != 0x80;
        return inside ? map->pool + place : NULL;
    }
    return NULL;
}

/* ---- Writing ---- */

typedef struct { Change *change; size_t n, cap; } Changes;

static void push(Changes *out, uint32_t code, int change) { MEMORY_PUSH(out->change, out->n, out->cap) = (Change){ code, change }; }

/* `old` code points become those of `s`: one for one, then the rest are inserted, or the last one takes up what is left over. What
 * becomes nothing is taken up by the code point before it; at the start there is none, and what follows moves up. */
static void push_replacement(Changes *out, const char *s, int old)
{
    size_t length;
    int new = 0;
    for (; *s; s += length, new++) push(out, utf8_get(s, &length), new < old ? 0 : 1);
    if (new < old && out->n) out->change[out->n - 1].change -= old - new;
}

static void push_each(const Charsmap *map, Changes *out, const char *s, size_t n)
{
    for (size_t at = 0, length; at < n; at += length) {
        uint32_t code = utf8_get(s + at, &length);
        const char *new = replacement(map, s + at, length);
        if (new) push_replacement(out, new, 1);
        else push(out, code, 0);
    }
}

void charsmap_add(const Charsmap *map, Aligned *out, const Aligned *text, size_t begin, size_t end)
{
    enum { SMALL = 6 };
    Changes changes = {0};
    for (size_t at = begin, stop; at < end; at = stop) {
        const char *s = text->bytes + at;
        stop = begin + grapheme_end(text->bytes + begin, end - begin, at - begin);
        const char *new = stop - at < SMALL ? replacement(map, s, stop - at) : NULL;
        if (new) push_replacement(&changes, new, (int)utf8_count(s, stop - at));
        else push_each(map, &changes, s, stop - at);
    }
    aligned_add_changes(out, text, begin, end, changes.change, changes.n);
    free(changes.change);
}
