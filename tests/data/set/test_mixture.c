/* Which files a dataset is made of, and which rows of several: as `datasets` and TRL choose them (golden_data_files.py). */
#include "tests/testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "data/set/mixture.h"
#include "kernels/memory.h"

static char world[] = "/tmp/graft-mixture-XXXXXX";
static int n_folders;

static char *new_folder(void) { return memory_format("%s/%d", world, n_folders++); }

static void write_file(const char *folder, const char *name, const char *text)
{
    char *path = memory_format("%s/%s", folder, name);
    for (char *slash = strchr(path + strlen(world) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    free(path);
}

/* A row that says the file's name, in the file's format. */
static void write_named(const char *folder, const char *name)
{
    const RowFormat *format = row_format_of(name);
    char *text = format == row_format_named("json") ? memory_format("{\"text\": \"%s\"}\n", name)
               : format == row_format_named("csv") ? memory_format("text\n%s\n", name) : memory_format("%s\n", name);
    write_file(folder, name, text);
    free(text);
}

/* The texts of all rows as one list. */
static Status read_texts(const DataMix *mix, Json **texts, Notices *notices)
{
    Mixture mixture;
    TRY(mixture_open(&mixture, mix, notices));
    *texts = json_new_array();
    for (int64_t i = 0; i < mixture.n; i++) {
        Json *row = NULL;
        assert_ok(mixture_row(&mixture, i, &row));
        json_push(*texts, json_copy(json_get(row, "text")));
        json_free(row);
    }
    mixture_close(&mixture);
    return STATUS_OK;
}

static void check_split(const char *folder, const char *split, const Json *expected)
{
    Json *texts = NULL;
    Notices notices = {0};
    DataSource source = { .place = { .path = folder, .split = split } };
    Status status = read_texts(&(DataMix){ .source = &source, .n = 1 }, &texts, &notices);
    assert_int_equal(status, expected ? STATUS_OK : STATUS_INPUT);
    if (expected && !json_equal(texts, expected)) {
        Buffer found = {0};
        json_print(&found, texts, (JsonStyle){0});
        print_error("%s: %s\n", split, found.data);
        buffer_free(&found);
    }
    if (expected) assert_true(json_equal(texts, expected));
    json_free(texts);
    notices_free(&notices);
}

static Json *golden(void)
{
    Json *cases = NULL;
    assert_ok(json_read(&cases, GRAFT_GOLDEN "/data_files.json"));
    return cases;
}

static void files_are_those_of_datasets(void **state)
{
    (void)state;
    static const char *const splits[] = { "train", "validation", "test", "extra", "a_b.c" };
    Json *cases = golden();
    for (const Json *layout = json_first(json_get(cases, "layouts")); layout; layout = json_next(layout)) {
        char *folder = new_folder();
        for (const Json *file = json_first(json_get(layout, "files")); file; file = json_next(file)) write_named(folder, json_string(file));
        for (size_t k = 0; k < sizeof splits / sizeof *splits; k++) check_split(folder, splits[k], json_get(json_get(layout, "splits"), splits[k]));
        free(folder);
    }
    json_free(cases);
}

/* A text of the mixtures is "[dataset, number]"; the golden rows are lists. */
static void check_texts(const DataMix *mix, const Json *expected)
{
    Json *texts = NULL;
    Notices notices = {0};
    const Json *row = json_first(expected);
    if (!row) {
        assert_int_equal(read_texts(mix, &texts, &notices), STATUS_INPUT);
        return;
    }
    assert_ok(read_texts(mix, &texts, &notices));
    assert_int_equal(json_count(texts), json_count(expected));
    for (const Json *text = json_first(texts); text; text = json_next(text), row = json_next(row)) {
        Buffer printed = {0};
        json_print(&printed, row, (JsonStyle){0});
        assert_string_equal(json_string(text), printed.data);
        buffer_free(&printed);
    }
    json_free(texts);
    notices_free(&notices);
}

static void write_numbered(const char *folder, int k, int64_t n)
{
    Buffer text = {0};
    for (int64_t i = 0; i < n; i++) buffer_format(&text, "{\"text\": \"[%d, %lld]\"}\n", k, (long long)i);
    write_file(folder, "train.jsonl", text.data);
    buffer_free(&text);
}

static void check_mixture(const Json *mixture)
{
    DataSource source[8];
    DataMix mix = { .source = source, .n = (int)json_count(json_get(mixture, "sizes")), .seed = (uint64_t)json_integer(json_get(mixture, "seed")) };
    for (int k = 0; k < mix.n; k++) {
        char *folder = new_folder();
        source[k] = (DataSource){ .place.path = folder, .fraction = json_number(json_at(json_get(mixture, "fractions"), k)) };
        write_numbered(folder, k, json_integer(json_at(json_get(mixture, "sizes"), k)));
    }
    check_texts(&mix, json_get(mixture, "rows"));
    mix.test_split_size = json_number(json_get(mixture, "test_split_size"));
    if (mix.test_split_size > 0) {
        check_texts(&mix, json_get(mixture, "train"));
        mix.test = true;
        check_texts(&mix, json_get(mixture, "test"));
    }
    for (int k = 0; k < mix.n; k++) free((char *)source[k].place.path);
}

static void mixtures_are_trls(void **state)
{
    (void)state;
    Json *cases = golden();
    for (const Json *mixture = json_first(json_get(cases, "mixtures")); mixture; mixture = json_next(mixture)) check_mixture(mixture);
    json_free(cases);
}

static Json *parsed(const char *text)
{
    Json *json = NULL;
    assert_ok(json_parse(&json, "test", text, strlen(text)));
    return json;
}

static void columns_are_chosen_and_renamed(void **state)
{
    (void)state;
    char *folder = new_folder();
    Json *columns = parsed("[\"b\", \"a\"]"), *mapping = parsed("{\"a\": \"b\", \"b\": \"c\"}"), *row = NULL;
    DataSource source = { .place.path = folder, .columns = columns, .column_mapping = mapping };
    Mixture mixture;
    Notices notices = {0};
    Buffer text = {0};
    write_file(folder, "x.jsonl", "{\"a\": 1, \"b\": 2, \"c\": 3}\n{\"b\": 4}\n");
    assert_ok(mixture_open(&mixture, &(DataMix){ .source = &source, .n = 1 }, &notices));
    for (int64_t i = 0; i < 2; i++) {
        assert_ok(mixture_row(&mixture, i, &row));
        json_print(&text, row, (JsonStyle){0});
        json_free(row);
    }
    assert_string_equal(text.data, "{\"b\": 1, \"c\": 2}{\"c\": 4}");
    assert_int_equal(mixture_place(&mixture, 1).line, 2);
    mixture_close(&mixture);
    buffer_free(&text);
    json_free(columns);
    json_free(mapping);
    notices_free(&notices);
    free(folder);
}

/* What is said about a mixture of the sources, behind the folder's name where it begins with it. */
static void assert_refused(const char *folder, const DataMix *mix, const char *complaint)
{
    Mixture mixture;
    Notices notices = {0};
    assert_int_equal(mixture_open(&mixture, mix, &notices), STATUS_INPUT);
    const char *said = status_message();
    assert_string_equal(strncmp(said, folder, strlen(folder)) ? said : said + strlen(folder), complaint);
    assert_null(mixture.piece);
    notices_free(&notices);
}

static void complaints_say_what_is_there(void **state)
{
    (void)state;
    char *folder = new_folder(), *file = memory_format("%s/train.csv", folder), *pattern = memory_format("%s/*.json", folder);
    Json *missing = parsed("[\"x\"]"), *renames = parsed("{\"x\": \"y\"}"), *collides = parsed("{\"a\": \"b\"}"), *number = parsed("3"), *files = parsed("\"a.csv\"");
    write_file(folder, "train.csv", "a,b\n1,2\n3,4\n");
    const struct { DataMix mix; const char *complaint; } cases[] = {
        { { .source = &(DataSource){ .place = { .path = folder, .split = "test" } }, .n = 1 }, ": no split \"test\"; found: train" },
        { { .source = &(DataSource){ .place.path = folder, .columns = missing }, .n = 1 }, "/train.csv: columns names \"x\", which the first row does not have; found: a, b" },
        { { .source = &(DataSource){ .place.path = folder, .column_mapping = renames }, .n = 1 },
          "/train.csv: column_mapping names \"x\", which the first row does not have; found: a, b" },
        { { .source = &(DataSource){ .place.path = folder, .column_mapping = collides }, .n = 1 }, "/train.csv: column_mapping makes two columns \"b\"" },
        { { .source = (DataSource[]){ { .place.path = folder, .fraction = 1 }, { .place.path = folder } }, .n = 2 },
          "fraction is given for 1 of 2 datasets; give it for each of them or for none" },
        { { .source = &(DataSource){ .place.path = folder }, .n = 1, .test_split_size = 2 }, "/train.csv: test_split_size 2 holds out 2 of 2 rows, and none is left to train on" },
        { { .source = &(DataSource){ .place = { .path = folder, .data_files = number } }, .n = 1 },
          "data_files: found an integer, expected a path, a list of paths, or an object from split to these" },
        { { .source = &(DataSource){ .place = { .path = file, .data_files = files } }, .n = 1 },
          "/train.csv: data_files and data_dir go with a folder or the name of a format: json, csv, text or parquet" },
        { { .source = &(DataSource){ .place.path = pattern }, .n = 1 }, "/*.json: no file matches" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refused(folder, &cases[i].mix, cases[i].complaint);
    Json *made[] = { missing, renames, collides, number, files };
    for (size_t i = 0; i < 5; i++) json_free(made[i]);
    free(pattern);
    free(file);
    free(folder);
}

static void what_is_left_out_is_said(void **state)
{
    (void)state;
    char *folder = new_folder();
    Json *texts = NULL;
    Notices notices = {0};
    DataSource source = { .place.path = folder };
    write_named(folder, "train-train.csv");
    write_named(folder, "train.txt");
    assert_ok(read_texts(&(DataMix){ .source = &source, .n = 1 }, &texts, &notices));
    assert_int_equal(notices.n, 2);
    assert_string_equal(notices.line[0] + strlen(folder), "/train-train.csv: is read twice, as `datasets` does: two patterns of its split match it");
    assert_string_equal(notices.line[1] + strlen(folder), ": 1 of 3 files are not read: they are not csv, as most are");
    json_free(texts);
    notices_free(&notices);
    free(folder);
}

static int make_world(void **state) { (void)state; return mkdtemp(world) ? 0 : -1; }

static int remove_world(void **state)
{
    (void)state;
    char *command = memory_format("rm -r '%s'", world);
    int code = system(command);
    free(command);
    return code;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_those_of_datasets), cmocka_unit_test(mixtures_are_trls), cmocka_unit_test(columns_are_chosen_and_renamed),
        cmocka_unit_test(complaints_say_what_is_there), cmocka_unit_test(what_is_left_out_is_said),
    };
    return cmocka_run_group_tests(tests, make_world, remove_world);
}
