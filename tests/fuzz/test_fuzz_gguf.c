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

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Gguf gguf = {0};
    Mapped file = { .path = (char *)"fuzz", .bytes = bytes, .n_bytes = n };
    Status status = gguf_parse(&gguf, &file);
    fuzz_check(status);
    CHECK(status == STATUS_OK || (!gguf.n_values && !gguf.tensors.n));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) touch_value(gguf_find(&gguf, keys[i]));
    touch_tensors(&gguf.tensors);
    gguf_close(&gguf);
    return 0;
}

#ifndef GRAFT_LIBFUZZER
int main(int argc, char **argv)
{
    Mapped kinds = {0}, split = {0};
    CHECK(mapped_open(&kinds, GRAFT_GOLDEN "/gguf/kinds.gguf") == STATUS_OK);
    CHECK(mapped_open(&split, GRAFT_GOLDEN "/gguf/split-00001-of-00003.gguf") == STATUS_OK);
    const Seed seeds[] = { { (const char *)kinds.bytes, kinds.n_bytes }, { (const char *)split.bytes, split.n_bytes } };
    int result = fuzz_seeds(seeds, sizeof seeds / sizeof *seeds, fuzz_rounds(argc, argv));
    mapped_close(&kinds);
    mapped_close(&split);
    return result;
}
#endif
