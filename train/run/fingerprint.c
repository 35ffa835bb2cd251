#include "train/run/fingerprint.h"

#include <string.h>

enum { PROBE = 64 };

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 32;
}

uint64_t fingerprint_add(uint64_t hash, const void *bytes, size_t n)
{
    uint64_t word;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, (const char *)bytes + i, 8);
        hash = mix(hash, word);
    }
    word = 0;
    if (i < n) memcpy(&word, (const char *)bytes + i, n - i);
    return mix(mix(hash, word), n);
}

static uint64_t add_description(uint64_t hash, const TensorEntry *t)
{
    hash = fingerprint_add(hash, t->name, strlen(t->name));
    hash = mix(hash, (uint64_t)t->dtype);
    return fingerprint_add(hash, t->dims, (size_t)t->n_dims * sizeof *t->dims);
}

static uint64_t add_probes(uint64_t hash, const TensorEntry *t)
{
    const char *bytes = t->bytes;
    size_t n = (size_t)t->n_bytes, size = n < PROBE ? n : PROBE;
    for (size_t third = 0; third < 3; third++) hash = fingerprint_add(hash, bytes + (n - size) / 2 * third, size);
    return hash;
}

uint64_t fingerprint_outline(const Tensors *tensors)
{
    uint64_t hash = 0;
    for (int i = 0; i < tensors->n; i++) hash = add_probes(add_description(hash, &tensors->entry[i]), &tensors->entry[i]);
    return hash;
}

uint64_t fingerprint_tensor(const TensorEntry *t) { return fingerprint_add(add_description(0, t), t->bytes, (size_t)t->n_bytes); }

uint64_t fingerprint_examples(const Examples *e)
{
    if (!e->n) return 0;
    size_t n_tokens = (size_t)e->begin[e->n];
    uint64_t hash = fingerprint_add(1, e->begin, (size_t)(e->n + 1) * sizeof *e->begin);
    hash = fingerprint_add(hash, e->ids, n_tokens * sizeof *e->ids);
    hash = fingerprint_add(hash, e->labels, n_tokens * sizeof *e->labels);
    if (!e->first_document) return hash;
    hash = fingerprint_add(hash, e->first_document, (size_t)(e->n + 1) * sizeof *e->first_document);
    return fingerprint_add(hash, e->document_length, (size_t)e->first_document[e->n] * sizeof *e->document_length);
}
