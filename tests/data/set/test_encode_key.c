/* Large data are encoded once: the second reading takes the entry of the cache, and whatever decides the result makes another one. */
#include "tests/testing.h"

#include <dirent.h>

#include "data/file/output.h"
#include "data/set/example_cache.h"
#include "kernels/memory.h"
#include "tests/data/set/golden.h"

static char cache[] = "/tmp/graft-cache-XXXXXX";

static int make_cache(void **state)
{
    (void)state;
    return mkdtemp(cache) ? setenv("XDG_CACHE_HOME", cache, 1) : 1;
}

static int remove_cache(void **state)
{
    (void)state;
    return (int)output_remove(cache);
}

/* How many entries there are; the path of one of them, the caller's to free. */
static int entries(char **path)
{
    char *folder = memory_format("%s/graft/examples", cache);
    DIR *dir = opendir(folder);
    int n = 0;
    for (struct dirent *item; dir && (item = readdir(dir));) {
        if (item->d_name[0] == '.') continue;
        if (path && !n) *path = memory_format("%s/%s", folder, item->d_name);
        n++;
    }
    if (dir) closedir(dir);
    free(folder);
    return n;
}

/* n rows of a KiB and more. */
static char *rows_of(int n, const char *last)
{
    Buffer text = {0};
    for (int i = 0; i < n; i++) {
        buffer_format(&text, "{\"text\": \"%d", i);
        for (int k = 0; k < 256; k++) buffer_add_string(&text, " abc");
        buffer_format(&text, "%s\"}\n", i == n - 1 ? last : "");
    }
    return buffer_take(&text);
}

static Fixture read_rows(const char *rows, EncodeOptions encode)
{
    Fixture f;
    assert_ok(read_text(&f, rows, (DatasetOptions){ .encode = encode }));
    return f;
}

static void the_second_reading_takes_the_entry(void **state)
{
    (void)state;
    Text text = open_text("chatml");
    EncodeOptions encode = { .tokenizer = text.tokenizer, .cache_for = GRAFT_GOLDEN "/rows/chatml", .vocabulary = tokenizer_size(text.tokenizer) };
    char *rows = rows_of(1100, "<|im_end|>"), *path = NULL;
    Fixture first = read_rows(rows, encode), second = read_rows(rows, encode);
    int64_t n = first.examples.begin[first.examples.n];
    assert_int_equal(entries(&path), 1);
    assert_int_equal(second.examples.n, first.examples.n);
    assert_int_equal(second.examples.begin[second.examples.n], n);
    assert_memory_equal(second.examples.ids, first.examples.ids, (size_t)n * sizeof(int32_t));
    assert_memory_equal(second.examples.labels, first.examples.labels, (size_t)n * sizeof(int32_t));
    assert_int_equal(second.notices.n, first.notices.n);
    for (int i = 0; i < first.notices.n; i++)
        assert_string_equal(second.notices.line[i] + strlen(second.path), first.notices.line[i] + strlen(first.path));
    fixture_free(&second);

    /* What the entry says is what is read. */
    Examples kept = {0};
    int64_t *problems = memory_new(1100, sizeof *problems);
    assert_true(example_cache_load(path, 0, &kept, problems, 1100));
    kept.ids[5]++;
    example_cache_save(path, &kept, problems, 1100);
    second = read_rows(rows, encode);
    assert_int_equal(second.examples.ids[5], first.examples.ids[5] + 1);
    fixture_free(&second);
    examples_free(&kept);
    free(problems);

    /* A damaged entry is made again, with the same result. */
    assert_ok(output_save(path, "damaged", 7));
    second = read_rows(rows, encode);
    assert_memory_equal(second.examples.ids, first.examples.ids, (size_t)n * sizeof(int32_t));
    assert_int_equal(entries(NULL), 1);
    fixture_free(&second);

    char *other = rows_of(1100, "x");
    Fixture changed = read_rows(other, encode);
    assert_int_equal(entries(NULL), 2);
    fixture_free(&changed);
    encode.eos_token = "a";
    changed = read_rows(rows, encode);
    assert_int_equal(entries(NULL), 3);
    fixture_free(&changed);
    encode.cache_for = GRAFT_GOLDEN "/rows/bos";
    changed = read_rows(rows, encode);
    assert_int_equal(entries(NULL), 4);
    fixture_free(&changed);

    free(other);
    free(rows);
    free(path);
    fixture_free(&first);
    close_text(&text);
}

static void small_data_leave_nothing(void **state)
{
    (void)state;
    Text text = open_text("chatml");
    EncodeOptions encode = { .tokenizer = text.tokenizer, .cache_for = GRAFT_GOLDEN "/rows/chatml" };
    char *rows = rows_of(10, "");
    int before = entries(NULL);
    Fixture f = read_rows(rows, encode);
    assert_int_equal(entries(NULL), before);
    fixture_free(&f);
    free(rows);
    rows = rows_of(1100, "without a cache");
    encode.cache_for = NULL;
    f = read_rows(rows, encode);
    assert_int_equal(entries(NULL), before);
    fixture_free(&f);
    free(rows);
    close_text(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_second_reading_takes_the_entry), cmocka_unit_test(small_data_leave_nothing) };
    return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
