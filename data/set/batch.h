/* A micro-batch has rows, not a batch axis: documents lie one after the other, and a row is a token.
 *
 * Sizes are numbers here, so a capacity batch has the shape of the largest one and no data: the dry step that lays out
 * memory runs on it, and every real batch must fit inside (n_rows, n_scored, n_documents, longest).
 *
 * Scored are the rows t of a document whose next token t + 1, in the same document, has a label. A document's first label
 * is therefore never scored, padded or not, and the count of scored rows is what the peers call num_items_in_batch. */
#ifndef DATA_SET_BATCH_H
#define DATA_SET_BATCH_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/examples.h"
#include "kernels/op.h"

typedef struct Batch {
    int64_t   n_rows, n_scored;
    int32_t   n_documents, longest;      /* the longest document */
    int32_t  *ids;                       /* [n_rows] */
    int32_t  *position;                  /* [n_rows] */
    Span     *span;                      /* [n_documents] each document's rows, as queries and as keys; positions restart at 0 */
    int32_t  *scored_row, *target;       /* [n_scored] the row whose next token is `target`; rows ascend */
    int64_t   padded_batch, padded_length;   /* the [B, T] that transformers would see: NEFTune's and dynamic rope's formulas need it */
    int64_t   n_first_labels;            /* padded documents whose first token has a label: the peers count it for some models, though it is never scored */
    int64_t   num_tokens;                /* what SFTTrainer adds to its `num_tokens`: prompt included; padding only where padding-free */
} Batch;

/* How the peers would lay the batch out; it changes only padded_batch, padded_length, n_first_labels and num_tokens. */
typedef struct {
    bool    padding_free;                /* one row [1, sum] instead of [B, longest] */
    int32_t pad_to_multiple_of;          /* of T; 0 and 1: none */
} Padding;

/* The largest of every number over all batches of `size` different examples; a batch without data, not to be freed. Fewer
 * examples than `size` give the batch of all. */
Batch batch_capacity(const Examples *, int64_t size, Padding);

/* Memory for any batch within `capacity`; then `batch_collate` fills it as often as wanted without allocating. */
void batch_init(Batch *, const Batch *capacity);
void batch_collate(Batch *, const Examples *, const int64_t *index, int64_t n, Padding);
void batch_free(Batch *);                /* accepts {0} */

/* Scored rows of all micro-batches of a step, and first labels where they count: the N by which a step's loss is divided (at least 1). */
int64_t batch_trained_tokens(const Batch *, int n, bool first_labels);

#endif
