#include "data/file/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/file/json.h"
#include "kernels/memory.h"

enum { LENGTH_BYTES = 8, MAX_HEADER_BYTES = 100000000 };     /* the library's own limit */

/* The data section of a file being read. */
typedef struct { const char *path; const uint8_t *bytes; int64_t n_bytes; } Data;

static Status read_header(Json **header, Data *data, const Mapped *file)
{
    uint64_t length = 0;
    if (file->n_bytes < LENGTH_BYTES)
        return fail(STATUS_INPUT, "%s: %zu bytes, a safetensors file has at least 8", file->path, file->n_bytes);
    memcpy(&length, file->bytes, LENGTH_BYTES);
    if (length > file->n_bytes - LENGTH_BYTES)
        return fail(STATUS_INPUT, "%s: the header claims %llu bytes, the file has %zu: not safetensors, or cut short", file->path,
                    (unsigned long long)length, file->n_bytes);
    if (length > MAX_HEADER_BYTES)
        return fail(STATUS_INPUT, "%s: a header of %llu bytes, expected at most %d", file->path, (unsigned long long)length, MAX_HEADER_BYTES);
    *data = (Data){ file->path, file->bytes + LENGTH_BYTES + length, (int64_t)(file->n_bytes - LENGTH_BYTES - length) };
    TRY(json_parse(header, file->path, (const char *)file->bytes + LENGTH_BYTES, length), "reading the header");
    if (json_kind(*header) == JSON_OBJECT) return STATUS_OK;
    Status status = fail(STATUS_INPUT, "%s: the header is %s, expected an object", file->path, json_kind_name(*header));
    json_free(*header);
    return status;
}

static Status find_dtype(Dtype *dtype, const Data *data, const Json *member)
{
    const char *name = json_string(json_get(member, "dtype"));
    for (Dtype i = 0; name && i < DTYPE_COUNT; i++) {
        if (!dtype_rows[i].safetensors || strcmp(dtype_rows[i].safetensors, name)) continue;
        *dtype = i;
        return STATUS_OK;
    }
    return fail(STATUS_INPUT, "%s: tensor %s: dtype %s, expected F32, F16, BF16, F64, I64, I32, I16, I8, U8 or BOOL", data->path,
                json_key(member), name ? name : "missing");
}

/* The integers >= 0 of the list under `key`, at most `max` of them. */
static Status read_integers(int64_t *out, int *n, int max, const Data *data, const Json *member, const char *key)
{
    const Json *list = json_get(member, key);
    if (json_kind(list) != JSON_ARRAY)
        return fail(STATUS_INPUT, "%s: tensor %s: %s is %s, expected a list", data->path, json_key(member), key, json_kind_name(list));
    *n = 0;
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        if (json_kind(item) != JSON_INTEGER || json_integer(item) < 0)
            return fail(STATUS_INPUT, "%s: tensor %s: %s holds %s, expected integers from 0", data->path, json_key(member), key,
                        json_kind(item) == JSON_INTEGER ? "a negative number" : json_kind_name(item));
        if (*n == max) return fail(STATUS_INPUT, "%s: tensor %s: %s has more than %d numbers", data->path, json_key(member), key, max);
        out[(*n)++] = json_integer(item);
    }
    return STATUS_OK;
}

static Status read_entry(TensorEntry *entry, const Data *data, const Json *member)
{
    *entry = (TensorEntry){ .name = json_key(member), .file = data->path };
    int64_t place[2];
    int n_places = 0;
    char shape[TENSOR_SHAPE_TEXT];
    if (json_kind(member) != JSON_OBJECT)
        return fail(STATUS_INPUT, "%s: tensor %s: its header is %s, expected an object", data->path, entry->name, json_kind_name(member));
    TRY(find_dtype(&entry->dtype, data, member));
    TRY(read_integers(entry->dims, &entry->n_dims, TENSOR_MAX_DIMS, data, member, "shape"));
    TRY(read_integers(place, &n_places, 2, data, member, "data_offsets"));
    TRY(tensor_count_bytes(entry));
    if (n_places != 2 || place[0] > place[1])
        return fail(STATUS_INPUT, "%s: tensor %s: data_offsets is not a pair [begin, end]", data->path, entry->name);
    if (place[1] > data->n_bytes)
        return fail(STATUS_INPUT, "%s: tensor %s ends at byte %lld of the data, which has %lld: the file is cut short", data->path, entry->name,
                    (long long)place[1], (long long)data->n_bytes);
    if (place[1] - place[0] != entry->n_bytes)
        return fail(STATUS_INPUT, "%s: tensor %s: %lld bytes, expected %lld for %s %s", data->path, entry->name, (long long)(place[1] - place[0]),
                    (long long)entry->n_bytes, dtype_rows[entry->dtype].name, tensor_shape(shape, entry->n_dims, entry->dims));
    entry->bytes = data->bytes + place[0];
    return STATUS_OK;
}

static Status check_metadata(const Data *data, const Json *metadata)
{
    if (json_kind(metadata) == JSON_OBJECT) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: __metadata__ is %s, expected an object", data->path, json_kind_name(metadata));
}

static Status read_entries(Tensors *tensors, const Data *data, const Json *header)
{
    int first = tensors->n;
    int64_t used = 0;
    for (const Json *member = json_first(header); member; member = json_next(member)) {
        if (!strcmp(json_key(member), "__metadata__")) {
            TRY(check_metadata(data, member));
            continue;
        }
        TensorEntry entry;
        TRY(read_entry(&entry, data, member));
        tensors_add(tensors, entry);
        used += entry.n_bytes;
    }
    TRY(tensors_check_overlap(tensors, first));
    if (used != data->n_bytes)
        return fail(STATUS_INPUT, "%s: %lld bytes follow the header, its tensors take %lld", data->path, (long long)data->n_bytes, (long long)used);
    return STATUS_OK;
}

Status safetensors_parse(Tensors *tensors, const Mapped *file)
{
    Json *header = NULL;
    Data data;
    TRY(read_header(&header, &data, file));
    Status status = read_entries(tensors, &data, header);
    json_free(header);
    return status;
}

static Status add_file(Safetensors *model, const char *path)
{
    Mapped file = {0};
    TRY(mapped_open(&file, path));
    MEMORY_PUSH(model->file, model->n_files, model->cap_files) = file;
    return safetensors_parse(&model->tensors, &file);
}

Status safetensors_open(Safetensors *model, const char *path)
{
    Status status = STATUS_OK;
    TRY_GOTO(failed, status, add_file(model, path));
    TRY_GOTO(failed, status, tensors_sort(&model->tensors));
    return STATUS_OK;
failed:
    safetensors_close(model);
    return status;
}

/* The path of a shard once it is open; opens it the first time it is named. */
static Status find_shard(const char **path, Safetensors *model, const char *folder, const char *name)
{
    char *wanted = memory_format("%s/%s", folder, name);
    Status status = STATUS_OK;
    for (int i = 0; i <= model->n_files; i++) {
        if (i == model->n_files) TRY_GOTO(done, status, add_file(model, wanted));
        if (strcmp(model->file[i].path, wanted)) continue;
        *path = model->file[i].path;
        break;
    }
done:
    free(wanted);
    return status;
}

static Status open_shards(Safetensors *model, const char *folder, const char *index, const Json *map)
{
    if (json_kind(map) != JSON_OBJECT) return fail(STATUS_INPUT, "%s: weight_map is %s, expected an object", index, json_kind_name(map));
    for (const Json *item = json_first(map); item; item = json_next(item)) {
        const char *path = NULL, *name = json_string(item);
        if (!name || !*name || strchr(name, '/'))
            return fail(STATUS_INPUT, "%s: weight_map places %s in %s, expected a file of the same folder", index, json_key(item),
                        name ? name : json_kind_name(item));
        TRY(find_shard(&path, model, folder, name), "%s", index);
    }
    return tensors_sort(&model->tensors);
}

static Status check_places(Safetensors *model, const char *folder, const char *index, const Json *map)
{
    for (const Json *item = json_first(map); item; item = json_next(item)) {
        const char *path = NULL;
        TRY(find_shard(&path, model, folder, json_string(item)));
        const TensorEntry *entry = tensors_find(&model->tensors, json_key(item));
        if (!entry || entry->file != path)
            return fail(STATUS_INPUT, "%s: tensor %s should be in %s, but is not", index, json_key(item), path);
    }
    return STATUS_OK;
}

static Status open_index(Safetensors *model, const char *folder, const char *index)
{
    Json *json = NULL;
    Status status = STATUS_OK;
    TRY_GOTO(done, status, json_read(&json, index));
    TRY_GOTO(done, status, open_shards(model, folder, index, json_get(json, "weight_map")));
    TRY_GOTO(done, status, check_places(model, folder, index, json_get(json, "weight_map")));
done:
    if (status != STATUS_OK) safetensors_close(model);
    json_free(json);
    return status;
}

Status safetensors_open_model(Safetensors *model, const char *folder)
{
    char *whole = memory_format("%s/model.safetensors", folder), *index = memory_format("%s.index.json", whole);
    Status status;
    if (!access(whole, F_OK)) status = safetensors_open(model, whole);
    else if (!access(index, F_OK)) status = open_index(model, folder, index);
    else status = fail(STATUS_INPUT, "%s: has neither model.safetensors nor model.safetensors.index.json (a model saved as pytorch_model.bin "
                       "must be saved again with safe_serialization)", folder);
    free(whole);
    free(index);
    return status;
}

/* The library's order: widest dtypes first, then names by byte. */
static const int8_t order_of_dtype[DTYPE_COUNT] = {
    [DTYPE_I64] = 1, [DTYPE_F64] = 2, [DTYPE_F32] = 3, [DTYPE_I32] = 4, [DTYPE_BF16] = 5, [DTYPE_F16] = 6, [DTYPE_I16] = 7, [DTYPE_I8] = 8,
    [DTYPE_U8] = 9, [DTYPE_BOOL] = 10,
};

static int by_dtype_and_name(const void *a, const void *b)
{
    const TensorEntry *x = a, *y = b;
    int wider = order_of_dtype[x->dtype] - order_of_dtype[y->dtype];
    return wider ? wider : strcmp(x->name, y->name);
}

static void add_quoted(Buffer *out, const char *text)
{
    Json *string = json_new_string(text);
    json_print(out, string, (JsonStyle){0});
    json_free(string);
}

static void add_member(Buffer *out, const TensorEntry *entry, int64_t offset)
{
    buffer_add_char(out, ',');
    add_quoted(out, entry->name);
    buffer_format(out, ":{\"dtype\":\"%s\",\"shape\":[", dtype_rows[entry->dtype].safetensors);
    for (int i = 0; i < entry->n_dims; i++) buffer_format(out, i ? ",%lld" : "%lld", (long long)entry->dims[i]);
    buffer_format(out, "],\"data_offsets\":[%lld,%lld]}", (long long)offset, (long long)(offset + entry->n_bytes));
}

static Status write_header(OutputFile *out, TensorEntry *entry, int n)
{
    Buffer header = {0};
    int64_t offset = 0;
    buffer_add_string(&header, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (int i = 0; i < n; i++) {
        CHECK(dtype_rows[entry[i].dtype].safetensors, "tensor %s: safetensors has no %s", entry[i].name, dtype_rows[entry[i].dtype].name);
        CHECK(tensor_count_bytes(&entry[i]) == STATUS_OK, "%s", status_message());
        add_member(&header, &entry[i], offset);
        offset += entry[i].n_bytes;
    }
    buffer_add_char(&header, '}');
    while (header.len % 8) buffer_add_char(&header, ' ');
    uint64_t length = header.len;
    Status status = output_file_write(out, &length, LENGTH_BYTES);
    if (status == STATUS_OK) status = output_file_write(out, header.data, header.len);
    buffer_free(&header);
    return status;
}

Status safetensors_write(OutputFile *out, const TensorEntry *entry, int n, SafetensorsSource *source, void *ctx)
{
    TensorEntry *ordered = memory_copy(entry, (size_t)n, sizeof *ordered);
    Status status = STATUS_OK;
    if (n) qsort(ordered, (size_t)n, sizeof *ordered, by_dtype_and_name);
    TRY_GOTO(done, status, write_header(out, ordered, n));
    for (int i = 0; i < n; i++) {
        const void *bytes = ordered[i].bytes;
        if (!bytes && ordered[i].n_bytes) TRY_GOTO(done, status, source(ctx, &ordered[i], &bytes), "tensor %s", ordered[i].name);
        TRY_GOTO(done, status, output_file_write(out, bytes, (size_t)ordered[i].n_bytes));
    }
done:
    free(ordered);
    return status;
}

void safetensors_close(Safetensors *model)
{
    for (int i = 0; i < model->n_files; i++) mapped_close(&model->file[i]);
    free(model->file);
    tensors_free(&model->tensors);
    *model = (Safetensors){0};
}

Status safetensors_save(const char *path, const TensorEntry *entry, int n)
{
    OutputFile out = {0};
    Status status;
    TRY_GOTO(done, status, output_file_open(&out, path));
    TRY_GOTO(done, status, safetensors_write(&out, entry, n, NULL, NULL));
    status = output_file_commit(&out);
done:
    output_file_discard(&out);
    return status;
}
