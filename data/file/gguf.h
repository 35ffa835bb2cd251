/* GGUF, versions 2 and 3, little-endian: typed metadata, then tensors in ggml's block formats. What llama.cpp stores.
 *
 * The file stays mapped: strings and numbers are read where they stand, so a string has a length and no NUL behind it.
 * Tensor shapes are turned round to PyTorch's order (ggml writes the contiguous dimension first; the bytes are the same).
 * Every count, length and offset is checked against the file before anything is allocated for it.
 * A model split into NAME-00001-of-0000N.gguf is opened by its first file; metadata is the first file's.
 * Source: ggml/docs/gguf.md; ggml/src/gguf.cpp for what is refused. */
#ifndef DATA_FILE_GGUF_H
#define DATA_FILE_GGUF_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/mapped.h"
#include "data/file/tensors.h"
#include "kernels/status.h"

typedef enum { GGUF_INTEGER, GGUF_REAL, GGUF_BOOL, GGUF_STRING } GgufKind;
typedef struct { const char *bytes; int64_t n; } GgufString;         /* UTF-8 as a rule, not checked; may hold NULs */
typedef struct GgufValue GgufValue;                                  /* one value, or an array of one kind */

typedef struct {
    const char *path;         /* of the first file, for messages */
    Tensors     tensors;
    GgufValue  *value;        /* in order of key */
    int         n_values, cap_values;
    Mapped     *file;
    int         n_files, cap_files;
} Gguf;

Status gguf_open(Gguf *, const char *path);
void   gguf_close(Gguf *);                                           /* accepts {0} */
bool   gguf_is_named(const char *path);                              /* ends in .gguf */

/* Metadata. Reading accepts NULL, an index outside and the wrong kind, and then gives 0, false or an empty string, so a
 * caller that does not know checks `gguf_kind` and `gguf_count` once. */
const GgufValue *gguf_find(const Gguf *, const char *key);           /* O(log n); NULL when absent */
GgufKind   gguf_kind(const GgufValue *);                             /* not of NULL */
const char *gguf_kind_name(const GgufValue *);                       /* "missing", "an integer", "a list of strings", …, for messages */
bool       gguf_is_list(const GgufValue *);
int64_t    gguf_count(const GgufValue *);                            /* elements of a list; 1 for a single value; 0 for NULL */
int64_t    gguf_integer(const GgufValue *, int64_t i);               /* any width; beyond int64 clamped */
double     gguf_real(const GgufValue *, int64_t i);                  /* integers too */
bool       gguf_bool(const GgufValue *, int64_t i);
GgufString gguf_string(const GgufValue *, int64_t i);
char      *gguf_copy_string(const GgufValue *, int64_t i);           /* NUL-terminated, the caller's to free; never NULL */

/* The value of a key that must be there and of this kind (GGUF_REAL takes integers too), alone or as a list. */
Status gguf_need(const GgufValue **, const Gguf *, const char *key, GgufKind kind);

/* Parses one mapped file into an empty Gguf, without following splits; `file->path` and bytes must outlive it. */
Status gguf_parse(Gguf *, const Mapped *file);

#endif
