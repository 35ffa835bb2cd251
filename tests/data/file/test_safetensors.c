/* safetensors: what a good file gives; every lie a header can tell, with its message; models in shards; written files equal
 * the library's (tests/peers/golden_safetensors.py). */
#include "tests/testing.h"

#include "data/file/safetensors.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"

/* The bytes of a file with this header and n_data bytes 0, 1, 2, … of data. */
static Buffer file_bytes(const char *header, int n_data)
{
    Buffer out = {0};
    uint64_t length = strlen(header);
    buffer_add(&out, &length, sizeof length);
    buffer_add_string(&out, header);
    for (int i = 0; i < n_data; i++) buffer_add_char(&out, (char)i);
    return out;
}

static Status parse(Tensors *tensors, const char *header, int n_data)
{
    Buffer bytes = file_bytes(header, n_data);
    Mapped file = { .path = (char *)"f", .bytes = (const uint8_t *)bytes.data, .n_bytes = bytes.len };
    Status status = safetensors_parse(tensors, &file);
    buffer_free(&bytes);
    return status;
}

static void assert_refuses(const char *header, int n_data, const char *message)
{
    Tensors tensors = {0};
    assert_fails(STATUS_INPUT, message, parse(&tensors, header, n_data));
    tensors_free(&tensors);
}

static void refuses_lying_lengths(void **state)
{
    (void)state;
    Tensors tensors = {0};
    const struct { uint64_t length; size_t n; const char *message; } cases[] = {
        { 0, 0, "f: 0 bytes, a safetensors file has at least 8" },
        { 2, 7, "f: 7 bytes, a safetensors file has at least 8" },
        { 3, 10, "f: the header claims 3 bytes, the file has 10: not safetensors, or cut short" },
        { UINT64_MAX, 10, "f: the header claims 18446744073709551615 bytes, the file has 10: not safetensors, or cut short" },
        { UINT64_MAX - 7, 10, "f: the header claims 18446744073709551608 bytes, the file has 10: not safetensors, or cut short" },
        { INT64_MIN, 10, "f: the header claims 9223372036854775808 bytes, the file has 10: not safetensors, or cut short" },
        { 0, 8, "reading the header: f: not JSON (it is empty) at line 1, column 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t bytes[16] = {0};
        memcpy(bytes, &cases[i].length, 8);
        memcpy(bytes + 8, "{}", 2);
        Mapped file = { .path = (char *)"f", .bytes = bytes, .n_bytes = cases[i].n };
        assert_fails(STATUS_INPUT, cases[i].message, safetensors_parse(&tensors, &file));
    }
    tensors_free(&tensors);
}

static void refuses_lying_headers(void **state)
{
    (void)state;
    assert_refuses("[]", 0, "f: the header is a list, expected an object");
    assert_refuses("{\"a\":", 0, "reading the header: f: not JSON at line 1, column 6");
    assert_refuses("{\"__metadata__\":1}", 0, "f: __metadata__ is an integer, expected an object");
    assert_refuses("{\"a\":7}", 0, "f: tensor a: its header is an integer, expected an object");
    assert_refuses("{\"a\":{\"shape\":[1]}}", 0, "f: tensor a: dtype missing, expected F32, F16, BF16, F64, I64, I32, I16, I8, U8 or BOOL");
    assert_refuses("{\"a\":{\"dtype\":\"F8_E4M3\"}}", 0,
                   "f: tensor a: dtype F8_E4M3, expected F32, F16, BF16, F64, I64, I32, I16, I8, U8 or BOOL");
    assert_refuses("{\"a\":{\"dtype\":\"U8\"}}", 0, "f: tensor a: shape is null, expected a list");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1.5]}}", 0, "f: tensor a: shape holds a number, expected integers from 0");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[-1]}}", 0, "f: tensor a: shape holds a negative number, expected integers from 0");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1]}}", 0, "f: tensor a: shape has more than 8 numbers");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1, "f: tensor a: data_offsets is not a pair [begin, end]");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,0]}}", 1, "f: tensor a: data_offsets is not a pair [begin, end]");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 3,
                   "f: tensor a ends at byte 4 of the data, which has 3: the file is cut short");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,9223372036854775807]}}", 3,
                   "f: tensor a ends at byte 9223372036854775807 of the data, which has 3: the file is cut short");
    assert_refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,20]}}", 20, "f: tensor a: 20 bytes, expected 24 for F32 [2, 3]");
    assert_refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
                   "f: tensor a: shape [4294967296, 4294967296] is impossible");
    assert_refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0,
                   "f: tensor a: shape [4611686018427387904] is impossible");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[3,7]}}", 7,
                   "f: tensors a and b overlap");
    assert_refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[5,9]}}", 9,
                   "f: 9 bytes follow the header, its tensors take 8");
}

static void gives_tensors_by_name(void **state)
{
    (void)state;
    Buffer bytes = file_bytes("{\"__metadata__\":{\"format\":\"pt\"},\"w\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
                              "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[12,12]},"
                              "\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[12,20]}}  ", 20);
    Mapped file = { .path = (char *)"f", .bytes = (const uint8_t *)bytes.data, .n_bytes = bytes.len };
    Tensors tensors = {0};
    assert_ok(safetensors_parse(&tensors, &file));
    assert_ok(tensors_sort(&tensors));
    assert_int_equal(tensors.n, 3);
    const TensorEntry *w = tensors_find(&tensors, "w"), *b = tensors_find(&tensors, "b");
    assert_true(w->dtype == DTYPE_BF16 && w->n_dims == 2 && w->dims[0] == 2 && w->dims[1] == 3 && w->n_bytes == 12);
    assert_int_equal(*(const uint8_t *)w->bytes, 0);
    assert_true(b->dtype == DTYPE_I64 && b->n_dims == 0 && b->n_bytes == 8);
    assert_int_equal(*(const uint8_t *)b->bytes, 12);
    assert_int_equal(tensors_find(&tensors, "empty")->n_bytes, 0);
    assert_null(tensors_find(&tensors, "x"));
    tensors_free(&tensors);
    buffer_free(&bytes);
}

/* Folders. */
static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *bytes, size_t n)
{
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void put_shard(const char *name, const char *header, int n_data)
{
    Buffer bytes = file_bytes(header, n_data);
    put(name, bytes.data, bytes.len);
    buffer_free(&bytes);
}

static void put_index(const char *map)
{
    char *text = memory_format("{\"metadata\":{\"total_size\":2},\"weight_map\":%s}", map);
    put("model.safetensors.index.json", text, strlen(text));
    free(text);
}

static void assert_refuses_folder(const char *format)
{
    Safetensors model = {0};
    char *message = memory_format(format, folder, folder);
    assert_fails(STATUS_INPUT, message, safetensors_open_model(&model, folder));
    assert_true(!model.n_files && !model.tensors.n);
    free(message);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/graft-test-XXXXXX");
    return !mkdtemp(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    return output_remove(folder) != STATUS_OK;
}

#define ONE(name) "{\"" name "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void opens_models(void **state)
{
    (void)state;
    Safetensors model = {0};
    assert_refuses_folder("%s: has neither model.safetensors nor model.safetensors.index.json (a model saved as pytorch_model.bin must be saved "
                          "again with safe_serialization)");
    put_shard("s1", ONE("a"), 1);
    put_shard("s2", ONE("b"), 1);
    put_index("{\"b\":\"s2\",\"a\":\"s1\"}");
    assert_ok(safetensors_open_model(&model, folder));
    assert_int_equal(model.tensors.n, 2);
    assert_string_equal(tensors_find(&model.tensors, "b")->file, in_folder("s2"));
    safetensors_close(&model);

    put_index("{\"b\":\"s1\",\"a\":\"s1\"}");
    assert_refuses_folder("%s/model.safetensors.index.json: tensor b should be in %s/s1, but is not");
    put_index("{\"a\":\"s1\",\"c\":\"s3\"}");
    assert_refuses_folder("%s/model.safetensors.index.json: %s/s3: No such file or directory");
    put_index("{\"a\":\"../s1\"}");
    assert_refuses_folder("%s/model.safetensors.index.json: weight_map places a in ../s1, expected a file of the same folder");
    put_index("{\"a\":1}");
    assert_refuses_folder("%s/model.safetensors.index.json: weight_map places a in an integer, expected a file of the same folder");
    put_index("7");
    assert_refuses_folder("%s/model.safetensors.index.json: weight_map is an integer, expected an object");
    put_shard("s2", ONE("a"), 1);
    put_index("{\"b\":\"s2\",\"a\":\"s1\"}");
    Status status = safetensors_open_model(&model, folder);
    assert_int_equal(status, STATUS_INPUT);
    assert_non_null(strstr(status_message(), "tensor a stands twice, also in "));

    put_shard("model.safetensors", ONE("whole"), 1);
    assert_ok(safetensors_open_model(&model, folder));
    assert_non_null(tensors_find(&model.tensors, "whole"));
    safetensors_close(&model);
    put_shard("model.safetensors", "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0);
    assert_refuses_folder("%s/model.safetensors: tensor a stands twice");
}

/* The bytes that a golden entry has, found again by name. */
static Status bytes_of(void *ctx, const TensorEntry *entry, const void **bytes)
{
    *bytes = tensors_find(ctx, entry->name)->bytes;
    return STATUS_OK;
}

static void writes_what_the_library_writes(void **state)
{
    (void)state;
    const char *names[] = { "lora", "mixed", "none" };
    for (int i = 0; i < 3; i++) {
        Safetensors golden = {0};
        OutputFile out = {0};
        Mapped got = {0};
        char *path = memory_format(GRAFT_GOLDEN "/safetensors/%s.safetensors", names[i]);
        assert_ok(safetensors_open(&golden, path));
        TensorEntry *entry = memory_copy(golden.tensors.entry, (size_t)golden.tensors.n, sizeof *entry);
        for (int k = 0; k < golden.tensors.n; k += 2) entry[k].bytes = NULL;       /* asked for when its turn comes */
        assert_ok(output_file_open(&out, in_folder("out")));
        assert_ok(safetensors_write(&out, entry, golden.tensors.n, bytes_of, &golden.tensors));
        assert_ok(output_file_commit(&out));
        assert_ok(mapped_open(&got, in_folder("out")));
        assert_int_equal(got.n_bytes, golden.file[0].n_bytes);
        assert_memory_equal(got.bytes, golden.file[0].bytes, got.n_bytes);
        mapped_close(&got);
        safetensors_close(&golden);
        free(entry);
        free(path);
    }
}

static Status no_bytes(void *ctx, const TensorEntry *entry, const void **bytes)
{
    (void)ctx, (void)bytes;
    return fail(STATUS_FAULT, "%s cannot be made", entry->name);
}

static void a_failing_source_leaves_no_file(void **state)
{
    (void)state;
    OutputFile out = {0};
    TensorEntry entry = { .name = "w", .dtype = DTYPE_F32, .n_dims = 1, .dims = { 3 } };
    assert_ok(output_file_open(&out, in_folder("out")));
    assert_fails(STATUS_FAULT, "tensor w: w cannot be made", safetensors_write(&out, &entry, 1, no_bytes, NULL));
    output_file_discard(&out);
    Mapped file = {0};
    assert_int_equal(mapped_open(&file, in_folder("out")), STATUS_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_lying_lengths), cmocka_unit_test(refuses_lying_headers), cmocka_unit_test(gives_tensors_by_name),
        cmocka_unit_test_setup_teardown(opens_models, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(writes_what_the_library_writes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_failing_source_leaves_no_file, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
