#include "data/set/batch.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "kernels/status.h"

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t rounded_up(int64_t n, int32_t multiple) { return multiple > 1 ? (n + multiple - 1) / multiple * multiple : n; }

static int descending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x < y) - (x > y);
}

/* The sum of the `size` largest. */
static int64_t sum_of_largest(int64_t *values, int64_t n, int64_t size)
{
    int64_t sum = 0;
    qsort(values, (size_t)n, sizeof *values, descending);
    for (int64_t i = 0; i < n && i < size; i++) sum += values[i];
    return sum;
}

/* `longest_example` is the longest row that the peers would see; a packed one holds several documents. */
static void set_padded(Batch *batch, int64_t n_examples, int64_t longest_example, Padding padding)
{
    batch->padded_batch = padding.padding_free ? 1 : n_examples;
    batch->padded_length = rounded_up(padding.padding_free ? batch->n_rows : longest_example, padding.pad_to_multiple_of);
    batch->num_tokens = padding.padding_free ? batch->padded_length : batch->n_rows;
}

Batch batch_capacity(const Examples *e, int64_t size, Padding padding)
{
    Batch batch = {0};
    int64_t longest_example = 0;
    int64_t *length = memory_new((size_t)e->n, sizeof *length);
    int64_t *scored = memory_new((size_t)e->n, sizeof *scored);
    int64_t *documents = memory_new((size_t)e->n, sizeof *documents);
    for (int64_t i = 0; i < e->n; i++) {
        int32_t own;
        Documents all = examples_documents(e, i, &own);
        length[i] = examples_length(e, i);
        scored[i] = examples_scored(e, i);
        documents[i] = all.n;
        longest_example = larger(longest_example, length[i]);
        for (int64_t d = 0; d < all.n; d++) batch.longest = (int32_t)larger(batch.longest, all.length[d]);
    }
    batch.n_rows = sum_of_largest(length, e->n, size);
    batch.n_scored = sum_of_largest(scored, e->n, size);
    batch.n_documents = (int32_t)sum_of_largest(documents, e->n, size);
    set_padded(&batch, e->n < size ? e->n : size, longest_example, padding);
    free(length);
    free(scored);
    free(documents);
    return batch;
}

void batch_init(Batch *batch, const Batch *capacity)
{
    CHECK(capacity->n_rows <= INT32_MAX, "a batch of %lld rows", (long long)capacity->n_rows);
    *batch = (Batch){
        .ids = memory_new((size_t)capacity->n_rows, sizeof *batch->ids),
        .position = memory_new((size_t)capacity->n_rows, sizeof *batch->position),
        .span = memory_new((size_t)capacity->n_documents, sizeof *batch->span),
        .scored_row = memory_new((size_t)capacity->n_scored, sizeof *batch->scored_row),
        .target = memory_new((size_t)capacity->n_scored, sizeof *batch->target),
    };
}

void batch_free(Batch *batch)
{
    free(batch->ids);
    free(batch->position);
    free(batch->span);
    free(batch->scored_row);
    free(batch->target);
    *batch = (Batch){0};
}

static void add_document(Batch *batch, const int32_t *ids, const int32_t *labels, int32_t length)
{
    int32_t start = (int32_t)batch->n_rows;
    memcpy(batch->ids + start, ids, (size_t)length * sizeof *ids);
    for (int32_t t = 0; t < length; t++) batch->position[start + t] = t;
    for (int32_t t = 1; t < length; t++) {
        if (labels[t] == LABEL_NONE) continue;
        batch->scored_row[batch->n_scored] = start + t - 1;
        batch->target[batch->n_scored++] = labels[t];
    }
    batch->n_first_labels += labels[0] != LABEL_NONE;
    batch->span[batch->n_documents++] = (Span){ start, length, start, length };
    batch->n_rows += length;
    batch->longest = (int32_t)larger(batch->longest, length);
}

void batch_collate(Batch *batch, const Examples *e, const int64_t *index, int64_t n, Padding padding)
{
    int64_t longest_example = 0;
    batch->n_rows = batch->n_scored = batch->n_documents = batch->longest = 0;
    batch->n_first_labels = 0;
    for (int64_t k = 0; k < n; k++) {
        int32_t own;
        Documents documents = examples_documents(e, index[k], &own);
        int64_t at = e->begin[index[k]];
        for (int64_t d = 0; d < documents.n; at += documents.length[d++])
            add_document(batch, e->ids + at, e->labels + at, documents.length[d]);
        longest_example = larger(longest_example, examples_length(e, index[k]));
    }
    if (padding.padding_free) batch->n_first_labels = 0;
    set_padded(batch, n, longest_example, padding);
}

int64_t batch_trained_tokens(const Batch *batch, int n, bool first_labels)
{
    int64_t sum = 0;
    for (int i = 0; i < n; i++) sum += batch[i].n_scored + (first_labels ? batch[i].n_first_labels : 0);
    return larger(sum, 1);
}
