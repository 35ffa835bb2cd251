#include "data/set/examples.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

/* Room for one more example of `n` tokens. */
static void reserve(Examples *e, int64_t n)
{
    int64_t tokens = n + (e->n ? e->begin[e->n] : 0);
    if (e->n + 2 > e->cap) {
        e->cap = 2 * (e->n + 2);
        e->begin = memory_grow(e->begin, (size_t)e->cap, sizeof *e->begin);
        if (e->first_document) e->first_document = memory_grow(e->first_document, (size_t)e->cap, sizeof *e->first_document);
    }
    if (tokens >= e->cap_tokens) {      /* for no tokens too: where there are examples, ids is not NULL */
        e->cap_tokens = 2 * (tokens + 1);
        e->ids = memory_grow(e->ids, (size_t)e->cap_tokens, sizeof *e->ids);
        e->labels = memory_grow(e->labels, (size_t)e->cap_tokens, sizeof *e->labels);
    }
    if (!e->n) e->begin[0] = 0;
}

static void add_tokens(Examples *e, const int32_t *ids, const int32_t *labels, int64_t n)
{
    reserve(e, n);
    int64_t end = e->begin[e->n];
    if (n) {
        memcpy(e->ids + end, ids, (size_t)n * sizeof *ids);
        memcpy(e->labels + end, labels, (size_t)n * sizeof *labels);
    }
    e->begin[++e->n] = end + n;
}

static void add_documents(Examples *e, const int32_t *length, int64_t n)
{
    int64_t first = e->n ? e->first_document[e->n] : 0;
    if (first + n > e->cap_documents) {
        e->cap_documents = 2 * (first + n);
        e->document_length = memory_grow(e->document_length, (size_t)e->cap_documents, sizeof *e->document_length);
    }
    memcpy(e->document_length + first, length, (size_t)n * sizeof *length);
    e->first_document[e->n] = first;
    e->first_document[e->n + 1] = first + n;
}

void examples_add(Examples *e, const int32_t *ids, const int32_t *labels, int64_t n)
{
    CHECK(!e->first_document, "a packed example was added before");
    add_tokens(e, ids, labels, n);
}

void examples_add_packed(Examples *e, const int32_t *ids, const int32_t *labels, const int32_t *document_length, int64_t n_documents)
{
    CHECK(e->first_document || !e->n, "an example of one document was added before");
    int64_t n_tokens = 0;
    for (int64_t i = 0; i < n_documents; i++) n_tokens += document_length[i];
    reserve(e, n_tokens);
    if (!e->first_document) e->first_document = memory_new((size_t)e->cap, sizeof *e->first_document);
    add_documents(e, document_length, n_documents);
    add_tokens(e, ids, labels, n_tokens);
}

void examples_free(Examples *e)
{
    free(e->begin);
    free(e->ids);
    free(e->labels);
    free(e->first_document);
    free(e->document_length);
    *e = (Examples){0};
}

int64_t examples_length(const Examples *e, int64_t i) { return e->begin[i + 1] - e->begin[i]; }

Documents examples_documents(const Examples *e, int64_t i, int32_t *own)
{
    if (e->first_document) return (Documents){ e->document_length + e->first_document[i], e->first_document[i + 1] - e->first_document[i] };
    *own = (int32_t)examples_length(e, i);
    return (Documents){ own, *own > 0 };
}

int64_t examples_scored(const Examples *e, int64_t i)
{
    int32_t own;
    Documents documents = examples_documents(e, i, &own);
    const int32_t *label = e->labels + e->begin[i];
    int64_t n = 0;
    for (int64_t d = 0; d < documents.n; label += documents.length[d++])
        for (int32_t t = 1; t < documents.length[d]; t++) n += label[t] != LABEL_NONE;
    return n;
}

static bool any_trained(const int32_t *labels, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (labels[i] != LABEL_NONE) return true;
    return false;
}

Truncated examples_truncate(Examples *e, int64_t max_length, Truncation side)
{
    CHECK(!e->first_document, "packed examples are not truncated");
    Truncated count = {0};
    int64_t n = 0, at = 0;
    for (int64_t i = 0, from, length; i < e->n; i++) {
        from = e->begin[i];
        length = examples_length(e, i);
        if (max_length && length > max_length) {
            from += side == TRUNCATE_KEEP_END ? length - max_length : 0;
            length = max_length;
            count.truncated++;
        }
        if (!length || (max_length && !any_trained(e->labels + from, length))) {
            count.dropped++;
            continue;
        }
        memmove(e->ids + at, e->ids + from, (size_t)length * sizeof *e->ids);
        memmove(e->labels + at, e->labels + from, (size_t)length * sizeof *e->labels);
        e->begin[n++] = at;
        at += length;
    }
    if (e->begin) e->begin[n] = at;
    e->n = n;
    return count;
}

void examples_reorder(const Examples *e, const int64_t *order, int64_t n, Examples *out)
{
    for (int64_t k = 0; k < n; k++) {
        int64_t i = order[k], from = e->begin[i];
        if (e->first_document)
            examples_add_packed(out, e->ids + from, e->labels + from, e->document_length + e->first_document[i],
                                e->first_document[i + 1] - e->first_document[i]);
        else
            examples_add(out, e->ids + from, e->labels + from, examples_length(e, i));
    }
}
