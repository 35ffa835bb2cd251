#include "data/text/token_model.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/bpe.h"
#include "data/text/unigram.h"
#include "data/text/word_level.h"
#include "data/text/word_piece.h"
#include "kernels/memory.h"

static const TokenModelRow *const rows[] = { &bpe_row, &unigram_row, &word_piece_row, &word_level_row };

/* Old files leave the type out; then the keys tell. */
static const char *type_of(const Json *spec)
{
    const char *type = json_string(json_get(spec, "type"));
    if (type) return type;
    if (json_get(spec, "merges")) return "BPE";
    if (json_kind(json_get(spec, "vocab")) == JSON_ARRAY) return "Unigram";
    return json_get(spec, "max_input_chars_per_word") || json_get(spec, "continuing_subword_prefix") ? "WordPiece" : "WordLevel";
}

Status token_model_open(TokenModel *model, const Json *spec, const char *file, Notices *notices)
{
    if (json_kind(spec) != JSON_OBJECT) return fail(STATUS_INPUT, "%s: \"model\" is %s, expected an object", file, json_kind_name(spec));
    const char *type = type_of(spec);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i]->type, type)) continue;
        model->row = rows[i];
        return model->row->open(model, spec, file, notices);
    }
    return fail(STATUS_INPUT, "%s: \"model\" is of type %s; graft knows BPE, Unigram, WordPiece and WordLevel", file, type);
}

Status token_model_encode(const TokenModel *model, const char *text, size_t n, Word *word)
{
    word->n = 0;
    return n ? model->row->encode(model, text, n, word) : STATUS_OK;
}

void token_model_close(TokenModel *model)
{
    if (model->row) model->row->close(model);
    vocabulary_free(&model->vocabulary);
    *model = (TokenModel){0};
}

void word_push(Word *word, int32_t id, size_t begin, size_t length)
{
    int32_t i = word->n;
    MEMORY_PUSH(word->symbol, word->n, word->cap) = (Symbol){ id, (uint32_t)begin, (uint32_t)length, i - 1, i + 1 };
}

void word_free(Word *word)
{
    free(word->path);
    free(word->symbol);
    free(word->candidate);
    *word = (Word){0};
}

Status token_model_read_vocabulary(TokenModel *model, const Json *vocab, const char *name, const char *file)
{
    if (json_kind(vocab) != JSON_OBJECT) return fail(STATUS_INPUT, "%s: %s is %s, expected an object", file, name, json_kind_name(vocab));
    for (const Json *item = json_first(vocab); item; item = json_next(item)) {
        int64_t id = json_integer(item);
        if (json_kind(item) != JSON_INTEGER || id < 0 || id > VOCABULARY_MAX_ID)
            return fail(STATUS_INPUT, "%s: the id of \"%s\" in %s is not an integer from 0 to %d", file, json_key(item), name, VOCABULARY_MAX_ID);
        vocabulary_add(&model->vocabulary, json_key(item), strlen(json_key(item)), (int32_t)id);
    }
    return STATUS_OK;
}

TrieKey *token_model_keys(const TokenModel *model, size_t *n)
{
    const Vocabulary *vocabulary = &model->vocabulary;
    TrieKey *key = memory_new((size_t)vocabulary->count, sizeof *key);
    *n = 0;
    for (int32_t i = vocabulary->count; i-- > 0;) {      /* of equal spellings the last id counts */
        const VocabularyEntry *entry = &vocabulary->entry[i];
        key[(*n)++] = (TrieKey){ vocabulary->text.data + entry->at, entry->length, entry->id };
    }
    return key;
}
