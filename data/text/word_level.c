#include "data/text/word_level.h"

#include <stdlib.h>

#include "kernels/memory.h"

typedef struct { char *unk_token; int32_t unk_id; } WordLevel;      /* unk_id -1: not in the vocabulary */

static Status read(TokenModel *model, const Json *spec, const char *file, Notices *notices)
{
    (void)notices;
    TRY(token_model_read_vocabulary(model, json_get(spec, "vocab"), "\"model.vocab\"", file));
    const char *unk = json_string(json_get(spec, "unk_token"));
    WordLevel *w = model->state = memory_new(1, sizeof *w);
    w->unk_token = memory_string(unk ? unk : "<unk>");
    w->unk_id = vocabulary_id(&model->vocabulary, w->unk_token, strlen(w->unk_token));
    return STATUS_OK;
}

static void close(TokenModel *model)
{
    WordLevel *w = model->state;
    if (!w) return;
    free(w->unk_token);
    free(w);
}

static Status encode(const TokenModel *model, const char *text, size_t n, Word *word)
{
    const WordLevel *w = model->state;
    int32_t id = vocabulary_id(&model->vocabulary, text, n);
    if (id < 0 && w->unk_id < 0)
        return fail(STATUS_INPUT, "text to be tokenized: a word is not in the vocabulary, nor is the unknown token \"%s\" (\"model.unk_token\")", w->unk_token);
    word_push(word, id < 0 ? w->unk_id : id, 0, n);
    return STATUS_OK;
}

const TokenModelRow word_level_row = { "WordLevel", read, encode, close };
