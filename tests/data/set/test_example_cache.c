#include "tests/testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "data/file/digest.h"
#include "data/file/output.h"
#include "data/set/example_cache.h"
#include "kernels/memory.h"

static char *folder;

static int make_folder(void **state)
{
    (void)state;
    folder = memory_string("/tmp/graft-cache-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
    (void)state;
    Status status = output_remove(folder);
    free(folder);
    return (int)status;
}

static Examples some(void)
{
    Examples e = {0};
    examples_add(&e, (int32_t[]){ 5, 6, 7 }, (int32_t[]){ LABEL_NONE, 6, 7 }, 3);
    examples_add(&e, NULL, NULL, 0);
    examples_add(&e, (int32_t[]){ 9 }, (int32_t[]){ 9 }, 1);
    return e;
}

static void what_was_saved_comes_back(void **state)
{
    (void)state;
    char *path = memory_format("%s/a/b/entry.safetensors", folder);
    Examples e = some(), back = {0};
    int64_t number[2] = { 3, -4 }, read[2] = {0};
    assert_false(example_cache_load(path, 10, &back, read, 2));
    example_cache_save(path, &e, number, 2);
    assert_true(example_cache_load(path, 10, &back, read, 2));
    assert_memory_equal(read, number, sizeof number);
    assert_int_equal(back.n, 3);
    assert_memory_equal(back.begin, e.begin, 4 * sizeof *e.begin);
    assert_memory_equal(back.ids, e.ids, 4 * sizeof *e.ids);
    assert_memory_equal(back.labels, e.labels, 4 * sizeof *e.labels);
    examples_add(&back, (int32_t[]){ 1 }, (int32_t[]){ 1 }, 1);      /* it can grow */
    assert_int_equal(back.begin[4], 5);
    examples_free(&back);
    assert_false(example_cache_load(path, 9, &back, read, 2));       /* id 9 of a vocabulary of 9 */
    assert_false(example_cache_load(path, 10, &back, read, 1));
    examples_free(&e);
    free(path);
}

/* Whatever one byte becomes, the entry is refused or sound. */
static void a_damaged_entry_is_none(void **state)
{
    (void)state;
    char *path = memory_format("%s/entry.safetensors", folder);
    Examples e = some();
    int64_t number = 1;
    example_cache_save(path, &e, &number, 1);
    FILE *f = fopen(path, "rb");
    char bytes[4096];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    for (size_t i = 0; i < n; i++) {
        Examples back = {0};
        char kept = bytes[i];
        bytes[i] = (char)(bytes[i] ^ 0xFF);
        assert_ok(output_save(path, bytes, n));
        bytes[i] = kept;
        if (!example_cache_load(path, 10, &back, &number, 1)) continue;
        assert_int_equal(back.begin[0], 0);
        for (int64_t t = 0; t < back.begin[back.n]; t++) assert_in_range(back.ids[t], 0, 9);
        examples_free(&back);
    }
    for (size_t length = 0; length < n; length += 7) {
        Examples back = {0};
        assert_ok(output_save(path, bytes, length));
        assert_false(example_cache_load(path, 10, &back, &number, 1));
    }
    examples_free(&e);
    free(path);
}

static void what_cannot_be_written_is_left_out(void **state)
{
    (void)state;
    char *file = memory_format("%s/file", folder), *path = memory_format("%s/entry.safetensors", file);
    Examples e = some(), back = {0};
    int64_t number = 1;
    assert_ok(output_save(file, "x", 1));
    example_cache_save(path, &e, &number, 1);
    assert_false(example_cache_load(path, 10, &back, &number, 1));
    examples_free(&e);
    free(path);
    free(file);
}

static void where_entries_lie(void **state)
{
    (void)state;
    setenv("HOME", "/home/someone", 1);
    setenv("XDG_CACHE_HOME", "/fast/cache", 1);
    char *path = example_cache_path("abc");
    assert_string_equal(path, "/fast/cache/graft/examples/abc.safetensors");
    free(path);
    unsetenv("XDG_CACHE_HOME");
    path = example_cache_path("abc");
    assert_string_equal(path, "/home/someone/.cache/graft/examples/abc.safetensors");
    free(path);
    unsetenv("HOME");
    assert_null(example_cache_path("abc"));
}

static void digest_of(char out[DIGEST_TEXT], const char *a, const char *b)
{
    Digest *digest = digest_new();
    digest_add_text(digest, a);
    digest_add_text(digest, b);
    digest_finish(digest, out);
}

/* Expected by Python: hashlib.sha256(b"\3\0\0\0\0\0\0\0abc" + b"\0" * 8).hexdigest() */
static void digests_tell_parts_apart(void **state)
{
    (void)state;
    char one[DIGEST_TEXT], other[DIGEST_TEXT];
    digest_of(one, "abc", "");
    assert_string_equal(one, "3e2f8940c3a0e0fd6f6e07bbf07f015dd7c147431e5fa14bf3f225d782641540");
    digest_of(other, "ab", "c");
    assert_string_not_equal(one, other);
    digest_of(other, "abc", NULL);
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_comes_back), cmocka_unit_test(a_damaged_entry_is_none), cmocka_unit_test(what_cannot_be_written_is_left_out),
        cmocka_unit_test(where_entries_lie), cmocka_unit_test(digests_tell_parts_apart),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
