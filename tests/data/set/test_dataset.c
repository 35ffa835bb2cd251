/* From a file to examples: what SFTTrainer's preparation yields (tests/peers/golden_rows.py), refusals and notices. */
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
    Notices notices = {0};
    Text text = open_text(json_string(json_get(golden, "tokenizer")));
    golden_examples(golden, (EncodeOptions){ .tokenizer = text.tokenizer, .chat_template = text.chat_template }, &examples, &notices);
    int64_t n = examples.begin[examples.n];
    check_lengths(golden, &examples);
    check_documents(golden, &examples);
    assert_flat(golden, "ids", "ids_crc", examples.ids, n);
    assert_flat(golden, "labels", "labels_crc", examples.labels, n);
    examples_free(&examples);
    notices_free(&notices);
    close_text(&text);
}

static void examples_are_trls(void **state)
{
    (void)state;
    Json *cases = golden_cases("examples.json");
    assert_int_equal(json_count(cases), 30);
    for (const Json *golden = json_first(cases); golden; golden = json_next(golden)) check_case(golden);
    json_free(cases);
}

static void assert_refused(const char *text, DatasetOptions options, const char *complaint)
{
    Fixture f;
    assert_int_equal(read_text(&f, text, options), STATUS_INPUT);
    assert_string_equal(status_message() + strlen(f.path), complaint);
    assert_int_equal(f.examples.n, 0);
    fixture_free(&f);
}

static void refuses_what_trains_nothing(void **state)
{
    (void)state;
    assert_refused("{\"input_ids\": [1, 2, 3, 4], \"labels\": [-100, -100, -100, 4]}\n{\"input_ids\": [1], \"labels\": [1]}\n",
                   (DatasetOptions){ .max_length = 2 },
                   ": no token would be trained: of 2 rows, 1 were cut and 1 dropped for having no trained token left; raise max_length or check the masks");
}

static void refuses_ids_outside_the_vocabulary(void **state)
{
    (void)state;
    assert_refused("{\"input_ids\": [1, 2]}\n\n{\"input_ids\": [1, 9]}\n", (DatasetOptions){ .encode.vocabulary = 9 },
                   ":3: \"input_ids\" holds 9, expected token ids from 0 to 8");
    assert_refused("{\"input_ids\": [1, 2], \"labels\": [-100, -1]}\n", (DatasetOptions){ .encode.vocabulary = 9 },
                   ":1: \"labels\" holds -1, expected token ids from 0 to 8");
}

static void says_that_a_mask_is_not_applied(void **state)
{
    (void)state;
    Fixture f;
    assert_ok(read_text(&f, "{\"input_ids\": [1, 2], \"completion_mask\": [0, 0]}\n", (DatasetOptions){0}));
    assert_int_equal(f.notices.n, 1);
    assert_notice(&f, 0, ":1: the prompt is trained as well; assistant_only_loss (messages) or completion_only_loss (completion_mask) leaves it out, "
                         "false says that it is meant");
    assert_int_equal(f.counts.trained, 1);
    fixture_free(&f);
}

static void counts_rows(void **state)
{
    (void)state;
    Fixture f;
    assert_ok(read_text(&f, "{\"input_ids\": [1, 2, 3, 4]}\n{\"input_ids\": []}\n{\"input_ids\": [5, 6]}\n", (DatasetOptions){ .max_length = 3 }));
    assert_memory_equal(&f.counts, (&(DatasetCounts){ .rows = 3, .examples = 2, .tokens = 5, .trained = 3, .truncated = 1, .dropped = 1 }), sizeof f.counts);
    fixture_free(&f);
}

/* Many tasks on many threads give the rows in order, and the complaint is about the first bad row. */
static void threads_keep_the_order(void **state)
{
    (void)state;
    Fixture f;
    Buffer text = {0};
    for (int i = 0; i < 1000; i++) buffer_format(&text, "{\"input_ids\": [%d, 1]}\n", i);
    assert_ok(read_text(&f, text.data, (DatasetOptions){0}));
    for (int i = 0; i < 1000; i++) assert_int_equal(f.examples.ids[2 * i], i);
    fixture_free(&f);
    assert_refused(text.data, (DatasetOptions){ .encode.vocabulary = 700 }, ":701: \"input_ids\" holds 700, expected token ids from 0 to 699");
    buffer_free(&text);
}

static void says_what_never_stops(void **state)
{
    (void)state;
    Fixture f;
    assert_ok(read_chats(&f, two_turns, "{%- for m in messages %}{{- m.content }}{%- endfor %}", (EncodeOptions){0}));
    assert_notice(&f, 0, ":1: no token that ends an answer is trained, so the model may not learn to stop; look at the template, the masks and eos_token");
    fixture_free(&f);
}

static void says_that_bos_is_doubled(void **state)
{
    (void)state;
    Fixture f;
    Text text = open_text("bos");
    assert_ok(read_text(&f, "{\"text\": \"<s>the cat\"}\n{\"text\": \"the cat\"}\n", (DatasetOptions){ .encode.tokenizer = text.tokenizer }));
    assert_int_equal(f.notices.n, 1);
    assert_notice(&f, 0, ":1: begins with two bos tokens: the text has one and the tokenizer adds another");
    fixture_free(&f);
    close_text(&text);
}

static void says_that_prompts_are_cut(void **state)
{
    (void)state;
    Fixture f;
    Text text = open_text("chatml");
    assert_ok(read_text(&f, "{\"prompt\": \"the ca\", \"completion\": \"t sat\"}\n", (DatasetOptions){ .encode.tokenizer = text.tokenizer }));
    assert_int_equal(f.notices.n, 1);
    assert_notice(&f, 0, ":1: a token spans the border of prompt and completion, so training sees another context than inference; end the prompt, or begin "
                         "the completion, otherwise");
    fixture_free(&f);
    close_text(&text);
}

static void refuses_options_that_rows_cannot_follow(void **state)
{
    (void)state;
    Fixture f;
    Text text = open_text("chatml");
    const struct { const char *rows; EncodeOptions options; const char *start, *end; } cases[] = {
        { "{\"text\": \"a\"}", { .tokenizer = text.tokenizer, .assistant_only_loss = true },
          "assistant_only_loss: ", " has no messages, so nothing says which text is the assistant's" },
        { "{\"text\": \"a\"}", { .tokenizer = text.tokenizer, .completion_only_loss = COMPLETION_LOSS_ONLY },
          "completion_only_loss: the rows of ", " have no completion" },
        { two_turns, { .tokenizer = text.tokenizer, .chat_template = text.chat_template, .completion_only_loss = COMPLETION_LOSS_ONLY },
          "completion_only_loss: the rows of ", " have no completion; assistant_only_loss trains the assistant's messages" },
        { two_turns, { .tokenizer = text.tokenizer }, "", " holds messages and the model has no chat template; give one with chat_template_path" },
        { two_turns, {0}, "", " holds messages and the model has no tokenizer; add its tokenizer.json, or give rows of input_ids" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}",
          { .tokenizer = text.tokenizer, .chat_template = text.chat_template, .assistant_only_loss = true },
          "", ":1: no token of an assistant's message, and assistant_only_loss trains nothing else" },
        { "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"chat_template_kwargs\": {\"tokenize\": 1}}",
          { .tokenizer = text.tokenizer, .chat_template = text.chat_template }, "", ":1: chat_template_kwargs: \"tokenize\" is not a variable of the template" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[512];
        assert_int_equal(read_text(&f, cases[i].rows, (DatasetOptions){ .encode = cases[i].options }), STATUS_INPUT);
        snprintf(expected, sizeof expected, "%s%s%s", cases[i].start, f.path, cases[i].end);
        assert_string_equal(status_message(), expected);
        fixture_free(&f);
    }
    close_text(&text);
}

static void a_template_that_raises_names_the_line(void **state)
{
    (void)state;
    Fixture f;
    assert_int_equal(read_chats(&f, two_turns, "{{ raise_exception('no') }}", (EncodeOptions){0}), STATUS_INPUT);
    assert_int_equal(strncmp(status_message() + strlen(f.path), ":1: template", 12), 0);
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_trls), cmocka_unit_test(refuses_what_trains_nothing), cmocka_unit_test(refuses_ids_outside_the_vocabulary),
        cmocka_unit_test(says_that_a_mask_is_not_applied), cmocka_unit_test(counts_rows), cmocka_unit_test(threads_keep_the_order),
        cmocka_unit_test(says_what_never_stops), cmocka_unit_test(says_that_bos_is_doubled), cmocka_unit_test(says_that_prompts_are_cut),
        cmocka_unit_test(refuses_options_that_rows_cannot_follow), cmocka_unit_test(a_template_that_raises_names_the_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
