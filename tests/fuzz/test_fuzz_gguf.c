/* GGUF from anywhere: refused with a reason, or every value and tensor that it promises can be read. */
#include "tests/fuzz/mutate.h"

#include "data/file/gguf.h"
#include "tests/fuzz/tensors.h"

static const char *const keys[] = {
    "general.architecture", "general.alignment", "t.u8", "t.i8", "t.u16", "t.i16", "t.u32", "t.i32", "t.u64", "t.i64", "t.f32", "t.f64", "t.yes", "t.no",
    "t.string", "t.empty", "t.strings", "t.integers", "t.reals", "t.bools", "split.no", "split.count",
};

static void touch_value(const GgufValue *value)
{
    volatile double sum = 0;
    for (int64_t i = -1; i <= gguf_count(value); i++) {
        sum += (double)gguf_integer(value, i) + gguf_real(value, i) + gguf_bool(value, i);
        free(gguf_copy_string(value, i));
    }
    (void)sum;
    CHECK(*gguf_kind_name(value));
}

static void touch(const Gguf *gguf)
{
    const GgufValue *value;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        touch_value(gguf_find(gguf, keys[i]));
        fuzz_check(gguf_need(&value, gguf, keys[i], (GgufKind)(i % 4)));
    }
    touch_tensors(&gguf->tensors);
}

static void write_part(int i)
{
    Mapped part = {0};
    char name[64];
    snprintf(name, sizeof name, "split-%05d-of-00003.gguf", i);
    char *path = memory_format("%s/gguf/%s", GRAFT_GOLDEN, name);
    CHECK(mapped_open(&part, path) == STATUS_OK);
    fuzz_file(name, (Seed){ .bytes = (const char *)part.bytes, .n = part.n_bytes });
    mapped_close(&part);
    free(path);
}

/* As the first part of a model whose others are whole. */
static void open_split(Seed first)
{
    static bool has_others;
    for (int i = 2; i <= 3 && !has_others; i++) write_part(i);
    has_others = true;
    Gguf gguf = {0};
    fuzz_file("split-00001-of-00003.gguf", first);
    char *path = memory_format("%s/split-00001-of-00003.gguf", fuzz_folder());
    Status status = gguf_open(&gguf, path);
    fuzz_check(status);
    if (status == STATUS_OK) touch(&gguf);
    gguf_close(&gguf);
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Gguf gguf = {0};
    Mapped file = { .path = (char *)"fuzz", .bytes = bytes, .n_bytes = n };
    Status status = gguf_parse(&gguf, &file);
    fuzz_check(status);
    CHECK(status == STATUS_OK || (!gguf.n_values && !gguf.tensors.n));
    bool split = gguf_integer(gguf_find(&gguf, "split.count"), 0) > 1;
    touch(&gguf);
    gguf_close(&gguf);
    if (split) open_split((Seed){ .bytes = (const char *)bytes, .n = n });
    return 0;
}

const Fuzz fuzz = { .golden = (const char *const[]){ "gguf/*.gguf", NULL } };
