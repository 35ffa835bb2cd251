/* Files of rows from anywhere, plain or compressed: refused with a reason, or rows that are objects and print. */
#include "data/set/row_file.h"
#include "tests/fuzz/mutate.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* The last byte of an input chooses how it is read. */
static const struct { const char *format, *field; } ways[] = { { "csv", NULL }, { "json", NULL }, { "json", "data" }, { "text", NULL } };
enum { N_WAYS = sizeof ways / sizeof *ways };

static void read_rows(const RowFile *file)
{
    CHECK(file->n > 0, "a file without rows was opened");
    for (int64_t i = 0; i < file->n; i++) {
        Json *row = NULL;
        Buffer out = {0};
        CHECK(row_file_line(file, i) > 0, "row %lld has no line", (long long)i);
        Status status = row_file_row(file, i, &row);
        fuzz_check(status);
        CHECK((status == STATUS_OK) == (row != NULL) && (!row || json_kind(row) == JSON_OBJECT), "row %lld is no object", (long long)i);
        json_print(&out, row, (JsonStyle){0});
        buffer_free(&out);
        json_free(row);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (!n) return 0;
    int fd = memfd_create("rows", MFD_CLOEXEC), way = bytes[n - 1] % N_WAYS;
    CHECK(fd >= 0 && write(fd, bytes, n - 1) == (ssize_t)(n - 1), "memfd");
    char *path = memory_format("/proc/self/fd/%d", fd);
    RowFile file;
    Status status = row_file_open(&file, path, row_format_named(ways[way].format), ways[way].field);
    fuzz_check(status);
    if (status == STATUS_OK) read_rows(&file);
    CHECK((status == STATUS_OK) == (file.path != NULL), "a refused file is still open");
    row_file_close(&file);
    free(path);
    close(fd);
    return 0;
}

static void add_gzipped(const char *text, size_t n)
{
    Bytef packed[512];
    z_stream z = { .next_in = (Bytef *)text, .avail_in = (uInt)n - 1, .next_out = packed, .avail_out = sizeof packed - 1 };
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK && deflate(&z, Z_FINISH) == Z_STREAM_END, "zlib");
    size_t length = sizeof packed - 1 - z.avail_out;
    deflateEnd(&z);
    packed[length] = (Bytef)text[n - 1];
    seed_add((const char *)packed, length + 1);
}

static void add_zstd(const char *text, size_t n)
{
    char packed[512];
    size_t length = ZSTD_compress(packed, sizeof packed - 1, text, n - 1, 3);
    CHECK(!ZSTD_isError(length), "zstd");
    packed[length] = text[n - 1];
    seed_add(packed, length + 1);
}

static void add_seeds(void)
{
    static const char csv[] = "a,b,a,\n1,\"x\"\"y\nz\",NA,\"\"\r\n \n\xc3\xa9, \"q\" ,,\n\"k\"l,m\r\r\n,\n\0";
    static const char list[] = "\xEF\xBB\xBF [ {\"text\": \"a]}\\\"\", \"n\": [[1], {\"x\": {}}]},\n \"b\",\n {\"text\": null} ]\n\1";
    seed_add(csv, sizeof csv - 1);
    seed_add(list, sizeof list - 1);
    add_gzipped(csv, sizeof csv - 1);
    add_zstd(list, sizeof list - 1);
}

const Fuzz fuzz = {
    .texts = (const char *const[]){
        "{\"a\": 1}\n\n{\"a\": \"x\"}\r\n{\"b\": [1, 2]}\1", "{\n \"a\": {\"b\": \"}\"}\n}\n{\"a\": 2\n}\n\1",
        "{\"x\": {\"data\": 1}, \"da\\u0074a\": [{\"text\": \"a\"}, {\"text\": \"b\"}], \"y\": [\"]\", 1e5, true]}\2",
        "a\r\n\r\rb\n\xe6\x97\xa5\xe6\x9c\xac\n\n\3", "a\tb\n1\t2\n\4", "x\n\"1\"2\"\n\"\n\4", NULL },
    .more = add_seeds,
    .words = (const char *const[]){ "\"", "\"\"", ",", "\r\n", "\t", "NA", "nan", "\"data\": [", "}\n{", "\1", "\2", "\3", NULL },
};
