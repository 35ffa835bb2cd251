/* Reads every byte that a parsed file promises, so that a promise that leaves the file is seen. */
#ifndef TESTS_FUZZ_TENSORS_H
#define TESTS_FUZZ_TENSORS_H
#include "data/file/tensors.h"
#include "kernels/memory.h"
#include "kernels/status.h"

static void touch_tensors(const Tensors *tensors)
{
    for (int i = 0; i < tensors->n; i++) {
        const TensorEntry *entry = &tensors->entry[i];
        const DtypeRow *row = &dtype_rows[entry->dtype];
        volatile uint8_t sum = 0;
        for (int64_t k = 0; k < entry->n_bytes; k++) sum = (uint8_t)(sum + ((const uint8_t *)entry->bytes)[k]);
        (void)sum;
        CHECK(entry->n_dims <= TENSOR_MAX_DIMS && tensors_find(tensors, entry->name) == entry);
        if (!row->decode) continue;
        int64_t n = entry->n_bytes / row->bytes * row->block;
        float *values = memory_new((size_t)n, sizeof *values);
        row->decode(entry->bytes, n, values);
        free(values);
    }
}

#endif
