/* A micro-batch has rows, not a batch axis: documents lie one after the other, and a row is a token.
 *
 * Sizes are numbers here, so a capacity batch has the shape of the largest one and no data: the dry step that lays out
 * memory runs on it, and every real batch must fit inside (n_rows, n_scored, n_documents, longest). */
#ifndef DATA_SET_BATCH_H
#define DATA_SET_BATCH_H
#include <stdint.h>

/* One document: `length` rows from row `start` on. Attention never leaves it; positions restart at 0. */
typedef struct { int32_t start, length; } Document;

typedef struct Batch {
    int64_t   n_rows, n_scored;
    int32_t   n_documents, longest;      /* the longest document */
    int32_t  *ids;                       /* [n_rows] */
    int32_t  *position;                  /* [n_rows] */
    Document *document;                  /* [n_documents] */
    int32_t  *scored_row, *target;       /* [n_scored] the row whose next token is `target`; rows ascend */
    int64_t   padded_batch, padded_length;   /* the [B, T] that transformers would see: NEFTune's and dynamic rope's formulas need it */
} Batch;

#endif
