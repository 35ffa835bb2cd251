/* Token spellings and their ids, both ways. Spellings lie one after the other in one buffer, each NUL-terminated; a hash table
 * with open addressing finds them. As in the reference, a spelling that comes again takes the later id. */
#ifndef DATA_TEXT_VOCABULARY_H
#define DATA_TEXT_VOCABULARY_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/buffer.h"

enum { VOCABULARY_MAX_ID = (1 << 24) - 1 };      /* a hundred times what exists; keeps a hostile id from asking for memory */

typedef struct { size_t at; uint32_t length; int32_t id; uint64_t hash; } VocabularyEntry;
typedef struct { uint32_t entry, tag; } VocabularySlot;      /* entry + 1, 0 when empty; tag: part of the hash, saves looking at others */
typedef struct {
    Buffer           text;
    VocabularyEntry *entry;      /* [count] in order of coming */
    VocabularySlot  *slot;       /* [slots], a power of two */
    int32_t         *by_id;      /* [room] entry, -1 when no token has that id */
    size_t           slots;
    int32_t          count, cap, size, room;      /* size: largest id + 1 */
} Vocabulary;

void        vocabulary_add(Vocabulary *, const char *token, size_t n, int32_t id);       /* 0 <= id <= VOCABULARY_MAX_ID */
void        vocabulary_append(Vocabulary *, const char *token, size_t n);                /* its id is `count`; an earlier id keeps its spelling */
int32_t     vocabulary_find(const Vocabulary *, const char *token, size_t n);            /* its entry; -1: none */
int32_t     vocabulary_id(const Vocabulary *, const char *token, size_t n);              /* -1: none */
const char *vocabulary_token(const Vocabulary *, int32_t id, size_t *n);                 /* NULL: none; n may be NULL */
void        vocabulary_free(Vocabulary *);

#endif
