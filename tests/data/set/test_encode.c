/* From rows to examples: what SFTTrainer's preparation yields (tests/peers/golden_rows.py), refusals and notices. */
#include "tests/data/set/golden.h"

static uint32_t crc32(const void *bytes, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= ((const uint8_t *)bytes)[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

/* A case's flat list, given in full or as its checksum. */
static void assert_flat(const Json *golden, const char *name, const char *sum_name, const int32_t *values, int64_t n)
{
    if (!json_get(golden, name)) {
        assert_int_equal(crc32(values, (size_t)n * sizeof *values), (uint32_t)json_integer(json_get(golden, sum_name)));
        return;
    }
    int64_t n_expected;
    int32_t *expected = golden_integers(json_get(golden, name), &n_expected);
    assert_int_equal(n, n_expected);
    for (int64_t i = 0; i < n; i++)
        if (values[i] != expected[i]) print_error("%s %lld: %d, expected %d\n", name, (long long)i, values[i], expected[i]);
    assert_memory_equal(values, expected, (size_t)n * sizeof *values);
    free(expected);
}

/* Peers keep rows without tokens where nothing drops them; they train nothing, and here they are gone. */
static void check_lengths(const Json *golden, const Examples *examples)
{
    int64_t i = 0;
    for (const Json *length = json_first(json_get(golden, "lengths")); length; length = json_next(length))
        if (json_integer(length)) assert_int_equal(examples_length(examples, i++), json_integer(length));
    assert_int_equal(examples->n, i);
}

static void check_documents(const Json *golden, const Examples *examples)
{
    int64_t i = 0;
    for (const Json *lengths = json_first(json_get(golden, "documents")); lengths; lengths = json_next(lengths), i++) {
        int32_t own;
        int64_t n;
        int32_t *expected = golden_integers(lengths, &n);
        Documents documents = examples_documents(examples, i, &own);
        assert_int_equal(documents.n, n);
        assert_memory_equal(documents.length, expected, (size_t)n * sizeof *expected);
        free(expected);
    }
}

static void check_case(const Json *golden)
{
    Examples examples;
    EncodeCounts counts;
    Notices notices = {0};
    golden_examples(golden, (EncodeOptions){0}, &examples, &counts, &notices);
    int64_t n = examples.begin[examples.n];
    check_lengths(golden, &examples);
    check_documents(golden, &examples);
    assert_flat(golden, "ids", "ids_crc", examples.ids, n);
    assert_flat(golden, "labels", "labels_crc", examples.labels, n);
    examples_free(&examples);
    notices_free(&notices);
}

static bool is_of_tokens(const Json *golden)
{
    const char *rows = json_string(json_get(golden, "rows"));
    return !strcmp(rows, "tokens") || !strcmp(rows, "masked") || !strcmp(rows, "labelled");
}

static void rows_of_tokens_are_trls(void **state)
{
    (void)state;
    int n = 0;
    Json *cases = golden_cases("examples.json");
    for (const Json *golden = json_first(cases); golden; golden = json_next(golden))
        if (is_of_tokens(golden)) {
            check_case(golden);
            n++;
        }
    assert_int_equal(n, 14);
    json_free(cases);
}

/* Rows written to a file of their own. */
typedef struct { char path[64]; Rows rows; Examples examples; EncodeCounts counts; Notices notices; } Fixture;

static Status encode(Fixture *f, const char *text, EncodeOptions options)
{
    *f = (Fixture){ .path = "/tmp/graft-test-XXXXXX" };
    int fd = mkstemp(f->path);
    FILE *file = fdopen(fd, "w");
    fputs(text, file);
    fclose(file);
    Status status = rows_open(&f->rows, f->path, NULL, &f->notices);
    Pool *pool = pool_open(3);
    if (status == STATUS_OK) status = encode_rows(&f->rows, &options, pool, &f->notices, &f->examples, &f->counts);
    pool_close(pool);
    remove(f->path);
    return status;
}

static void fixture_free(Fixture *f)
{
    rows_close(&f->rows);
    examples_free(&f->examples);
    notices_free(&f->notices);
}

static void assert_refused(const char *text, EncodeOptions options, const char *complaint)
{
    Fixture f;
    assert_int_equal(encode(&f, text, options), STATUS_INPUT);
    assert_string_equal(status_message() + strlen(f.path), complaint);
    assert_int_equal(f.examples.n, 0);
    fixture_free(&f);
}

static void refuses_what_trains_nothing(void **state)
{
    (void)state;
    assert_refused("{\"input_ids\": [1, 2, 3, 4], \"labels\": [-100, -100, -100, 4]}\n{\"input_ids\": [1], \"labels\": [1]}\n",
                   (EncodeOptions){ .max_length = 2 },
                   ": no token would be trained: of 2 rows, 1 were cut and 1 dropped for having no trained token left; raise max_length or check the masks");
}

static void refuses_ids_outside_the_vocabulary(void **state)
{
    (void)state;
    assert_refused("{\"input_ids\": [1, 2]}\n\n{\"input_ids\": [1, 9]}\n", (EncodeOptions){ .vocabulary = 9 },
                   ":3: \"input_ids\" holds 9, expected token ids from 0 to 8");
    assert_refused("{\"input_ids\": [1, 2], \"labels\": [-100, -1]}\n", (EncodeOptions){ .vocabulary = 9 },
                   ":1: \"labels\" holds -1, expected token ids from 0 to 8");
}

static void says_that_a_mask_is_not_applied(void **state)
{
    (void)state;
    Fixture f;
    assert_ok(encode(&f, "{\"input_ids\": [1, 2], \"completion_mask\": [0, 0]}\n", (EncodeOptions){0}));
    assert_int_equal(f.notices.n, 1);
    assert_string_equal(f.notices.line[0] + strlen(f.path), ": completion_mask is not applied; completion_only_loss asks for it");
    assert_int_equal(f.counts.trained, 1);
    fixture_free(&f);
}

static void counts_rows(void **state)
{
    (void)state;
    Fixture f;
    assert_ok(encode(&f, "{\"input_ids\": [1, 2, 3, 4]}\n{\"input_ids\": []}\n{\"input_ids\": [5, 6]}\n", (EncodeOptions){ .max_length = 3 }));
    assert_memory_equal(&f.counts, (&(EncodeCounts){ .rows = 3, .examples = 2, .tokens = 5, .trained = 3, .truncated = 1, .dropped = 1 }), sizeof f.counts);
    fixture_free(&f);
}

/* Many tasks on many threads give the rows in order, and the complaint is about the first bad row. */
static void threads_keep_the_order(void **state)
{
    (void)state;
    Fixture f;
    Buffer text = {0};
    for (int i = 0; i < 1000; i++) buffer_format(&text, "{\"input_ids\": [%d, 1]}\n", i);
    assert_ok(encode(&f, text.data, (EncodeOptions){0}));
    for (int i = 0; i < 1000; i++) assert_int_equal(f.examples.ids[2 * i], i);
    fixture_free(&f);
    assert_refused(text.data, (EncodeOptions){ .vocabulary = 700 }, ":701: \"input_ids\" holds 700, expected token ids from 0 to 699");
    buffer_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_tokens_are_trls), cmocka_unit_test(refuses_what_trains_nothing), cmocka_unit_test(refuses_ids_outside_the_vocabulary),
        cmocka_unit_test(says_that_a_mask_is_not_applied), cmocka_unit_test(counts_rows), cmocka_unit_test(threads_keep_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
