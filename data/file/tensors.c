#include "data/file/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const TensorEntry *)a)->name, ((const TensorEntry *)b)->name);
}

static int by_address(const void *a, const void *b)
{
    const TensorEntry *x = *(const TensorEntry *const *)a, *y = *(const TensorEntry *const *)b;
    if (x->bytes != y->bytes) return (uintptr_t)x->bytes < (uintptr_t)y->bytes ? -1 : 1;
    return (x->n_bytes > y->n_bytes) - (x->n_bytes < y->n_bytes);
}

const TensorEntry *tensors_find(const Tensors *tensors, const char *name)
{
    TensorEntry wanted = { .name = name };
    return tensors->n ? bsearch(&wanted, tensors->entry, (size_t)tensors->n, sizeof wanted, by_name) : NULL;
}

void tensors_free(Tensors *tensors)
{
    for (int i = 0; i < tensors->n; i++) free((char *)tensors->entry[i].name);
    free(tensors->entry);
    *tensors = (Tensors){0};
}

const char *tensor_shape(char out[TENSOR_SHAPE_TEXT], int n_dims, const int64_t *dims)
{
    int used = sprintf(out, "[");
    for (int i = 0; i < n_dims; i++) used += sprintf(out + used, i ? ", %lld" : "%lld", (long long)dims[i]);
    sprintf(out + used, "]");
    return out;
}

void tensors_add(Tensors *tensors, TensorEntry entry)
{
    entry.name = memory_string(entry.name);
    MEMORY_PUSH(tensors->entry, tensors->n, tensors->cap) = entry;
}

Status tensors_sort(Tensors *tensors)
{
    if (tensors->n) qsort(tensors->entry, (size_t)tensors->n, sizeof *tensors->entry, by_name);
    for (int i = 1; i < tensors->n; i++) {
        const TensorEntry *a = &tensors->entry[i - 1], *b = &tensors->entry[i];
        if (!strcmp(a->name, b->name))
            return fail(STATUS_INPUT, "%s: tensor %s stands twice%s%s", a->file, a->name, a->file == b->file ? "" : ", also in ",
                        a->file == b->file ? "" : b->file);
    }
    return STATUS_OK;
}

Status tensors_check_overlap(const Tensors *tensors, int first)
{
    int n = tensors->n - first;
    const TensorEntry **order = memory_new((size_t)n, sizeof *order);
    for (int i = 0; i < n; i++) order[i] = &tensors->entry[first + i];
    qsort(order, (size_t)n, sizeof *order, by_address);
    Status status = STATUS_OK;
    for (int i = 1; i < n && status == STATUS_OK; i++)
        if ((const char *)order[i]->bytes < (const char *)order[i - 1]->bytes + order[i - 1]->n_bytes)
            status = fail(STATUS_INPUT, "%s: tensors %s and %s overlap", order[i]->file, order[i - 1]->name, order[i]->name);
    free(order);
    return status;
}

Status tensor_count_bytes(TensorEntry *entry)
{
    const DtypeRow *row = &dtype_rows[entry->dtype];
    char shape[TENSOR_SHAPE_TEXT];
    int64_t n = 1;
    for (int i = 0; i < entry->n_dims; i++)
        if (entry->dims[i] < 0 || __builtin_mul_overflow(n, entry->dims[i], &n))
            return fail(STATUS_INPUT, "%s: tensor %s: shape %s is impossible", entry->file, entry->name,
                        tensor_shape(shape, entry->n_dims, entry->dims));
    int64_t row_length = entry->n_dims ? entry->dims[entry->n_dims - 1] : 1;
    if (row_length % row->block)
        return fail(STATUS_INPUT, "%s: tensor %s: rows of %lld elements, expected a multiple of %d (the block of %s)", entry->file,
                    entry->name, (long long)row_length, row->block, row->name);
    if (__builtin_mul_overflow(n / row->block, (int64_t)row->bytes, &entry->n_bytes))
        return fail(STATUS_INPUT, "%s: tensor %s: shape %s is impossible", entry->file, entry->name,
                    tensor_shape(shape, entry->n_dims, entry->dims));
    return STATUS_OK;
}
