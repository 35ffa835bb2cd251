/* Files of rows in every format: the rows are those that `datasets` reads (golden_row_files.py), and what it refuses is refused. */
#include "tests/testing.h"

#include "data/set/row_file.h"
#include "kernels/memory.h"

static char folder[] = "/tmp/graft-row-file-XXXXXX";

static char *write_file(const char *name, const char *text, size_t n)
{
    char *path = memory_format("%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, n, file), n);
    fclose(file);
    return path;
}

/* Opens the file and reads every row; `rows` gets them as one list. */
static Status read_all(const char *path, const char *field, Json **rows)
{
    RowFile file;
    TRY(row_file_open(&file, path, NULL, field));
    Status status = STATUS_OK;
    *rows = json_new_array();
    for (int64_t i = 0; status == STATUS_OK && i < file.n; i++) {
        Json *row = NULL;
        status = row_file_row(&file, i, &row);
        if (status == STATUS_OK) json_push(*rows, row);
    }
    row_file_close(&file);
    if (status == STATUS_OK) return status;
    json_free(*rows);
    *rows = NULL;
    return status;
}

static Json *without_nulls(const Json *value)
{
    if (json_kind(value) != JSON_ARRAY && json_kind(value) != JSON_OBJECT) return json_copy(value);
    bool object = json_kind(value) == JSON_OBJECT;
    Json *out = object ? json_new_object() : json_new_array();
    for (const Json *item = json_first(value); item; item = json_next(item)) {
        if (object && json_kind(item) == JSON_NULL) continue;
        if (object) json_set(out, json_key(item), without_nulls(item));
        else json_push(out, without_nulls(item));
    }
    return out;
}

static void print_case(const Json *golden, const Json *rows)
{
    Buffer text = {0};
    json_print(&text, golden, (JsonStyle){0});
    buffer_add_string(&text, "\ngraft: ");
    json_print(&text, rows, (JsonStyle){0});
    print_error("%s %s\n", text.data, rows ? "" : status_message());
    buffer_free(&text);
}

static void check_case(const Json *golden)
{
    const char *text = json_string(json_get(golden, "text")), *name = json_string(json_get(golden, "name"));
    const Json *expected = json_get(golden, "rows");
    char *path = write_file(name, text, strlen(text));
    Json *rows = NULL;
    Status status = read_all(path, json_string(json_get(golden, "field")), &rows);
    bool refused = json_kind(expected) == JSON_NULL, json = strstr(name, ".json");
    Json *compared = json ? without_nulls(rows) : json_copy(rows);
    bool good = refused ? status == STATUS_INPUT && !strncmp(status_message(), path, strlen(path)) : status == STATUS_OK && json_equal(compared, expected);
    if (!good) print_case(golden, rows);
    assert_true(good);
    json_free(compared);
    json_free(rows);
    remove(path);
    free(path);
}

static void rows_are_those_of_datasets(void **state)
{
    (void)state;
    Json *cases = NULL;
    assert_ok(json_read(&cases, GRAFT_GOLDEN "/row_files.json"));
    assert_true(json_count(cases) > 50);
    for (const Json *golden = json_first(cases); golden; golden = json_next(golden)) check_case(golden);
    json_free(cases);
}

static void complaints_name_the_line(void **state)
{
    (void)state;
    static const struct { const char *name, *field, *text, *complaint; } cases[] = {
        { "f.json", NULL, "[\n {\"a\": 1},\n {\"a\": }\n]", ":3: not JSON at line 1, column 7" },
        { "f.json", NULL, "[\n {\"a\": 1},\n 7\n]", ":3: this item is an integer, expected an object with one example" },
        { "f.json", NULL, "[{\"a\": 1}\n {\"a\": 2}]", ":2: expected ',' or ']' behind a row of the list, found '{'" },
        { "f.json", NULL, "[{\"a\": 1},\n]", ":2: expected a row of the list, found ']'" },
        { "f.json", NULL, "[{\"a\": 1},\n", ":2: expected a row of the list, found the end of the file" },
        { "f.json", NULL, "[{\"a\": 1}]\n\n{}", ":3: expected nothing behind the list, found '{'" },
        { "f.json", NULL, "{\n\"a\": 1}\n[]", ":3: expected an object, found '['" },
        { "f.json", NULL, "\"a\"", ":1: this line is a string, expected an object with one example" },
        { "f.json", NULL, "[]", ": no rows; expected one JSON object per line, or a list of objects" },
        { "f.json", "data", "{\"x\": 1, \"y\": []}", ": no field \"data\"; found: x, y" },
        { "f.json", "data", "{\"x\": 1,\n\"data\": {}}", ":2: the field \"data\" is not a list of rows" },
        { "f.json", "data", "[]", ":1: expected an object that has the field, found '['" },
        { "f.json", "data", "{\"data\" [", ":1: expected ':', found '['" },
        { "f.csv", "data", "a\nx\n", ": a field (\"data\") can be chosen in JSON only, this is csv" },
        { "f.csv", NULL, "a,b\nx,y\n1,2,3\n", ":3: 3 cells, expected at most 2, as many as the header names; a cell with a separator in it needs quotes" },
        { "f.csv", NULL, "a,b\nx,\"y\ny\"\n1,\"2\n3", ":4: a quote is opened in this row and never closed" },
        { "f.csv", NULL, "a,b\n", ": no rows; expected a row that names the columns, and rows below it" },
        { "f.csv", NULL, "a,b\r\rx,y\r\n\"\r\n\r\",\xff\n", ":4: invalid UTF-8" },
        { "f.csv", NULL, "a\xff\nx\n", ":1: invalid UTF-8" },
        { "f.txt", NULL, "a\nb\xc3\n", ":2: invalid UTF-8" },
        { "f.txt", NULL, "", ": no rows; expected a text in each line" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Json *rows = NULL;
        char *path = write_file(cases[i].name, cases[i].text, strlen(cases[i].text));
        assert_int_equal(read_all(path, cases[i].field, &rows), STATUS_INPUT);
        assert_string_equal(status_message() + strlen(path), cases[i].complaint);
        remove(path);
        free(path);
    }
}

static void nul_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = { "f.csv", "f.txt", "f.json" };
    for (size_t k = 0; k < 3; k++) {
        Json *rows = NULL;
        char *path = write_file(names[k], "a\nx\0y\n", 6);
        assert_int_equal(read_all(path, NULL, &rows), STATUS_INPUT);
        if (k < 2) assert_string_equal(status_message() + strlen(path), ":2: a NUL byte");
        remove(path);
        free(path);
    }
}

/* Rows have numbers, not lines; which values they hold is test_parquet's business. */
static void parquet_files_hold_rows(void **state)
{
    (void)state;
    const char *path = GRAFT_GOLDEN "/parquet/bag.list.parquet";
    RowFile file;
    Json *expected = NULL, *rows = NULL;
    assert_ok(row_file_open(&file, path, NULL, NULL));
    assert_string_equal(file.format->name, "parquet");
    assert_int_equal(row_file_line(&file, 1), 2);
    row_file_close(&file);
    assert_ok(read_all(path, NULL, &rows));
    assert_ok(read_all(GRAFT_GOLDEN "/parquet/bag.jsonl", NULL, &expected));
    assert_int_equal(json_count(rows), json_count(expected));
    json_free(rows);
    json_free(expected);
    assert_fails(STATUS_INPUT, GRAFT_GOLDEN "/parquet/bag.list.parquet: a field (\"data\") can be chosen in JSON only, this is parquet",
                 row_file_open(&file, path, NULL, "data"));
}

static void endings_say_the_format(void **state)
{
    (void)state;
    static const struct { const char *path, *format; } cases[] = {
        { "a/train.csv", "csv" }, { "train.TSV.gz", "csv" }, { "a.csv/train.jsonl.zst", "json" }, { "train.txt", "text" }, { "train.json", "json" },
        { "x.ndjson", "json" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_string_equal(row_format_of(cases[i].path)->name, cases[i].format);
    assert_null(row_format_of("a.csv/train"));
    assert_null(row_format_of("traincsv"));
    assert_null(row_format_of("train.csvx"));
    assert_ptr_equal(row_format_named("text"), row_format_of("a.txt"));
    assert_null(row_format_named("xml"));
    char *paths[] = { "a.txt", "b.csv", "c.md", "d.txt", "e.csv" };
    assert_string_equal(row_format_of_most(paths, 5)->name, "csv");
    assert_string_equal(row_format_of_most(paths, 4)->name, "text");
    assert_null(row_format_of_most(paths + 2, 1));
}

static int make_folder(void **state) { (void)state; return mkdtemp(folder) ? 0 : -1; }
static int remove_folder(void **state) { (void)state; return remove(folder); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_those_of_datasets), cmocka_unit_test(complaints_name_the_line), cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(endings_say_the_format), cmocka_unit_test(parquet_files_hold_rows),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
