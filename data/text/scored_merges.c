#include "data/text/scored_merges.h"

#include <stdlib.h>

#include "data/text/bpe.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

/* A way to cut a piece in two. */
typedef struct { double score; int32_t left, right, n_left, n_right, place; } Cut;

static int by_score(const void *a, const void *b)
{
    const Cut *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->n_left != y->n_left) return y->n_left - x->n_left;
    if (x->n_right != y->n_right) return y->n_right - x->n_right;
    return x->place - y->place;
}

static int by_score_then_id(const void *a, const void *b)
{
    const Cut *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->left != y->left ? x->left - y->left : x->right - y->right;
}

Status scored_merges_add(TokenModel *model, ScoredVocabulary scored, const char *file)
{
    const Vocabulary *vocabulary = &model->vocabulary;
    Cut *cut = NULL;
    int32_t n = 0, cap = 0;
    for (int32_t id = scored.first_id; id < vocabulary->size; id++) {
        size_t length = 0;
        const char *piece = vocabulary_token(vocabulary, id, &length);
        int32_t letters = 0, i_letter = 0;
        for (size_t at = 0; at < length; at += utf8_length(piece[at])) letters++;
        for (size_t at = 0; at < length; at += utf8_length(piece[at]), i_letter++) {
            int32_t left = at ? vocabulary_id(vocabulary, piece, at) : -1;
            int32_t right = left < scored.first_id ? -1 : vocabulary_id(vocabulary, piece + at, length - at);
            Cut new = { scored.score ? scored.score[id] : -id, left, right, i_letter, letters - i_letter, n };
            if (right >= scored.first_id) MEMORY_PUSH(cut, n, cap) = new;
        }
    }
    if (n) qsort(cut, (size_t)n, sizeof *cut, scored.score ? by_score : by_score_then_id);
    Status status = STATUS_OK;
    for (int32_t i = 0; status == STATUS_OK && i < n; i++) {
        size_t n_left, n_right;
        const char *left = vocabulary_token(vocabulary, cut[i].left, &n_left), *right = vocabulary_token(vocabulary, cut[i].right, &n_right);
        status = bpe_add_merge(model, left, n_left, right, n_right, file);
    }
    free(cut);
    return status;
}

Status scored_merges_of_ranks(TokenModel *model, int32_t first_id, const char *file)
{
    bpe_start(model, (BpeOptions){ .ignore_merges = true });
    TRY(scored_merges_add(model, (ScoredVocabulary){ .first_id = first_id }, file));
    return bpe_finish(model, file);
}
