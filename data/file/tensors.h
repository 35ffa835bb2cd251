/* The tensors of a model's files, whatever the format: what safetensors and GGUF readers give, found by name.
 *
 * Bytes belong to the mapped file and are never copied. They may stand at any address: read them through a dtype's
 * `decode` or memcpy, not through a float pointer. Sizes were checked: n_bytes is the product of dims in this dtype, and all
 * of it lies inside the file. */
#ifndef DATA_FILE_TENSORS_H
#define DATA_FILE_TENSORS_H
#include <stdint.h>

#include "kernels/dtype.h"
#include "kernels/status.h"

enum { TENSOR_MAX_DIMS = 8, TENSOR_SHAPE_TEXT = 192 };

typedef struct {
    const char *name;
    Dtype       dtype;
    int         n_dims;
    int64_t     dims[TENSOR_MAX_DIMS];    /* row-major, as PyTorch prints a shape: the last one is contiguous */
    const void *bytes;
    int64_t     n_bytes;
    const char *file;                     /* path, for messages */
} TensorEntry;

typedef struct { TensorEntry *entry; int n, cap; } Tensors;      /* entry[0..n) in order of name */

const TensorEntry *tensors_find(const Tensors *, const char *name);      /* O(log n); NULL when absent */
void               tensors_free(Tensors *);

/* "[2, 3]" into `out`, which is returned. */
const char *tensor_shape(char out[TENSOR_SHAPE_TEXT], int n_dims, const int64_t *dims);

/* For readers. Tensors are added in any order (names are copied), then sorted once. */
void   tensors_add(Tensors *, TensorEntry);
Status tensors_sort(Tensors *);                          /* refuses a name that stands twice */
Status tensors_check_overlap(const Tensors *, int first);   /* entry[first..n), of one file, share no byte */
Status tensor_count_bytes(TensorEntry *);                /* n_bytes from dims and dtype; refuses overflow and broken blocks */

#endif
