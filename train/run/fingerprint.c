#include "train/run/fingerprint.h"

#include <string.h>

#include "kernels/hash.h"

enum { PROBE = 64 };

static uint64_t add_description(uint64_t hash, const TensorEntry *t)
{
    hash = hash_add(hash, t->name, strlen(t->name));
    hash = hash_mix(hash, (uint64_t)t->dtype);
    return hash_add(hash, t->dims, (size_t)t->n_dims * sizeof *t->dims);
}

static uint64_t add_probes(uint64_t hash, const TensorEntry *t)
{
    const char *bytes = t->bytes;
    size_t n = (size_t)t->n_bytes, size = n < PROBE ? n : PROBE;
    for (size_t third = 0; third < 3; third++) hash = hash_add(hash, bytes + (n - size) / 2 * third, size);
    return hash;
}

uint64_t fingerprint_outline(const Tensors *tensors)
{
    uint64_t hash = 0;
    for (int i = 0; i < tensors->n; i++) hash = add_probes(add_description(hash, &tensors->entry[i]), &tensors->entry[i]);
    return hash;
}

uint64_t fingerprint_tensors(const TensorEntry *entry, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) sum += hash_add(add_description(0, &entry[i]), entry[i].bytes, (size_t)entry[i].n_bytes);
    return sum;
}

uint64_t fingerprint_examples(const Examples *e)
{
    if (!e->n) return 0;
    size_t n_tokens = (size_t)e->begin[e->n];
    uint64_t hash = hash_add(1, e->begin, (size_t)(e->n + 1) * sizeof *e->begin);
    hash = hash_add(hash, e->ids, n_tokens * sizeof *e->ids);
    hash = hash_add(hash, e->labels, n_tokens * sizeof *e->labels);
    if (!e->first_document) return hash;
    hash = hash_add(hash, e->first_document, (size_t)(e->n + 1) * sizeof *e->first_document);
    return hash_add(hash, e->document_length, (size_t)e->first_document[e->n] * sizeof *e->document_length);
}
