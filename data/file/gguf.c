#include "data/file/gguf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/buffer.h"
#include "kernels/memory.h"

enum { TYPE_U8, TYPE_I8, TYPE_U16, TYPE_I16, TYPE_U32, TYPE_I32, TYPE_F32, TYPE_BOOL, TYPE_STRING, TYPE_ARRAY, TYPE_U64, TYPE_I64, TYPE_F64,
       TYPE_COUNT };
enum { MAX_DIMS = 4, DEFAULT_ALIGNMENT = 32, MIN_VALUE_BYTES = 13, MIN_TENSOR_BYTES = 24, MIN_STRING_BYTES = 8, MAX_SPLITS = 99999 };

static const struct { int bytes; GgufKind kind; } types[TYPE_COUNT] = {
    [TYPE_U8]  = { 1, GGUF_INTEGER }, [TYPE_I8]  = { 1, GGUF_INTEGER }, [TYPE_U16]  = { 2, GGUF_INTEGER }, [TYPE_I16] = { 2, GGUF_INTEGER },
    [TYPE_U32] = { 4, GGUF_INTEGER }, [TYPE_I32] = { 4, GGUF_INTEGER }, [TYPE_U64]  = { 8, GGUF_INTEGER }, [TYPE_I64] = { 8, GGUF_INTEGER },
    [TYPE_F32] = { 4, GGUF_REAL },    [TYPE_F64] = { 8, GGUF_REAL },    [TYPE_BOOL] = { 1, GGUF_BOOL },    [TYPE_STRING] = { 0, GGUF_STRING },
};

/* Tensor types that exist in ggml and not in kernels/dtype. */
static const char *const unsupported[] = {
    [9] = "Q8_1", [10] = "Q2_K", [11] = "Q3_K", [15] = "Q8_K", [16] = "IQ2_XXS", [17] = "IQ2_XS", [18] = "IQ3_XXS", [19] = "IQ1_S",
    [20] = "IQ4_NL", [21] = "IQ3_S", [22] = "IQ2_S", [23] = "IQ4_XS", [29] = "IQ1_M", [34] = "TQ1_0", [35] = "TQ2_0", [39] = "MXFP4",
    [40] = "NVFP4", [41] = "Q1_0",
};

struct GgufValue {
    char          *key;
    unsigned       type;      /* of an element */
    bool           list;
    int64_t        n;
    const uint8_t *bytes;     /* n numbers, */
    GgufString    *string;    /* or n strings */
};

/* The file, read from front to back. */
typedef struct { const char *path; const uint8_t *bytes; size_t n, at; } Cursor;

static Status take(Cursor *c, uint64_t n, const uint8_t **bytes)
{
    if (n > c->n - c->at)
        return fail(STATUS_INPUT, "%s: %llu bytes wanted at byte %zu, the file has %zu: it is cut short or damaged", c->path, (unsigned long long)n,
                    c->at, c->n);
    *bytes = c->bytes + c->at;
    c->at += n;
    return STATUS_OK;
}

static Status read_u32(Cursor *c, uint32_t *x)
{
    const uint8_t *bytes = NULL;
    TRY(take(c, sizeof *x, &bytes));
    memcpy(x, bytes, sizeof *x);
    return STATUS_OK;
}

static Status read_u64(Cursor *c, uint64_t *x)
{
    const uint8_t *bytes = NULL;
    TRY(take(c, sizeof *x, &bytes));
    memcpy(x, bytes, sizeof *x);
    return STATUS_OK;
}

static Status read_string(Cursor *c, GgufString *string)
{
    uint64_t n = 0;
    const uint8_t *bytes = NULL;
    TRY(read_u64(c, &n));
    TRY(take(c, n, &bytes));
    *string = (GgufString){ (const char *)bytes, (int64_t)n };
    return STATUS_OK;
}

/* A key or a tensor's name: a C string. */
static Status read_name(Cursor *c, char **name)
{
    GgufString string = {0};
    TRY(read_string(c, &string));
    if (memchr(string.bytes, 0, (size_t)string.n)) return fail(STATUS_INPUT, "%s: a name with a NUL byte before byte %zu", c->path, c->at);
    *name = memory_new((size_t)string.n + 1, 1);
    memcpy(*name, string.bytes, (size_t)string.n);
    return STATUS_OK;
}

/* `n` things of at least `bytes` each must fit in what is left of the file. */
static Status check_count(const Cursor *c, const char *what, uint64_t n, uint64_t bytes)
{
    if (n <= (c->n - c->at) / bytes && n <= INT_MAX) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: claims %llu %s at byte %zu, the file has %zu bytes: it is cut short or damaged", c->path, (unsigned long long)n,
                what, c->at, c->n);
}

static Status read_elements(Cursor *c, GgufValue *value, uint64_t n)
{
    if (value->type >= TYPE_COUNT || value->type == TYPE_ARRAY)
        return fail(STATUS_INPUT, "%s: key %s: unknown type %u", c->path, value->key, value->type);
    bool strings = value->type == TYPE_STRING;
    int bytes = strings ? MIN_STRING_BYTES : types[value->type].bytes;
    TRY(check_count(c, "elements", n, (uint64_t)bytes), "key %s", value->key);
    value->n = (int64_t)n;
    if (!strings) return take(c, n * (uint64_t)bytes, &value->bytes);
    value->string = memory_new(n, sizeof *value->string);
    for (uint64_t i = 0; i < n; i++) TRY(read_string(c, &value->string[i]), "key %s", value->key);
    return STATUS_OK;
}

static Status read_value(Cursor *c, GgufValue *value)
{
    uint64_t n = 1;
    TRY(read_name(c, &value->key));
    TRY(read_u32(c, &value->type));
    value->list = value->type == TYPE_ARRAY;
    if (value->list) {
        TRY(read_u32(c, &value->type));
        TRY(read_u64(c, &n));
    }
    return read_elements(c, value, n);
}

static int by_key(const void *a, const void *b) { return strcmp(((const GgufValue *)a)->key, ((const GgufValue *)b)->key); }

static Status read_values(Gguf *gguf, Cursor *c, uint64_t n)
{
    TRY(check_count(c, "keys", n, MIN_VALUE_BYTES));
    for (uint64_t i = 0; i < n; i++) {
        GgufValue *value = &MEMORY_PUSH(gguf->value, gguf->n_values, gguf->cap_values);
        *value = (GgufValue){0};
        TRY(read_value(c, value));
    }
    if (n) qsort(gguf->value, n, sizeof *gguf->value, by_key);
    for (uint64_t i = 1; i < n; i++)
        if (!by_key(&gguf->value[i - 1], &gguf->value[i])) return fail(STATUS_INPUT, "%s: key %s stands twice", c->path, gguf->value[i].key);
    return STATUS_OK;
}

static Status refuse_type(const TensorEntry *entry, uint32_t id)
{
    Buffer known = {0};
    for (Dtype i = 0; i < DTYPE_COUNT; i++)
        if (dtype_rows[i].ggml >= 0 && dtype_rows[i].decode) buffer_format(&known, "%s%s", known.len ? ", " : "", dtype_rows[i].name);
    const char *name = id < sizeof unsupported / sizeof *unsupported ? unsupported[id] : NULL;
    Status status = fail(STATUS_INPUT, "%s: tensor %s: type %s (%u) is not supported, supported are %s; quantise the model to one of these", entry->file,
                         entry->name, name ? name : "unknown", id, known.data);
    buffer_free(&known);
    return status;
}

static Status read_shape(Cursor *c, TensorEntry *entry)
{
    uint32_t n_dims = 0;
    TRY(read_u32(c, &n_dims));
    if (n_dims > MAX_DIMS) return fail(STATUS_INPUT, "%s: tensor %s: %u dimensions, expected at most %d", c->path, entry->name, n_dims, MAX_DIMS);
    entry->n_dims = (int)n_dims;
    for (int i = entry->n_dims - 1; i >= 0; i--) {
        uint64_t dim = 0;
        TRY(read_u64(c, &dim));
        if (dim > INT64_MAX) return fail(STATUS_INPUT, "%s: tensor %s: a dimension of %llu", c->path, entry->name, (unsigned long long)dim);
        entry->dims[i] = (int64_t)dim;
    }
    return STATUS_OK;
}

static Status read_type(Cursor *c, TensorEntry *entry)
{
    uint32_t id = 0;
    TRY(read_u32(c, &id));
    for (entry->dtype = 0; entry->dtype < DTYPE_COUNT; entry->dtype++)
        if (dtype_rows[entry->dtype].ggml == (int64_t)id) return STATUS_OK;
    return refuse_type(entry, id);
}

static Status read_tensor(Cursor *c, TensorEntry *entry, uint64_t *offset)
{
    TRY(read_shape(c, entry));
    TRY(read_type(c, entry));
    TRY(read_u64(c, offset));
    return tensor_count_bytes(entry);
}

static Status read_tensors(Gguf *gguf, Cursor *c, uint64_t *offset, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        char *name = NULL;
        TRY(read_name(c, &name));
        tensors_add(&gguf->tensors, (TensorEntry){ .name = name, .file = c->path });
        free(name);
        TRY(read_tensor(c, &gguf->tensors.entry[i], &offset[i]));
    }
    return STATUS_OK;
}

static Status find_alignment(const Gguf *gguf, uint64_t *alignment)
{
    const GgufValue *value = gguf_find(gguf, "general.alignment");
    *alignment = value ? (uint64_t)gguf_integer(value, 0) : DEFAULT_ALIGNMENT;
    if (*alignment && *alignment <= UINT32_MAX && !(*alignment & (*alignment - 1))) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: general.alignment is %lld, expected a power of two", gguf->path, (long long)*alignment);
}

/* Offsets count from the first multiple of the alignment behind the tensors' table. */
static Status place_tensors(Gguf *gguf, const Cursor *c, const uint64_t *offset)
{
    uint64_t alignment = 0;
    TRY(find_alignment(gguf, &alignment));
    uint64_t start = (c->at + alignment - 1) & ~(alignment - 1), room = start < c->n ? c->n - start : 0;
    for (int i = 0; i < gguf->tensors.n; i++) {
        TensorEntry *entry = &gguf->tensors.entry[i];
        if (offset[i] % alignment)
            return fail(STATUS_INPUT, "%s: tensor %s: offset %llu, expected a multiple of %llu", c->path, entry->name, (unsigned long long)offset[i],
                        (unsigned long long)alignment);
        if (offset[i] > room || (uint64_t)entry->n_bytes > room - offset[i])
            return fail(STATUS_INPUT, "%s: tensor %s: %lld bytes at byte %llu of the data, which has %llu: the file is cut short", c->path, entry->name,
                        (long long)entry->n_bytes, (unsigned long long)offset[i], (unsigned long long)room);
        entry->bytes = c->bytes + (room ? start + offset[i] : 0);
    }
    return tensors_check_overlap(&gguf->tensors, 0);
}

static Status read_version(Cursor *c)
{
    const uint8_t *magic = NULL;
    uint32_t version = 0;
    TRY(take(c, 4, &magic));
    if (memcmp(magic, "GGUF", 4)) return fail(STATUS_INPUT, "%s: does not begin with GGUF: not a GGUF file", c->path);
    TRY(read_u32(c, &version));
    if (version == 2 || version == 3) return STATUS_OK;
    if (!(version & 0xFFFF)) return fail(STATUS_INPUT, "%s: a big-endian GGUF file; convert it with gguf-convert-endian", c->path);
    return fail(STATUS_INPUT, "%s: GGUF version %u, expected 2 or 3%s", c->path, version, version == 1 ? "; convert the model again" : "");
}

static Status read_all(Gguf *gguf, Cursor *c)
{
    uint64_t n_tensors = 0, n_values = 0;
    TRY(read_version(c));
    TRY(read_u64(c, &n_tensors));
    TRY(read_u64(c, &n_values));
    TRY(check_count(c, "tensors", n_tensors, MIN_TENSOR_BYTES));
    TRY(read_values(gguf, c, n_values));
    TRY(check_count(c, "tensors", n_tensors, MIN_TENSOR_BYTES));
    uint64_t *offset = memory_new(n_tensors, sizeof *offset);
    Status status = read_tensors(gguf, c, offset, n_tensors);
    if (status == STATUS_OK) status = place_tensors(gguf, c, offset);
    free(offset);
    TRY(status);
    return tensors_sort(&gguf->tensors);
}

Status gguf_parse(Gguf *gguf, const Mapped *file)
{
    Cursor cursor = { .path = file->path, .bytes = file->bytes, .n = file->n_bytes };
    gguf->path = file->path;
    Status status = read_all(gguf, &cursor);
    if (status != STATUS_OK) gguf_close(gguf);
    return status;
}

static Status open_file(Gguf *gguf, const char *path)
{
    Mapped file = {0};
    TRY(mapped_open(&file, path));
    Status status = gguf_parse(gguf, &file);
    if (status == STATUS_OK) MEMORY_PUSH(gguf->file, gguf->n_files, gguf->cap_files) = file;
    else mapped_close(&file);
    return status;
}

/* Moves tensors and file of `part` into `gguf`. */
static void adopt(Gguf *gguf, Gguf *part)
{
    for (int i = 0; i < part->tensors.n; i++) MEMORY_PUSH(gguf->tensors.entry, gguf->tensors.n, gguf->tensors.cap) = part->tensors.entry[i];
    MEMORY_PUSH(gguf->file, gguf->n_files, gguf->cap_files) = part->file[0];
    part->tensors.n = part->n_files = 0;
    gguf_close(part);
}

static Status open_part(Gguf *gguf, const char *path, int64_t i, int64_t n)
{
    Gguf part = {0};
    TRY(open_file(&part, path));
    int64_t got_i = gguf_integer(gguf_find(&part, "split.no"), 0), got_n = gguf_integer(gguf_find(&part, "split.count"), 0);
    if (got_i != i || got_n != n) {
        Status status = fail(STATUS_INPUT, "%s: says it is part %lld of %lld, expected %lld of %lld", path, (long long)got_i + 1, (long long)got_n,
                             (long long)i + 1, (long long)n);
        gguf_close(&part);
        return status;
    }
    adopt(gguf, &part);
    return STATUS_OK;
}

static Status open_parts(Gguf *gguf, const char *path)
{
    char ending[64], *part = NULL;
    int64_t i = gguf_integer(gguf_find(gguf, "split.no"), 0), n = gguf_integer(gguf_find(gguf, "split.count"), 0);
    snprintf(ending, sizeof ending, "-00001-of-%05lld.gguf", (long long)n);
    size_t length = strlen(path), n_ending = strlen(ending);
    if (i != 0 || n > MAX_SPLITS || length < n_ending || strcmp(path + length - n_ending, ending))
        return fail(STATUS_INPUT, "%s: is part %lld of %lld; give the first, whose name ends in %s", path, (long long)i + 1, (long long)n, ending);
    for (i = 1; i < n; i++) {
        part = memory_format("%.*s-%05lld-of-%05lld.gguf", (int)(length - n_ending), path, (long long)i + 1, (long long)n);
        Status status = open_part(gguf, part, i, n);
        free(part);
        TRY(status);
    }
    int64_t expected = gguf_integer(gguf_find(gguf, "split.tensors.count"), 0);
    if (expected != gguf->tensors.n)
        return fail(STATUS_INPUT, "%s: its parts hold %d tensors, expected %lld", path, gguf->tensors.n, (long long)expected);
    return tensors_sort(&gguf->tensors);
}

Status gguf_open(Gguf *gguf, const char *path)
{
    TRY(open_file(gguf, path));
    if (gguf_integer(gguf_find(gguf, "split.count"), 0) <= 1) return STATUS_OK;
    Status status = open_parts(gguf, path);
    if (status != STATUS_OK) gguf_close(gguf);
    return status;
}

void gguf_close(Gguf *gguf)
{
    for (int i = 0; i < gguf->n_values; i++) {
        free(gguf->value[i].key);
        free(gguf->value[i].string);
    }
    free(gguf->value);
    for (int i = 0; i < gguf->n_files; i++) mapped_close(&gguf->file[i]);
    free(gguf->file);
    tensors_free(&gguf->tensors);
    *gguf = (Gguf){0};
}

const GgufValue *gguf_find(const Gguf *gguf, const char *key)
{
    GgufValue wanted = { .key = (char *)key };
    return gguf->n_values ? bsearch(&wanted, gguf->value, (size_t)gguf->n_values, sizeof wanted, by_key) : NULL;
}

GgufKind gguf_kind(const GgufValue *value) { return types[value->type].kind; }
bool gguf_is_list(const GgufValue *value) { return value && value->list; }
int64_t gguf_count(const GgufValue *value) { return value ? value->n : 0; }

static const char *const kind_names[][2] = {
    [GGUF_INTEGER] = { "an integer", "a list of integers" }, [GGUF_REAL] = { "a number", "a list of numbers" },
    [GGUF_BOOL] = { "a boolean", "a list of booleans" },     [GGUF_STRING] = { "a string", "a list of strings" },
};

const char *gguf_kind_name(const GgufValue *value) { return value ? kind_names[gguf_kind(value)][value->list] : "missing"; }

static bool has(const GgufValue *value, int64_t i, GgufKind kind)
{
    return value && i >= 0 && i < value->n && gguf_kind(value) == kind;
}

int64_t gguf_integer(const GgufValue *value, int64_t i)
{
    if (!has(value, i, GGUF_INTEGER)) return 0;
    int bytes = types[value->type].bytes;
    uint64_t x = 0;
    memcpy(&x, value->bytes + i * bytes, (size_t)bytes);
    switch (value->type) {
    case TYPE_I8: return (int8_t)x;
    case TYPE_I16: return (int16_t)x;
    case TYPE_I32: return (int32_t)x;
    case TYPE_I64: return (int64_t)x;
    default: return x > INT64_MAX ? INT64_MAX : (int64_t)x;
    }
}

double gguf_real(const GgufValue *value, int64_t i)
{
    if (!has(value, i, GGUF_REAL)) return (double)gguf_integer(value, i);
    float single;
    double real;
    if (value->type == TYPE_F32) {
        memcpy(&single, value->bytes + i * 4, sizeof single);
        return (double)single;
    }
    memcpy(&real, value->bytes + i * 8, sizeof real);
    return real;
}

bool gguf_bool(const GgufValue *value, int64_t i) { return has(value, i, GGUF_BOOL) && value->bytes[i]; }
GgufString gguf_string(const GgufValue *value, int64_t i) { return has(value, i, GGUF_STRING) ? value->string[i] : (GgufString){ "", 0 }; }

char *gguf_copy_string(const GgufValue *value, int64_t i)
{
    GgufString string = gguf_string(value, i);
    char *copy = memory_new((size_t)string.n + 1, 1);
    return memcpy(copy, string.bytes, (size_t)string.n);
}

Status gguf_need(const GgufValue **value, const Gguf *gguf, const char *key, GgufKind kind)
{
    *value = gguf_find(gguf, key);
    if (*value && (gguf_kind(*value) == kind || (kind == GGUF_REAL && gguf_kind(*value) == GGUF_INTEGER))) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: key %s is %s, expected %s", gguf->path, key, gguf_kind_name(*value), kind_names[kind][0]);
}

bool gguf_is_named(const char *path)
{
    size_t n = strlen(path);
    return n > 5 && !strcmp(path + n - 5, ".gguf");
}
