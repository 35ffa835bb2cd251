/* An example as text: trained parts marked, escapes of the file shown harmless, long examples cut. */
#include "tests/data/set/golden.h"

#include "data/set/preview.h"

static void preview_marks_what_is_trained(void **state)
{
    (void)state;
    Fixture f;
    Buffer out = {0};
    Text text = open_text("chatml");
    assert_ok(read_text(&f, "{\"messages\": [{\"role\": \"user\", \"content\": \"the cat \\u001b[2J\"}, {\"role\": \"assistant\", \"content\": \"sat 🙂\"}]}",
                        (DatasetOptions){ .encode = { .tokenizer = text.tokenizer, .chat_template = text.chat_template, .assistant_only_loss = true } }));
    preview_example(text.tokenizer, &f.examples, 0, 100, PREVIEW_BRACKETS, &out);
    assert_string_equal(out.data, "<|im_start|>user\nthe cat ·[2J<|im_end|>\n<|im_start|>assistant\n⟦sat 🙂<|im_end|>\n⟧");
    buffer_clear(&out);
    preview_example(text.tokenizer, &f.examples, 0, 100, PREVIEW_UNDERLINED, &out);
    assert_non_null(strstr(out.data, "\x1b[4msat 🙂<|im_end|>\n\x1b[24m"));
    buffer_clear(&out);
    preview_example(text.tokenizer, &f.examples, 0, 1, PREVIEW_BRACKETS, &out);
    char expected[128];
    snprintf(expected, sizeof expected, "<|im_start|>\n… %d more tokens, %d of them trained", (int)f.counts.tokens - 1, (int)f.counts.trained);
    assert_string_equal(out.data, expected);
    buffer_clear(&out);
    Examples ids = {0};
    examples_add(&ids, (const int32_t[]){ 5, 6, 7, 8, 9 }, (const int32_t[]){ 5, LABEL_NONE, 7, 8, LABEL_NONE }, 5);
    preview_ids(&ids, 0, PREVIEW_BRACKETS, &out);
    assert_string_equal(out.data, "5 6 ⟦7 8⟧ 9");
    examples_free(&ids);
    buffer_free(&out);
    fixture_free(&f);
    close_text(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(preview_marks_what_is_trained) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
