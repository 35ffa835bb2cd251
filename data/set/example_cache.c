#include "data/set/example_cache.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/output.h"
#include "data/file/path.h"
#include "data/file/safetensors.h"
#include "kernels/memory.h"

char *example_cache_path(const char *key)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && *cache) return memory_format("%s/graft/examples/%s.safetensors", cache, key);
    return home && *home ? memory_format("%s/.cache/graft/examples/%s.safetensors", home, key) : NULL;
}

static TensorEntry row(const char *name, Dtype dtype, const void *bytes, int64_t n)
{
    return (TensorEntry){ .name = name, .dtype = dtype, .n_dims = 1, .dims = { n }, .bytes = bytes };
}

/* A tensor's elements, `n` of them or any number (-1). */
static bool read(const Tensors *tensors, const char *name, Dtype dtype, int64_t n, int64_t *count, const void **bytes)
{
    const TensorEntry *t = tensors_find(tensors, name);
    if (!t || t->dtype != dtype || t->n_dims != 1 || (n >= 0 && t->dims[0] != n)) return false;
    if (count) *count = t->dims[0];
    *bytes = t->bytes;
    return true;
}

static void *copied(const void *bytes, int64_t n, size_t size) { return memory_copy(bytes, (size_t)n, size); }

static bool is_sound(const Examples *e, int64_t n_tokens, int32_t vocabulary)
{
    if (e->begin[0] || e->begin[e->n] != n_tokens) return false;
    for (int64_t i = 0; i < e->n; i++)
        if (e->begin[i] > e->begin[i + 1]) return false;
    for (int64_t t = 0; t < n_tokens; t++) {
        if (e->ids[t] < 0 || (vocabulary && e->ids[t] >= vocabulary)) return false;
        if (e->labels[t] != LABEL_NONE && (e->labels[t] < 0 || (vocabulary && e->labels[t] >= vocabulary))) return false;
    }
    return true;
}

static bool take(const Tensors *tensors, int32_t vocabulary, Examples *out, int64_t *number, int n)
{
    int64_t n_begin, n_tokens;
    const void *begin, *ids, *labels, *numbers;
    if (!read(tensors, "begin", DTYPE_I64, -1, &n_begin, &begin) || !read(tensors, "ids", DTYPE_I32, -1, &n_tokens, &ids) ||
        !read(tensors, "labels", DTYPE_I32, n_tokens, NULL, &labels) || !read(tensors, "numbers", DTYPE_I64, n, NULL, &numbers) || n_begin < 2)
        return false;
    Examples e = { .n = n_begin - 1, .cap = n_begin, .cap_tokens = n_tokens, .begin = copied(begin, n_begin, sizeof *e.begin),
                   .ids = copied(ids, n_tokens, sizeof *e.ids), .labels = copied(labels, n_tokens, sizeof *e.labels) };
    bool sound = is_sound(&e, n_tokens, vocabulary);
    if (sound) memcpy(number, numbers, (size_t)n * sizeof *number);
    if (sound) *out = e;
    else examples_free(&e);
    return sound;
}

bool example_cache_load(const char *path, int32_t vocabulary, Examples *out, int64_t *number, int n)
{
    Safetensors file = {0};
    if (!path_exists(path)) return false;
    bool found = safetensors_open(&file, path) == STATUS_OK && take(&file.tensors, vocabulary, out, number, n);
    safetensors_close(&file);
    return found;
}

void example_cache_save(const char *path, const Examples *e, const int64_t *number, int n)
{
    char *folder = memory_string(path), *end = strrchr(folder, '/');
    if (!e->n || !end) {
        free(folder);
        return;
    }
    *end = 0;
    const TensorEntry tensors[] = { row("begin", DTYPE_I64, e->begin, e->n + 1), row("ids", DTYPE_I32, e->ids, e->begin[e->n]),
                                    row("labels", DTYPE_I32, e->labels, e->begin[e->n]), row("numbers", DTYPE_I64, number, n) };
    if (output_make_folder(folder) == STATUS_OK) (void)safetensors_save(path, tensors, 4);
    free(folder);
}
