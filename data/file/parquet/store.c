#include "data/file/parquet/store.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

Status store_claim(Store *store, size_t count, size_t size)
{
    size_t bytes;
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes <= store->limit - store->used) {
        store->used += bytes;
        return STATUS_OK;
    }
    return fail(STATUS_INPUT, "a row group decodes to more than %zu MiB, the limit for a file of this size; write the file again with smaller row groups",
                store->limit >> 20);
}

Status store_new(Store *store, size_t count, size_t size, void *block)
{
    TRY(store_claim(store, count, size));
    void *bytes = MEMORY_PUSH(store->block, store->n, store->cap) = memory_new(count, size);
    memcpy(block, &bytes, sizeof bytes);
    return STATUS_OK;
}

void store_free(Store *store)
{
    for (int i = 0; i < store->n; i++) free(store->block[i]);
    free(store->block);
    *store = (Store){0};
}
