/* The assistant's turns: markers against prefixes, and templates that change what came before. Spans to tokens are compared with
 * transformers in test_dataset.c. */
#include "tests/data/set/golden.h"

/* The golden template without its markers: prefixes of the conversations must find the same turns. */
static void prefixes_find_the_turns_that_markers_mark(void **state)
{
    (void)state;
    static const char *const markers[] = { "{% generation %}", "{% endgeneration %}" };
    Examples marked, found;
    Notices notices = {0};
    Text text = open_text("chatml");
    Json *golden;
    const char options[] = "{\"rows\": \"chats\", \"options\": {\"assistant_only_loss\": true}}";
    assert_ok(json_parse(&golden, "options", options, strlen(options)));
    golden_examples(golden, (EncodeOptions){ .tokenizer = text.tokenizer, .chat_template = text.chat_template }, &marked, &notices);
    assert_int_equal(notices.n, 0);

    char *source = memory_string(tokenizer_chat_template(text.tokenizer));
    for (int i = 0; i < 2; i++) memset(strstr(source, markers[i]), ' ', strlen(markers[i]));      /* spaces the template trims */
    chat_template_close(text.chat_template);
    assert_ok(chat_template_open(&text.chat_template, "no markers", source));
    golden_examples(golden, (EncodeOptions){ .tokenizer = text.tokenizer, .chat_template = text.chat_template }, &found, &notices);
    assert_int_equal(notices.n, 1);
    assert_string_equal(notices.line[0], "the chat template has no {% generation %}: the assistant's turns were found by rendering every beginning of a conversation");
    assert_int_equal(found.begin[found.n], marked.begin[marked.n]);
    assert_memory_equal(found.ids, marked.ids, (size_t)marked.begin[marked.n] * 4);
    assert_memory_equal(found.labels, marked.labels, (size_t)marked.begin[marked.n] * 4);
    examples_free(&marked);
    examples_free(&found);
    notices_free(&notices);
    free(source);
    json_free(golden);
    close_text(&text);
}

/* Like templates that drop the reasoning of all turns but the last. */
static void turns_that_change_later_are_said(void **state)
{
    (void)state;
    Fixture f;
    const char *source = "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' }}{%- if m.role == 'assistant' and loop.last %}{{- 'hm: ' }}{%- endif %}"
                         "{{- m.content + '<|im_end|>\\n' }}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}";
    assert_ok(read_chats(&f, two_turns, source, (EncodeOptions){ .assistant_only_loss = true }));
    assert_int_equal(f.notices.n, 3);
    assert_notice(&f, 1, ":1: the template renders the beginning of the conversation otherwise when an answer follows, so training sees another context than inference");
    assert_notice(&f, 2, ":1: a turn of the assistant is not trained: the template renders it otherwise when messages follow, and marks no {% generation %}");
    fixture_free(&f);
}

/* The tokens of a text whose labels are trained. */
static void assert_trained(const Fixture *f, const char *expected)
{
    Buffer trained = {0};
    Text text = open_text("chatml");
    for (int64_t t = 0; t < f->examples.begin[f->examples.n]; t++)
        if (f->examples.labels[t] != LABEL_NONE) tokenizer_decode(text.tokenizer, f->examples.ids + t, 1, false, &trained);
    assert_string_equal(trained.data, expected);
    buffer_free(&trained);
    close_text(&text);
}

static char *golden_source(const char *name)
{
    char path[300];
    Mapped file = {0};
    Buffer text = {0};
    snprintf(path, sizeof path, GRAFT_GOLDEN "/templates/%s", name);
    assert_ok(mapped_open(&file, path));
    buffer_add(&text, file.bytes, file.n_bytes);
    mapped_close(&file);
    return buffer_take(&text);
}

/* Qwen's own template trains what TRL's training template for it trains, and that is said. */
static void a_training_template_is_found_for_a_known_template(void **state)
{
    (void)state;
    Fixture own, marked;
    char *source = golden_source("qwen2_5.jinja"), *training = golden_source("qwen2_5_training.jinja");
    assert_ok(read_chats(&own, two_turns, source, (EncodeOptions){ .assistant_only_loss = true }));
    assert_ok(read_chats(&marked, two_turns, training, (EncodeOptions){ .assistant_only_loss = true }));
    assert_trained(&own, "\nb<|im_end|>\n\nd<|im_end|>\n");
    assert_int_equal(own.examples.begin[1], marked.examples.begin[1]);
    assert_memory_equal(own.examples.ids, marked.examples.ids, (size_t)own.examples.begin[1] * 4);
    assert_memory_equal(own.examples.labels, marked.examples.labels, (size_t)own.examples.begin[1] * 4);
    assert_int_equal(own.notices.n, 1);
    assert_notice(&own, 0, "the chat template has no {% generation %}: it is Qwen 2.5's, for which graft knows where the assistant's turns are; the text stays the same");
    fixture_free(&own);
    assert_ok(read_chats(&own, two_turns, source, (EncodeOptions){ .prompt_is_meant = true }));
    assert_int_equal(own.notices.n, 0);
    fixture_free(&own);
    fixture_free(&marked);
    free(source);
    free(training);
}

/* The same text on every day, so that a run can go on tomorrow. */
static void a_date_can_be_pinned(void **state)
{
    (void)state;
    Fixture f;
    const char *source = "{{ strftime_now('%d %b %Y') }}{% generation %}x{% endgeneration %}";
    assert_ok(read_chats(&f, two_turns, source, (EncodeOptions){ .date = "2024-02-29" }));
    assert_trained(&f, "29 Feb 2024x");
    fixture_free(&f);
    assert_int_equal(read_chats(&f, two_turns, source, (EncodeOptions){ .date = "2023-02-29" }), STATUS_INPUT);
    assert_non_null(strstr(status_message(), "date '2023-02-29' is no day of the form YYYY-MM-DD"));
    fixture_free(&f);
}

/* A prompt that opens a thought which the conversations do not have. */
static void a_turn_starts_where_prompt_and_whole_part(void **state)
{
    (void)state;
    Fixture f;
    const char *source = "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' }}{%- endfor %}"
                         "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n...' }}{%- endif %}";
    assert_ok(read_chats(&f, two_turns, source, (EncodeOptions){ .assistant_only_loss = true }));
    assert_trained(&f, "b<|im_end|>d<|im_end|>");
    fixture_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_find_the_turns_that_markers_mark), cmocka_unit_test(turns_that_change_later_are_said),
        cmocka_unit_test(a_turn_starts_where_prompt_and_whole_part), cmocka_unit_test(a_training_template_is_found_for_a_known_template),
        cmocka_unit_test(a_date_can_be_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
