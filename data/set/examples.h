/* Examples: token ids with the label of each, flat, ready to be ordered and collated.
 *
 * A label is the id itself where the token is trained, LABEL_NONE where it is not. Labels stand at their own token: the row
 * before it is the one that predicts it, so the first label of a document is never scored (see batch.h).
 *
 * An example is one document, or, packed, several: attention and positions end at a document's end. */
#ifndef DATA_SET_EXAMPLES_H
#define DATA_SET_EXAMPLES_H
#include <stdbool.h>
#include <stdint.h>

#include "kernels/status.h"

enum { LABEL_NONE = -100 };

typedef struct {
    int64_t  n;
    int64_t *begin;              /* [n + 1] into ids and labels */
    int32_t *ids, *labels;       /* [begin[n]] */
    int64_t *first_document;     /* [n + 1] into document_length; NULL: every example is one document */
    int32_t *document_length;    /* [first_document[n]] none is 0 */
    int64_t  cap, cap_tokens, cap_documents;
} Examples;

void examples_add(Examples *, const int32_t *ids, const int32_t *labels, int64_t n);     /* one more, one document */
void examples_add_packed(Examples *, const int32_t *ids, const int32_t *labels, const int32_t *document_length, int64_t n_documents);
void examples_free(Examples *);                                                          /* accepts {0} */

/* The documents of one example; `own` is where the length of a single one is put. */
typedef struct { const int32_t *length; int64_t n; } Documents;
Documents examples_documents(const Examples *, int64_t i, int32_t *own);

int64_t examples_length(const Examples *, int64_t i);      /* tokens */
int64_t examples_scored(const Examples *, int64_t i);      /* labels that the loss will see: not the first of a document */

/* Cutting at `max_length` tokens, as TRL does before training without packing: the first or the last are kept, and examples
 * left without a trained label are dropped. max_length 0 cuts and drops nothing but examples without tokens. */
typedef enum { TRUNCATE_KEEP_START, TRUNCATE_KEEP_END } Truncation;
typedef struct { int64_t truncated, dropped; } Truncated;
Truncated examples_truncate(Examples *, int64_t max_length, Truncation);

/* The examples in another order: out[i] = examples[order[i]], n of them. */
void examples_reorder(const Examples *, const int64_t *order, int64_t n, Examples *out);

#endif
