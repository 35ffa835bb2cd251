/* Parquet from anywhere: refused with a reason, or every row that it promises is an object or refused with a reason. */
#include "tests/fuzz/mutate.h"

#include "data/file/parquet.h"
#include "kernels/buffer.h"

enum { MAX_ROWS = 100 };

static void touch_row(const Parquet *parquet, int64_t i)
{
    Json *row = NULL;
    Buffer text = {0};
    Status status = parquet_row(parquet, i, &row);
    fuzz_check(status);
    CHECK((status == STATUS_OK) == (row != NULL) && (!row || json_kind(row) == JSON_OBJECT));
    if (row) json_print(&text, row, (JsonStyle){0});
    buffer_free(&text);
    json_free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Parquet *parquet = NULL;
    Mapped file = { .path = (char *)"fuzz", .bytes = bytes, .n_bytes = n };
    Status status = parquet_parse(&parquet, &file);
    fuzz_check(status);
    CHECK((status == STATUS_OK) == (parquet != NULL));
    int64_t n_rows = parquet ? parquet_rows(parquet) : 0;
    for (int64_t i = 0; i < n_rows && i < MAX_ROWS; i++) touch_row(parquet, i);
    if (n_rows > MAX_ROWS) touch_row(parquet, n_rows - 1);
    parquet_close(parquet);
    return 0;
}

const Fuzz fuzz = { .golden = (const char *const[]){ "parquet/*.parquet", NULL } };
