/* safetensors from anywhere, read as a whole file and as the header of one whose length is true. */
#include "tests/fuzz/mutate.h"

#include "data/file/safetensors.h"
#include "tests/fuzz/tensors.h"

static void parse(const uint8_t *bytes, size_t n)
{
    Tensors tensors = {0};
    Mapped file = { .path = (char *)"fuzz", .bytes = bytes, .n_bytes = n };
    Status status = safetensors_parse(&tensors, &file);
    if (status == STATUS_OK) status = tensors_sort(&tensors);
    fuzz_check(status);
    if (status == STATUS_OK) touch_tensors(&tensors);
    tensors_free(&tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    enum { N_DATA = 24 };
    uint64_t length = n;
    uint8_t *whole = memory_new(sizeof length + n + N_DATA, 1);
    memcpy(whole, &length, sizeof length);
    if (n) memcpy(whole + sizeof length, bytes, n);
    parse(bytes, n);
    parse(whole, sizeof length + n + N_DATA);
    free(whole);
    return 0;
}

#ifndef GRAFT_LIBFUZZER
int main(int argc, char **argv)
{
#define TEXT(s) { s, sizeof s - 1 }
    Mapped lora = {0}, mixed = {0};
    CHECK(mapped_open(&lora, GRAFT_GOLDEN "/safetensors/lora.safetensors") == STATUS_OK);
    CHECK(mapped_open(&mixed, GRAFT_GOLDEN "/safetensors/mixed.safetensors") == STATUS_OK);
    const Seed seeds[] = {
        { (const char *)lora.bytes, lora.n_bytes }, { (const char *)mixed.bytes, mixed.n_bytes },
        TEXT("{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}"),
        TEXT("{\"a\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]},"
             "\"c\":{\"dtype\":\"U8\",\"shape\":[2,2,2,1],\"data_offsets\":[16,24]}}"),
    };
    int result = fuzz_seeds(seeds, sizeof seeds / sizeof *seeds, fuzz_rounds(argc, argv));
    mapped_close(&lora);
    mapped_close(&mixed);
    return result;
}
#endif
