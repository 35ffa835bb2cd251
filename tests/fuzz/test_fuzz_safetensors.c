/* safetensors from anywhere, read as a whole file, as the header of one whose length is true, and, where it names a weight_map, as
 * the index of a model in two files. What is read is written, and reads back as it was. */
#include "tests/fuzz/mutate.h"

#include <sys/mman.h>
#include <unistd.h>

#include "data/file/json.h"
#include "data/file/safetensors.h"
#include "tests/fuzz/tensors.h"

/* The file that safetensors_write makes, in memory. */
static uint8_t *written(const Tensors *tensors, size_t *n)
{
    OutputFile out = { .path = (char *)"written", .fd = memfd_create("written", 0) };
    CHECK(out.fd >= 0 && safetensors_write(&out, tensors->entry, tensors->n, NULL, NULL) == STATUS_OK, "%s", status_message());
    *n = (size_t)lseek(out.fd, 0, SEEK_END);
    uint8_t *bytes = memory_new(*n, 1);
    CHECK(pread(out.fd, bytes, *n, 0) == (ssize_t)*n);
    close(out.fd);
    return bytes;
}

static void check_written(const Tensors *tensors)
{
    size_t n;
    uint8_t *bytes = written(tensors, &n);
    Tensors again = {0};
    Mapped file = { .path = (char *)"written", .bytes = bytes, .n_bytes = n };
    CHECK(safetensors_parse(&again, &file) == STATUS_OK && tensors_sort(&again) == STATUS_OK, "%s", status_message());
    CHECK(again.n == tensors->n);
    for (int i = 0; i < again.n; i++) {
        const TensorEntry *x = &tensors->entry[i], *y = &again.entry[i];
        CHECK(!strcmp(x->name, y->name) && x->dtype == y->dtype && x->n_bytes == y->n_bytes);
        CHECK(!x->n_bytes || !memcmp(x->bytes, y->bytes, (size_t)x->n_bytes), "%s", x->name);
    }
    tensors_free(&again);
    free(bytes);
}

static void parse(const uint8_t *bytes, size_t n)
{
    Tensors tensors = {0};
    Mapped file = { .path = (char *)"fuzz", .bytes = bytes, .n_bytes = n };
    Status status = safetensors_parse(&tensors, &file);
    if (status == STATUS_OK) status = tensors_sort(&tensors);
    fuzz_check(status);
    if (status == STATUS_OK) touch_tensors(&tensors);
    if (status == STATUS_OK) check_written(&tensors);
    tensors_free(&tensors);
}

static void copy_golden(const char *name)
{
    Mapped file = {0};
    char *path = memory_format("%s/safetensors/%s", GRAFT_GOLDEN, name);
    CHECK(mapped_open(&file, path) == STATUS_OK);
    fuzz_file(name, (Seed){ .bytes = (const char *)file.bytes, .n = file.n_bytes });
    mapped_close(&file);
    free(path);
}

static void open_model(const uint8_t *bytes, size_t n)
{
    static bool has_files;
    if (!has_files) copy_golden("lora.safetensors");
    if (!has_files) copy_golden("mixed.safetensors");
    has_files = true;
    Safetensors model = {0};
    fuzz_file("model.safetensors.index.json", (Seed){ .bytes = (const char *)bytes, .n = n });
    Status status = safetensors_open_model(&model, fuzz_folder());
    fuzz_check(status);
    if (status == STATUS_OK) touch_tensors(&model.tensors);
    safetensors_close(&model);
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
    if (n && bytes[0] == '{' && memmem(bytes, n, "weight_map", strlen("weight_map"))) open_model(bytes, n);
    return 0;
}

const Fuzz fuzz = {
    .golden = (const char *const[]){ "safetensors/*.safetensors", NULL },
    .texts = (const char *const[]){
        "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}}",
        "{\"a\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]},"
        "\"c\":{\"dtype\":\"U8\",\"shape\":[2,2,2,1],\"data_offsets\":[16,24]}}", NULL },
    .words = (const char *const[]){ "\"F16\"", "\"F8_E4M3\"", "\"BOOL\"", "\"data_offsets\":[0,24]", "\"shape\":[24]", NULL },
};
