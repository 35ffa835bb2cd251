/* Parquet: the rows of every file of tests/peers/golden_parquet.py are pyarrow's, whichever thread asks in whatever order; what is
 * refused, and how. */
#include "tests/testing.h"

#include <dirent.h>

#include "data/file/parquet.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"
#include "kernels/pool.h"

/* Files --------------------------------------------------------------------------------------------------------------- */

static char *golden_path(const char *table, size_t n, const char *ending)
{
    return memory_format(GRAFT_GOLDEN "/parquet/%.*s%s", (int)n, table, ending);
}

static char *printed_row(const Parquet *parquet, int64_t i)
{
    Json *row = NULL;
    Buffer out = {0};
    assert_ok(parquet_row(parquet, i, &row));
    json_print(&out, row, (JsonStyle){ .newline = true });
    json_free(row);
    return buffer_take(&out);
}

static void assert_rows(const char *name)
{
    char *path = golden_path(name, strlen(name), ""), *expected = golden_path(name, strcspn(name, "."), ".jsonl");
    Parquet *parquet = NULL;
    Mapped lines = {0};
    size_t at = 0;
    assert_ok(parquet_open(&parquet, path));
    assert_ok(mapped_open(&lines, expected));
    for (int64_t i = 0; i < parquet_rows(parquet); i++) {
        char *row = printed_row(parquet, i);
        size_t n = strlen(row);
        if (n > lines.n_bytes - at || memcmp(row, lines.bytes + at, n)) print_error("%s, row %lld: %s", name, (long long)i, row);
        assert_true(n <= lines.n_bytes - at && !memcmp(row, lines.bytes + at, n));
        at += n;
        free(row);
    }
    assert_int_equal(at, lines.n_bytes);
    mapped_close(&lines);
    parquet_close(parquet);
    free(path);
    free(expected);
}

static void every_file_reads_as_pyarrow(void **state)
{
    (void)state;
    DIR *folder = opendir(GRAFT_GOLDEN "/parquet");
    int n = 0;
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!strstr(entry->d_name, ".parquet") || !strncmp(entry->d_name, "refused.", 8)) continue;
        assert_rows(entry->d_name);
        n++;
    }
    closedir(folder);
    assert_true(n >= 32);
}

/* Threads ----------------------------------------------------------------------------------------------------------- */

enum { N_CHATS = 30, N_TASKS = 300 };
typedef struct { const Parquet *parquet; char **expected; int *wrong; } Readers;

static void read_one(const void *ctx, int task, int worker)
{
    const Readers *readers = ctx;
    int i = task * 17 % N_CHATS;
    char *row = printed_row(readers->parquet, i);
    readers->wrong[task] = !!strcmp(row, readers->expected[i]);
    free(row);
    (void)worker;
}

static void threads_read_any_row(void **state)
{
    (void)state;
    Parquet *parquet = NULL;
    char *expected[N_CHATS];
    int wrong[N_TASKS] = {0};
    Pool *pool = pool_open(4);
    assert_ok(parquet_open(&parquet, GRAFT_GOLDEN "/parquet/chats.snappy-v1.parquet"));
    assert_int_equal(parquet_rows(parquet), N_CHATS);
    for (int i = 0; i < N_CHATS; i++) expected[i] = printed_row(parquet, i);
    pool_run(pool, N_TASKS, read_one, &(Readers){ parquet, expected, wrong });
    for (int i = 0; i < N_TASKS; i++) assert_int_equal(wrong[i], 0);
    for (int i = 0; i < N_CHATS; i++) free(expected[i]);
    pool_close(pool);
    parquet_close(parquet);
}

/* Refused ----------------------------------------------------------------------------------------------------------- */

static void assert_refused(const void *bytes, size_t n, const char *message)
{
    Parquet *parquet = NULL;
    Mapped file = { .path = (char *)"t", .bytes = bytes, .n_bytes = n };
    assert_fails(STATUS_INPUT, message, parquet_parse(&parquet, &file));
    assert_null(parquet);
}

static void refuses_what_is_not_whole(void **state)
{
    (void)state;
    Mapped file = {0};
    assert_ok(mapped_open(&file, GRAFT_GOLDEN "/parquet/two.levels.parquet"));
    assert_refused(NULL, 0, "t: not a Parquet file: it does not start with PAR1");
    assert_refused("{\"text\": \"x\"}", 13, "t: not a Parquet file: it does not start with PAR1");
    assert_refused("PARE00000000PARE", 16, "t: an encrypted Parquet file, which is not supported");
    assert_refused(file.bytes, file.n_bytes - 1, "t: it does not end with PAR1: a Parquet file that is cut short");
    assert_refused("PAR1\0\0\0\0PAR1", 12, "t: its footer is damaged");
    assert_refused("PAR1\0\0\0\1PAR1", 12, "t: a footer of 16777216 bytes in a file of 12");
    assert_refused("PAR1\0\1\0\0\0PAR1", 13, "t: a schema of no columns, or of more than it lists");
    mapped_close(&file);
}

static void refuses_codecs_by_name(void **state)
{
    (void)state;
    Parquet *parquet = NULL;
    assert_fails(STATUS_INPUT, GRAFT_GOLDEN "/parquet/refused.lz4.parquet: row group 0, column a: compression LZ4_RAW (7) is not supported, supported are "
                 "snappy, gzip, zstd and none; write the file again with one of these", parquet_open(&parquet, GRAFT_GOLDEN "/parquet/refused.lz4.parquet"));
    assert_fails(STATUS_INPUT, GRAFT_GOLDEN "/parquet/refused.brotli.parquet: row group 0, column a: compression BROTLI (4) is not supported, supported are "
                 "snappy, gzip, zstd and none; write the file again with one of these", parquet_open(&parquet, GRAFT_GOLDEN "/parquet/refused.brotli.parquet"));
}

/* A value that pyarrow writes and a Json, or Python, cannot hold. */
static void assert_value_refused(const char *name, int64_t i, const char *message)
{
    char *path = golden_path(name, strlen(name), ""), *expected = memory_format("%s: row %lld: column a: %s", path, (long long)i + 1, message);
    Parquet *parquet = NULL;
    Json *row = NULL;
    assert_ok(parquet_open(&parquet, path));
    assert_fails(STATUS_INPUT, expected, parquet_row(parquet, i, &row));
    assert_null(row);
    parquet_close(parquet);
    free(path);
    free(expected);
}

static void refuses_values_with_their_row(void **state)
{
    (void)state;
    assert_value_refused("refused.zero.parquet", 1, "a NUL character at byte 1 of a string");
    assert_value_refused("refused.latin.parquet", 0, "invalid UTF-8 at byte 2 of a string");
    assert_value_refused("refused.date.parquet", 0, "a date outside of the years 1 to 9999 (day 2932897 from 1970-01-01)");
    assert_value_refused("refused.time.parquet", 0, "a time of day outside of 0 to 24 hours (86400000)");
}

/* A byte of two.levels.parquet is another: the file is one uncompressed page, its header at byte 4. */
static void assert_row_refused(size_t at, uint8_t byte, const char *message)
{
    Mapped file = {0};
    Parquet *parquet = NULL;
    Json *row = NULL;
    assert_ok(mapped_open(&file, GRAFT_GOLDEN "/parquet/two.levels.parquet"));
    uint8_t *bytes = memory_copy(file.bytes, file.n_bytes, 1);
    bytes[at] = byte;
    assert_ok(parquet_parse(&parquet, &(Mapped){ .path = (char *)"t", .bytes = bytes, .n_bytes = file.n_bytes }));
    assert_fails(STATUS_INPUT, message, parquet_row(parquet, 0, &row));
    assert_null(row);
    parquet_close(parquet);
    mapped_close(&file);
    free(bytes);
}

static void says_where_a_page_is_wrong(void **state)
{
    (void)state;
    enum { HEADER = 4, PLAIN_BYTES = 7, N_BYTES = 10, N_ENTRIES = 14, ENCODING = 16, REP_BYTES = 0x35, REP = 0x3A, DEF = 0x45 };
    assert_row_refused(HEADER, 0x1F, "t: row group 0, column a: page 0: a page header that is damaged");
    assert_row_refused(PLAIN_BYTES, 0xEA, "t: row group 0, column a: page 0: 180 bytes without compression, expected 181");
    assert_row_refused(N_BYTES, 0xEA, "t: row group 0, column a: page 0: a page of 181 bytes, the column has 180 left");
    assert_row_refused(N_ENTRIES, 0x5A, "t: row group 0, column a: page 0: 45 entries, the column has 44 left");
    assert_row_refused(N_ENTRIES, 0x56, "t: row group 0, column a: page 1: the column's pages end after 43 of 44 entries");
    assert_row_refused(ENCODING, 0x10, "t: row group 0, column a: page 0: indices into a dictionary that is not there");
    assert_row_refused(ENCODING, 0x06, "t: row group 0, column a: page 0: encoding RLE (3) of INT32 is not supported");
    assert_row_refused(REP_BYTES, 0xFF, "t: row group 0, column a: page 0: repetition levels: runs of 255 bytes, the page has 180 bytes left");
    assert_row_refused(REP, 0x81, "t: row group 0, column a: it starts inside of a row");
    assert_row_refused(REP, 0x00, "t: row group 0, column a: 26 rows, its row group has 25");
    assert_row_refused(DEF, 0xFF, "t: row group 0, column a: page 0: definition levels: level 3, the largest is 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_reads_as_pyarrow), cmocka_unit_test(threads_read_any_row), cmocka_unit_test(refuses_what_is_not_whole),
        cmocka_unit_test(refuses_codecs_by_name), cmocka_unit_test(refuses_values_with_their_row),
        cmocka_unit_test(says_where_a_page_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
