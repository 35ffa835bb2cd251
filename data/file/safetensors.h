/* safetensors: an 8-byte little-endian length, a JSON header naming each tensor's dtype, shape and place, then the data.
 *
 * Everything the header says is checked against the file: a length beyond it, a tensor outside it, tensors that overlap
 * or leave gaps, a size that is not shape x dtype, an unknown dtype, a name that stands twice. Written files are the bytes that
 * the Python library 0.8.0 writes for the same tensors with metadata {"format": "pt"}.
 * Source: huggingface/safetensors, README ("Format") and safetensors/src/tensor.rs. */
#ifndef DATA_FILE_SAFETENSORS_H
#define DATA_FILE_SAFETENSORS_H
#include "data/file/mapped.h"
#include "data/file/output.h"
#include "data/file/tensors.h"
#include "kernels/status.h"

typedef struct { Tensors tensors; Mapped *file; int n_files, cap_files; } Safetensors;

Status safetensors_open(Safetensors *, const char *path);            /* one file */
/* A model's folder: model.safetensors, else the shards named by model.safetensors.index.json, each of which must hold
 * what the index places in it. */
Status safetensors_open_model(Safetensors *, const char *folder);
void   safetensors_close(Safetensors *);                             /* accepts {0} */

/* Writes a file of these tensors (name, dtype, dims; any order) to an open output. The bytes of each are `bytes`, or, where
 * that is NULL, what `source` gives when their turn comes; they need to live only until it is asked for the next. */
typedef Status SafetensorsSource(void *ctx, const TensorEntry *, const void **bytes);
Status safetensors_write(OutputFile *, const TensorEntry *entry, int n, SafetensorsSource *source, void *ctx);

/* The same into a file of its own, whole or not at all; every entry has its bytes. */
Status safetensors_save(const char *path, const TensorEntry *entry, int n);

/* Adds the tensors of one mapped file, unsorted; `file->path` must outlive them. */
Status safetensors_parse(Tensors *, const Mapped *file);

#endif
