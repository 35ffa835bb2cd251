#include "data/text/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

/* Eight bytes at a time, mixed by multiplication (as in Fx and wyhash). */
static uint64_t hash_of(const char *s, size_t n)
{
    uint64_t hash = n * 0x9E3779B97F4A7C15u, word;
    for (; n >= 8; s += 8, n -= 8) {
        memcpy(&word, s, 8);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    word = 0;
    if (n) memcpy(&word, s, n);
    hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 29;
}

static uint32_t tag_of(uint64_t hash) { return (uint32_t)(hash >> 32); }

static size_t slot_of(const Vocabulary *v, uint64_t hash, const char *token, size_t n)
{
    size_t at = hash & (v->slots - 1);
    for (; v->slot[at].entry; at = (at + 1) & (v->slots - 1)) {
        if (v->slot[at].tag != tag_of(hash)) continue;
        const VocabularyEntry *entry = &v->entry[v->slot[at].entry - 1];
        if (entry->length == n && !memcmp(v->text.data + entry->at, token, n)) break;
    }
    return at;
}

static void enlarge(Vocabulary *v)
{
    free(v->slot);
    v->slots = v->slots ? 2 * v->slots : 1024;
    v->slot = memory_new(v->slots, sizeof *v->slot);
    for (int32_t i = v->count; i-- > 0;) {      /* of entries with one spelling, the last is to be found first */
        size_t at = v->entry[i].hash & (v->slots - 1);
        while (v->slot[at].entry) at = (at + 1) & (v->slots - 1);
        v->slot[at] = (VocabularySlot){ (uint32_t)i + 1, tag_of(v->entry[i].hash) };
    }
}

static void name(Vocabulary *v, int32_t id, int32_t entry)
{
    if (id >= v->room) {
        int32_t old = v->room;
        v->room = id < 1024 ? 1024 : id > VOCABULARY_MAX_ID / 2 ? VOCABULARY_MAX_ID + 1 : 2 * id;
        v->by_id = memory_grow(v->by_id, (size_t)v->room, sizeof *v->by_id);
        memset(v->by_id + old, -1, (size_t)(v->room - old) * sizeof *v->by_id);
    }
    v->by_id[id] = entry;
    if (id >= v->size) v->size = id + 1;
}

static void append(Vocabulary *v, size_t slot, uint64_t hash, const char *token, size_t n, int32_t id)
{
    v->slot[slot] = (VocabularySlot){ (uint32_t)v->count + 1, tag_of(hash) };
    name(v, id, v->count);
    MEMORY_PUSH(v->entry, v->count, v->cap) = (VocabularyEntry){ v->text.len, (uint32_t)n, id, hash };
    buffer_add(&v->text, token, n);
    buffer_add_char(&v->text, 0);
}

void vocabulary_add(Vocabulary *v, const char *token, size_t n, int32_t id)
{
    if ((size_t)v->count * 2 >= v->slots) enlarge(v);
    uint64_t hash = hash_of(token, n);
    size_t at = slot_of(v, hash, token, n);
    if (!v->slot[at].entry) {
        append(v, at, hash, token, n, id);
        return;
    }
    int32_t entry = (int32_t)v->slot[at].entry - 1;
    if (v->by_id[v->entry[entry].id] == entry) v->by_id[v->entry[entry].id] = -1;
    v->entry[entry].id = id;
    name(v, id, entry);
}

void vocabulary_append(Vocabulary *v, const char *token, size_t n)
{
    if ((size_t)v->count * 2 >= v->slots) enlarge(v);
    uint64_t hash = hash_of(token, n);
    append(v, slot_of(v, hash, token, n), hash, token, n, v->count);
}

int32_t vocabulary_find(const Vocabulary *v, const char *token, size_t n)
{
    if (!v->slots) return -1;
    return (int32_t)v->slot[slot_of(v, hash_of(token, n), token, n)].entry - 1;
}

int32_t vocabulary_id(const Vocabulary *v, const char *token, size_t n)
{
    int32_t entry = vocabulary_find(v, token, n);
    return entry < 0 ? -1 : v->entry[entry].id;
}

const char *vocabulary_token(const Vocabulary *v, int32_t id, size_t *n)
{
    if (id < 0 || id >= v->size || v->by_id[id] < 0) return NULL;
    const VocabularyEntry *entry = &v->entry[v->by_id[id]];
    if (n) *n = entry->length;
    return v->text.data + entry->at;
}

void vocabulary_free(Vocabulary *v)
{
    buffer_free(&v->text);
    free(v->entry);
    free(v->slot);
    free(v->by_id);
    *v = (Vocabulary){0};
}
