/* GGUF: what the gguf package writes is read back (tests/peers/golden_gguf.py); every lie a file can tell, with its message. */
#include "tests/testing.h"

#include "data/file/gguf.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"

#define GOLDEN GRAFT_GOLDEN "/gguf/"

static void assert_text(const GgufValue *value, int64_t i, const char *expected)
{
    char *text = gguf_copy_string(value, i);
    assert_string_equal(text, expected);
    assert_int_equal(gguf_string(value, i).n, strlen(expected));
    free(text);
}

static void reads_every_kind(void **state)
{
    (void)state;
    Gguf gguf = {0};
    assert_ok(gguf_open(&gguf, GOLDEN "kinds.gguf"));
    const struct { const char *key; int64_t value; } integers[] = {
        { "t.u8", 250 }, { "t.i8", -100 }, { "t.u16", 65000 }, { "t.i16", -30000 }, { "t.u32", 4000000000 }, { "t.i32", -2000000000 },
        { "t.u64", INT64_MAX }, { "t.i64", -(INT64_C(1) << 62) },
    };
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        const GgufValue *value = gguf_find(&gguf, integers[i].key);
        assert_string_equal(gguf_kind_name(value), "an integer");
        assert_true(gguf_integer(value, 0) == integers[i].value);
    }
    assert_true(gguf_real(gguf_find(&gguf, "t.f32"), 0) == 0.5 && gguf_real(gguf_find(&gguf, "t.f64"), 0) == 0.1);
    assert_true(gguf_real(gguf_find(&gguf, "t.i8"), 0) == -100);
    assert_true(gguf_bool(gguf_find(&gguf, "t.yes"), 0) && !gguf_bool(gguf_find(&gguf, "t.no"), 0));
    assert_text(gguf_find(&gguf, "t.string"), 0, "Grüße");
    assert_text(gguf_find(&gguf, "t.empty"), 0, "");

    const GgufValue *strings = gguf_find(&gguf, "t.strings"), *list = gguf_find(&gguf, "t.integers");
    assert_true(gguf_is_list(strings) && gguf_count(strings) == 3);
    assert_string_equal(gguf_kind_name(strings), "a list of strings");
    assert_text(strings, 0, "a");
    assert_text(strings, 1, "");
    assert_text(strings, 2, "▁the");
    assert_true(gguf_count(list) == 3 && gguf_integer(list, 1) == -2 && gguf_integer(list, 2) == 3);
    assert_true(gguf_real(gguf_find(&gguf, "t.reals"), 1) == -1.5);
    assert_true(gguf_bool(gguf_find(&gguf, "t.bools"), 0) && !gguf_bool(gguf_find(&gguf, "t.bools"), 1));
    gguf_close(&gguf);
}

static void wrong_questions_have_empty_answers(void **state)
{
    (void)state;
    Gguf gguf = {0};
    assert_ok(gguf_open(&gguf, GOLDEN "kinds.gguf"));
    const GgufValue *string = gguf_find(&gguf, "t.string"), *list = gguf_find(&gguf, "t.integers"), *value = NULL;
    assert_null(gguf_find(&gguf, "t"));
    assert_true(!gguf_integer(NULL, 0) && !gguf_integer(string, 0) && !gguf_integer(list, 3) && !gguf_integer(list, -1));
    assert_true(!gguf_count(NULL) && !gguf_is_list(NULL) && !gguf_bool(string, 0) && gguf_real(string, 0) == 0);
    assert_text(list, 0, "");
    assert_text(string, 1, "");
    assert_text(NULL, 0, "");
    assert_ok(gguf_need(&value, &gguf, "t.u8", GGUF_REAL));
    assert_ok(gguf_need(&value, &gguf, "t.integers", GGUF_INTEGER));
    assert_fails(STATUS_INPUT, GOLDEN "kinds.gguf: key t.u8 is an integer, expected a string", gguf_need(&value, &gguf, "t.u8", GGUF_STRING));
    assert_fails(STATUS_INPUT, GOLDEN "kinds.gguf: key x is missing, expected an integer", gguf_need(&value, &gguf, "x", GGUF_INTEGER));
    gguf_close(&gguf);
}

static void reads_tensors(void **state)
{
    (void)state;
    Gguf gguf = {0};
    assert_ok(gguf_open(&gguf, GOLDEN "kinds.gguf"));
    assert_int_equal(gguf.tensors.n, 4);
    const char *names[] = { "ramp.f32", "ramp.f16", "ramp.q8_0" };
    for (int i = 0; i < 3; i++) {
        const TensorEntry *ramp = tensors_find(&gguf.tensors, names[i]);
        assert_true(ramp->n_dims == 2 && ramp->dims[0] == 2 && ramp->dims[1] == 64);
        float got[128];
        dtype_rows[ramp->dtype].decode(ramp->bytes, 128, got);
        for (int k = 0; k < 128; k++) assert_float_equal(got[k], (float)k / 8 - 7, ramp->dtype == DTYPE_Q8_0 ? 0.04f : 0);   /* half of 9 / 127 */
    }
    const TensorEntry *cube = tensors_find(&gguf.tensors, "cube");
    assert_true(cube->dtype == DTYPE_I32 && cube->n_dims == 3 && cube->dims[0] == 2 && cube->dims[1] == 3 && cube->dims[2] == 4);
    gguf_close(&gguf);
}

static void reads_splits(void **state)
{
    (void)state;
    Gguf gguf = {0};
    assert_ok(gguf_open(&gguf, GOLDEN "split-00001-of-00003.gguf"));
    assert_true(gguf.n_files == 3 && gguf.tensors.n == 3);
    assert_text(gguf_find(&gguf, "t.string"), 0, "first file only");
    const char *names[] = { "t0", "t1", "t2" };
    for (int i = 0; i < 3; i++) {
        float x;
        memcpy(&x, tensors_find(&gguf.tensors, names[i])->bytes, sizeof x);
        assert_true(x == (float)i);
    }
    gguf_close(&gguf);
    assert_fails(STATUS_INPUT, GOLDEN "split-00002-of-00003.gguf: is part 2 of 3; give the first, whose name ends in -00001-of-00003.gguf",
                 gguf_open(&gguf, GOLDEN "split-00002-of-00003.gguf"));
    assert_true(!gguf.n_files && !gguf.n_values);
}

/* Files that lie: a good small file, but for what is set. */
typedef struct {
    const char *magic;
    uint32_t version, type, n_dims;
    uint64_t n_tensors, n_values, dim, offset, key_length, alignment;
    bool     twice, no_data;
} Lie;

static void add_u32(Buffer *out, uint32_t x) { buffer_add(out, &x, sizeof x); }
static void add_u64(Buffer *out, uint64_t x) { buffer_add(out, &x, sizeof x); }

static void add_string(Buffer *out, const char *text, uint64_t n)
{
    add_u64(out, n ? n : strlen(text));
    buffer_add_string(out, text);
}

static void add_tensor(Buffer *out, const char *name, Lie lie)
{
    add_string(out, name, 0);
    add_u32(out, lie.n_dims ? lie.n_dims : 1);
    for (uint32_t i = 0; i < (lie.n_dims ? lie.n_dims : 1); i++) add_u64(out, lie.dim ? lie.dim : 32);
    add_u32(out, lie.type);
    add_u64(out, lie.offset);
}

static Buffer file_bytes(Lie lie)
{
    Buffer out = {0};
    buffer_add_string(&out, lie.magic ? lie.magic : "GGUF");
    add_u32(&out, lie.version ? lie.version : 3);
    add_u64(&out, lie.n_tensors ? lie.n_tensors : lie.twice ? 2 : 1);
    add_u64(&out, lie.n_values ? lie.n_values : 1);
    add_string(&out, "general.alignment", lie.key_length);
    add_u32(&out, 4);
    add_u32(&out, lie.alignment ? (uint32_t)lie.alignment : 64);
    add_tensor(&out, "a", lie);
    if (lie.twice) add_tensor(&out, "a", (Lie){ .offset = 128 });
    while (out.len % 64) buffer_add_char(&out, 0);
    for (int i = 0; i < 256 && !lie.no_data; i++) buffer_add_char(&out, 0);
    return out;
}

static void assert_refuses(Lie lie, const char *message)
{
    Buffer bytes = file_bytes(lie);
    Mapped file = { .path = (char *)"f", .bytes = (const uint8_t *)bytes.data, .n_bytes = bytes.len };
    Gguf gguf = {0};
    assert_fails(STATUS_INPUT, message, gguf_parse(&gguf, &file));
    assert_true(!gguf.n_values && !gguf.tensors.n);
    buffer_free(&bytes);
}

static void refuses_lies(void **state)
{
    (void)state;
    const uint64_t huge = UINT64_MAX;
    assert_refuses((Lie){ .magic = "GGML" }, "f: does not begin with GGUF: not a GGUF file");
    assert_refuses((Lie){ .version = 1 }, "f: GGUF version 1, expected 2 or 3; convert the model again");
    assert_refuses((Lie){ .version = 4 }, "f: GGUF version 4, expected 2 or 3");
    assert_refuses((Lie){ .version = 3u << 24 }, "f: a big-endian GGUF file; convert it with gguf-convert-endian");
    assert_refuses((Lie){ .n_tensors = huge }, "f: claims 18446744073709551615 tensors at byte 24, the file has 384 bytes: it is cut short or damaged");
    assert_refuses((Lie){ .n_values = huge }, "f: claims 18446744073709551615 keys at byte 24, the file has 384 bytes: it is cut short or damaged");
    assert_refuses((Lie){ .n_values = 20 }, "f: key  stands twice");         /* zeros read as keys */
    assert_refuses((Lie){ .key_length = huge }, "f: 18446744073709551615 bytes wanted at byte 32, the file has 384: it is cut short or damaged");
    assert_refuses((Lie){ .alignment = 48 }, "f: general.alignment is 48, expected a power of two");
    assert_refuses((Lie){ .n_dims = 5 }, "f: tensor a: 5 dimensions, expected at most 4");
    assert_refuses((Lie){ .dim = huge }, "f: tensor a: a dimension of 18446744073709551615");
    assert_refuses((Lie){ .dim = INT64_MAX }, "f: tensor a: shape [9223372036854775807] is impossible");
    assert_refuses((Lie){ .dim = INT64_C(1) << 33, .n_dims = 2 }, "f: tensor a: shape [8589934592, 8589934592] is impossible");
    assert_refuses((Lie){ .dim = 33, .type = 2 }, "f: tensor a: rows of 33 elements, expected a multiple of 32 (the block of Q4_0)");
    assert_refuses((Lie){ .dim = 65 }, "f: tensor a: 260 bytes at byte 0 of the data, which has 256: the file is cut short");
    assert_refuses((Lie){ .no_data = true }, "f: tensor a: 128 bytes at byte 0 of the data, which has 0: the file is cut short");
    assert_refuses((Lie){ .offset = 32 }, "f: tensor a: offset 32, expected a multiple of 64");
    assert_refuses((Lie){ .offset = 192 }, "f: tensor a: 128 bytes at byte 192 of the data, which has 256: the file is cut short");
    assert_refuses((Lie){ .offset = huge - 63 },
                   "f: tensor a: 128 bytes at byte 18446744073709551552 of the data, which has 256: the file is cut short");
    assert_refuses((Lie){ .twice = true }, "f: tensor a stands twice");
    assert_refuses((Lie){ .twice = true, .offset = 64 }, "f: tensors a and a overlap");
    assert_refuses((Lie){ .type = 23 }, "f: tensor a: type IQ4_XS (23) is not supported, supported are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, "
                                        "Q4_K, Q5_K, Q6_K; quantise the model to one of these");
    assert_refuses((Lie){ .type = 99 }, "f: tensor a: type unknown (99) is not supported, supported are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, "
                                        "Q4_K, Q5_K, Q6_K; quantise the model to one of these");
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    Mapped whole = {0};
    assert_ok(mapped_open(&whole, GOLDEN "kinds.gguf"));
    for (size_t n = 0; n < whole.n_bytes - 31; n++) {        /* the last tensor ends within the last padding */
        uint8_t *bytes = memory_copy(whole.bytes, n, 1);
        Mapped file = { .path = (char *)"f", .bytes = bytes, .n_bytes = n };
        Gguf gguf = {0};
        assert_int_equal(gguf_parse(&gguf, &file), STATUS_INPUT);
        free(bytes);
    }
    mapped_close(&whole);
}

static void refuses_lists(void **state)
{
    (void)state;
    const struct { uint32_t element; uint64_t n; const char *message; } cases[] = {
        { 4, UINT64_MAX / 4 + 1, "key k: f: claims 4611686018427387904 elements at byte 49, the file has 65 bytes: it is cut short or damaged" },
        { 8, UINT64_MAX / 8 + 1, "key k: f: claims 2305843009213693952 elements at byte 49, the file has 65 bytes: it is cut short or damaged" },
        { 8, 2, "key k: f: 9 bytes wanted at byte 57, the file has 65: it is cut short or damaged" },
        { 9, 1, "f: key k: unknown type 9" },
        { 13, 1, "f: key k: unknown type 13" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buffer out = {0};
        buffer_add_string(&out, "GGUF");
        add_u32(&out, 2);
        add_u64(&out, 0);
        add_u64(&out, 1);
        add_string(&out, "k", 0);
        add_u32(&out, 9);
        add_u32(&out, cases[i].element);
        add_u64(&out, cases[i].n);
        add_u64(&out, 9);
        add_u64(&out, 0);
        Mapped file = { .path = (char *)"f", .bytes = (const uint8_t *)out.data, .n_bytes = out.len };
        Gguf gguf = {0};
        assert_fails(STATUS_INPUT, cases[i].message, gguf_parse(&gguf, &file));
        buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_kind), cmocka_unit_test(wrong_questions_have_empty_answers), cmocka_unit_test(reads_tensors),
        cmocka_unit_test(reads_splits), cmocka_unit_test(refuses_lies), cmocka_unit_test(refuses_every_truncation), cmocka_unit_test(refuses_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
