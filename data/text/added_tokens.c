#include "data/text/added_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/unicode.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

/* ---- The list ---- */

static int32_t next_id(const AddedTokens *added, const Vocabulary *vocabulary, const char *content)
{
    int32_t id = vocabulary_id(vocabulary, content, strlen(content));
    if (id >= 0) return id;
    return added->n && (added->largest >= vocabulary->count || !vocabulary->count) ? added->largest + 1 : vocabulary->count;
}

AddedToken added_token_of(const Json *token, bool special)
{
    return (AddedToken){
        .content = (char *)json_string(json_kind(token) == JSON_OBJECT ? json_get(token, "content") : token), .special = special,
        .single_word = json_bool(json_get(token, "single_word")),
        .lstrip = json_bool(json_get(token, "lstrip")),
        .rstrip = json_bool(json_get(token, "rstrip")),
        .normalized = json_get(token, "normalized") ? json_bool(json_get(token, "normalized")) : !special,
    };
}

Status added_tokens_add(AddedTokens *added, AddedToken token, const Vocabulary *vocabulary, const char *file)
{
    if (!token.content[0] || added_tokens_find(added, token.content)) return STATUS_OK;
    token.id = next_id(added, vocabulary, token.content);
    if (token.id > VOCABULARY_MAX_ID) return fail(STATUS_INPUT, "%s: more than %d tokens", file, VOCABULARY_MAX_ID);
    token.content = memory_string(token.content);
    token.spelling = memory_string(token.content);
    vocabulary_add(&added->by_content, token.content, strlen(token.content), added->n);
    pair_map_set(&added->by_id, (Pair){ token.id, 0 }, (Pair){ added->n, 0 });
    if (!added->n || token.id > added->largest) added->largest = token.id;
    MEMORY_PUSH(added->token, added->n, added->cap) = token;
    return STATUS_OK;
}

Status added_tokens_read(AddedTokens *added, const Json *list, const Vocabulary *vocabulary, const char *file, Notices *notices)
{
    if (json_kind(list) != JSON_ARRAY && json_kind(list) != JSON_NULL)
        return fail(STATUS_INPUT, "%s: \"added_tokens\" is %s, expected a list", file, json_kind_name(list));
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        AddedToken token = added_token_of(item, json_bool(json_get(item, "special")));
        if (json_kind(item) != JSON_OBJECT || !token.content) return fail(STATUS_INPUT, "%s: an entry of \"added_tokens\" has no \"content\"", file);
        TRY(added_tokens_add(added, token, vocabulary, file));
        const AddedToken *as = added_tokens_find(added, token.content);
        if (as && json_get(item, "id") && json_integer(json_get(item, "id")) != as->id)
            notice(notices, "%s: added token \"%s\" says id %lld; as in Hugging Face tokenizers it gets %d, the next free one", file, token.content,
                   (long long)json_integer(json_get(item, "id")), (int)as->id);
    }
    return STATUS_OK;
}

void added_tokens_free(AddedTokens *added)
{
    for (int32_t i = 0; i < added->n; i++) {
        free(added->token[i].content);
        free(added->token[i].spelling);
    }
    free(added->token);
    vocabulary_free(&added->by_content);
    pair_map_free(&added->by_id);
    trie_free(&added->raw);
    trie_free(&added->normalized);
    *added = (AddedTokens){0};
}

const AddedToken *added_tokens_find(const AddedTokens *added, const char *content)
{
    int32_t place = vocabulary_id(&added->by_content, content, strlen(content));
    return place < 0 ? NULL : &added->token[place];
}

const AddedToken *added_tokens_of(const AddedTokens *added, int32_t id)
{
    const Pair *place = id < 0 ? NULL : pair_map_get(&added->by_id, (Pair){ id, 0 });
    return place ? &added->token[place->a] : NULL;
}

/* ---- The tries ---- */

/* The longest token that begins at text[at]; -1: none. */
static int32_t longest(const Trie *trie, const char *text, size_t n, size_t at, size_t *end)
{
    int32_t found = -1;
    for (uint32_t i = (uint32_t)at, node = TRIE_ROOT; i < n && (node = trie_next(trie, node, text[i])) != TRIE_ROOT; i++) {
        if (trie->value[node] < 0) continue;
        found = trie->value[node];
        *end = i + 1;
    }
    return found;
}

static Status spell(AddedToken *token, const Normalizer *normalizer)
{
    if (!token->normalized) return STATUS_OK;
    Pipeline pipeline = {0};
    pipeline_start(&pipeline, token->content, strlen(token->content));
    Status status = normalizer_apply(normalizer, &pipeline);
    if (status == STATUS_OK) {
        free(token->spelling);
        token->spelling = memory_new(pipeline.text.n + 1, 1);
        if (pipeline.text.n) memcpy(token->spelling, pipeline.text.bytes, pipeline.text.n);
    }
    pipeline_free(&pipeline);
    return status;
}

/* The special ones first: among equal spellings they are found. */
static void build(const AddedTokens *added, bool normalized, Trie *trie)
{
    TrieKey *key = memory_new((size_t)added->n, sizeof *key);
    size_t n = 0;
    for (int special = 1; special >= 0; special--)
        for (int32_t i = 0; i < added->n; i++) {
            const AddedToken *token = &added->token[i];
            if (token->special == (bool)special && token->normalized == normalized) key[n++] = (TrieKey){ token->spelling, strlen(token->spelling), i };
        }
    trie_build(trie, key, n);
    free(key);
}

Status added_tokens_finish(AddedTokens *added, const Normalizer *normalizer)
{
    for (int32_t i = 0; i < added->n; i++) TRY(spell(&added->token[i], normalizer));
    build(added, false, &added->raw);
    build(added, true, &added->normalized);
    return STATUS_OK;
}

/* ---- Finding them in a text ---- */

static bool inside_word(const char *text, size_t n, size_t begin, size_t end)
{
    size_t length;
    return (begin && unicode_is_word(utf8_before(text, begin, &length))) || (end < n && unicode_is_word(utf8_get(text + end, &length)));
}

static void split_piece(const AddedTokens *added, const Trie *trie, Pipeline *pipeline, Piece piece)
{
    const char *text = pipeline->text.bytes + piece.begin;
    size_t n = piece.end - piece.begin, done = 0, length;
    for (size_t at = 0, end = 0; at < n;) {
        int32_t found = longest(trie, text, n, at, &end);
        if (found < 0) {
            at++;
            continue;
        }
        const AddedToken *token = &added->token[found];
        size_t begin = at, stop = end;
        at = end;
        if (token->single_word && inside_word(text, n, begin, stop)) continue;
        while (token->lstrip && begin > done && unicode_is_space(utf8_before(text, begin, &length))) begin -= length;
        if (token->lstrip && begin < done) begin = done;      /* the token before took what this one begins with, */
        if (begin >= stop) continue;                          /* or all of it */
        while (token->rstrip && stop < n && unicode_is_space(utf8_get(text + stop, &length))) stop += length;
        if (done < begin) pipeline_push(pipeline, piece.begin + done, piece.begin + begin, -1);
        pipeline_push(pipeline, piece.begin + begin, piece.begin + stop, token->id);
        done = stop;
    }
    if (done < n) pipeline_push(pipeline, piece.begin + done, piece.end, -1);
}

void added_tokens_split(const AddedTokens *added, bool normalized, Pipeline *pipeline)
{
    const Trie *trie = normalized ? &added->normalized : &added->raw;
    if (trie->n <= 1) return;
    for (size_t i = 0; i < pipeline->pieces.n; i++) {
        Piece piece = pipeline->pieces.piece[i];
        if (piece.token >= 0) pipeline_push(pipeline, piece.begin, piece.end, piece.token);
        else split_piece(added, trie, pipeline, piece);
    }
    pipeline_take_pieces(pipeline);
}
