/* Added tokens are found in the text itself, before it is cut: those that are not `normalized` in the raw text, the others after
 * the normalizer, in its spelling. The leftmost match wins, the longest among those, and matches do not overlap.
 *
 * Ids in a file are only a remark: as in the reference, a token that the vocabulary has keeps its id there, and the others
 * follow the vocabulary in order of coming. */
#ifndef DATA_TEXT_ADDED_TOKENS_H
#define DATA_TEXT_ADDED_TOKENS_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/json.h"
#include "data/text/aligned.h"
#include "data/text/normalizer.h"
#include "data/text/pair_map.h"
#include "data/text/trie.h"
#include "data/text/vocabulary.h"
#include "kernels/notices.h"
#include "kernels/status.h"

typedef struct {
    char   *content, *spelling;      /* as written, and as matched and decoded: the same unless `normalized` */
    int32_t id;
    bool    single_word;             /* no match next to a letter, digit or mark */
    bool    lstrip, rstrip;          /* takes in the blanks on that side */
    bool    normalized, special;
} AddedToken;

typedef struct {
    AddedToken *token;               /* in order of coming */
    int32_t     n, cap, largest;     /* largest: id */
    Vocabulary  by_content;          /* content -> place in `token` */
    PairMap     by_id;               /* (id, 0) -> (place, 0) */
    Trie        raw, normalized;     /* spelling -> place in `token` */
} AddedTokens;

/* A token as files write it: a string, or an object with "content" and flags. `content` is the Json's; NULL: it is neither. */
AddedToken added_token_of(const Json *, bool special);

/* Copies `token.content`; ignores one whose content is there already or empty. */
Status added_tokens_add(AddedTokens *, AddedToken token, const Vocabulary *, const char *file);
Status added_tokens_read(AddedTokens *, const Json *list, const Vocabulary *, const char *file, Notices *);
Status added_tokens_finish(AddedTokens *, const Normalizer *);      /* after the last one; may be called again after more */
void   added_tokens_free(AddedTokens *);

const AddedToken *added_tokens_find(const AddedTokens *, const char *content);      /* NULL: none */
const AddedToken *added_tokens_of(const AddedTokens *, int32_t id);                 /* NULL: not an added token */
void added_tokens_split(const AddedTokens *, bool normalized, Pipeline *);

#endif
