/* `graft tokenize`: one line per row, in order, and the line of a row that is bad. That ids and labels are TRL's is compared row by
 * row in tests/peers/check_masks.py. */
#include "tests/train/rows/commands.h"

#include "data/file/json.h"
#include "train/rows/tokenize.h"

static const char chat[] = "{\"messages\": [{\"role\": \"user\", \"content\": \"caf\\u00e9\"}, {\"role\": \"assistant\", \"content\": \"\\ud83d\\ude42 ok\"}]}\n";

static void prints_a_row(void **state)
{
    (void)state;
    Ran ran = run_rows(tokenize_rows, "{\"text\": \"a<|im_end|>\"}\n", NULL, NULL);
    assert_ok(ran.status);
    assert_string_equal(ran.out, "{\"input_ids\": [67, 2], \"labels\": [67, 2]}\n");
    ran_free(&ran);
}

static void ends_a_text_unless_told_not_to(void **state)
{
    (void)state;
    Ran ran = run_rows(tokenize_rows, "{\"text\": \"a\"}\n\n{\"text\": \"\"}\n", "--render", NULL);
    assert_ok(ran.status);
    assert_string_equal(ran.out, "{\"input_ids\": [67, 2], \"labels\": [67, 2], \"text\": \"a<|im_end|>\", \"generation\": []}\n"
                                 "{\"input_ids\": [2], \"labels\": [2], \"text\": \"<|im_end|>\", \"generation\": []}\n");
    ran_free(&ran);
    ran = run_rows(tokenize_rows, "{\"text\": \"a\"}\n{\"text\": \"\"}\n", "--no_eos", "--render");
    assert_ok(ran.status);
    assert_string_equal(ran.out, "{\"input_ids\": [67], \"labels\": [67], \"text\": \"a\", \"generation\": []}\n"
                                 "{\"input_ids\": [], \"labels\": [], \"text\": \"\", \"generation\": []}\n");
    ran_free(&ran);
}

static void counts_generation_in_characters(void **state)
{
    (void)state;
    Ran ran = run_rows(tokenize_rows, chat, "--render", NULL);
    Json *line;
    assert_ok(ran.status);
    assert_ok(json_parse(&line, "line", ran.out, strlen(ran.out)));
    assert_string_equal(json_string(json_get(line, "text")), "<|im_start|>user\ncaf\xc3\xa9<|im_end|>\n<|im_start|>assistant\n\xf0\x9f\x99\x82 ok<|im_end|>\n");
    const Json *span = json_at(json_get(line, "generation"), 0);
    assert_int_equal(json_count(json_get(line, "generation")), 1);
    assert_int_equal(json_integer(json_at(span, 0)), 17 + 4 + 11 + 22);
    assert_int_equal(json_integer(json_at(span, 1)), 17 + 4 + 11 + 22 + 4 + 11);
    json_free(line);
    ran_free(&ran);
}

/* A range in a range, which transformers lets begin with it, and one of a text that a filter made shorter: it ends where the text ends. */
static void ranges_stay_in_the_text(void **state)
{
    (void)state;
    static const char *const templates[][2] = {
        { "{% generation %}\xc3\xa9{% generation %}b{% endgeneration %}cd{% endgeneration %}e", "[[0, 1], [0, 4]]}\n" },
        { "a{% filter trim %}{% generation %}    \xc3\xa9      {% endgeneration %}{% endfilter %}", "[[1, 2]]}\n" },
    };
    for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
        char path[32], *flag;
        write_file(path, templates[i][0]);
        flag = memory_format("--chat_template_path=%s", path);
        Ran ran = run_rows(tokenize_rows, chat, "--render", flag);
        assert_ok(ran.status);
        assert_string_equal(strstr(ran.out, "\"generation\": ") + strlen("\"generation\": "), templates[i][1]);
        remove(path);
        free(flag);
        ran_free(&ran);
    }
}

static void goes_up_to_the_next_turn(void **state)
{
    (void)state;
    Ran ran = run_rows(tokenize_rows, "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n", "--render", "--add_generation_prompt=true");
    assert_ok(ran.status);
    assert_non_null(strstr(ran.out, "\"text\": \"<|im_start|>user\\na<|im_end|>\\n<|im_start|>assistant\\n\", \"generation\": []}\n"));
    ran_free(&ran);
}

static void rows_of_ids_have_no_text(void **state)
{
    (void)state;
    Ran ran = run_rows(tokenize_rows, "{\"input_ids\": [5, 7], \"labels\": [-100, 7]}\n", "--render", NULL);
    assert_ok(ran.status);
    assert_string_equal(ran.out, "{\"input_ids\": [5, 7], \"labels\": [-100, 7], \"text\": null, \"generation\": []}\n");
    ran_free(&ran);
}

/* More rows than one round of tasks takes. */
static void keeps_the_order_and_cuts_nothing(void **state)
{
    (void)state;
    Buffer rows = {0}, expected = {0};
    for (int i = 0; i < 1500; i++) {
        buffer_format(&rows, "{\"input_ids\": [%d, 1]}\n", i);
        buffer_format(&expected, "{\"input_ids\": [%d, 1], \"labels\": [%d, 1]}\n", i, i);
    }
    Ran ran = run_rows(tokenize_rows, rows.data, "--max_length=1", NULL);
    assert_ok(ran.status);
    assert_string_equal(ran.out, expected.data);
    ran_free(&ran);
    buffer_free(&rows);
    buffer_free(&expected);
}

static void a_bad_row_is_named_behind_the_good_ones(void **state)
{
    (void)state;
    Ran ran = run_rows(tokenize_rows, "{\"text\": \"a\"}\n\n{\"text\": 1}\n{\"text\": \"b\"}\n", NULL, NULL);
    assert_int_equal(ran.status, STATUS_INPUT);
    assert_string_equal(ran.out, "{\"input_ids\": [67, 2], \"labels\": [67, 2]}\n");
    char *message = without_path(&ran, status_message());
    assert_string_equal(message, ":3: \"text\" is an integer, expected a string");
    free(message);
    ran_free(&ran);
}

/* A flag that may stand alone leaves the file behind it alone. */
static void takes_the_file_anywhere(void **state)
{
    (void)state;
    char path[32];
    write_file(path, "{\"text\": \"a\"}\n");
    const char *const calls[][8] = {
        { path, "--model_name_or_path", CHATML, "--render", "--no_eos", NULL }, { "--no_eos", "--render", path, "--model_name_or_path=" CHATML, NULL },
        { "--render", "true", "--eos", "false", path, "--model_name_or_path", CHATML, NULL }, { "--dataset_name", path, "--model_name_or_path", CHATML, "--no_eos", "--render", NULL },
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        Ran ran = run_words(tokenize_rows, calls[i]);
        assert_ok(ran.status);
        assert_string_equal(ran.out, "{\"input_ids\": [67], \"labels\": [67], \"text\": \"a\", \"generation\": []}\n");
        ran_free(&ran);
    }
    remove(path);
}

static void says_what_is_missing(void **state)
{
    (void)state;
    const struct { const char *words[6]; const char *message; } cases[] = {
        { { "rows.jsonl", NULL }, "model_name_or_path is missing: the base model, a folder or a GGUF file (--model_name_or_path DIR)" },
        { { "--model_name_or_path", CHATML, NULL }, "dataset_name is missing: the training rows (--dataset_name train.jsonl)" },
        { { "--model_name_or_path", CHATML, "a.jsonl", "b.jsonl", NULL }, "dataset_name: found \"b.jsonl\", but dataset_name is \"a.jsonl\"; they are one key: give one value" },
        { { "--model_name_or_path", "/tmp/graft-nowhere", "a.jsonl", NULL }, "model_name_or_path: /tmp/graft-nowhere: No such file or directory" },
        { { "--model_name_or_path", CHATML, "/tmp/graft-nothing.jsonl", NULL }, "/tmp/graft-nothing.jsonl: No such file or directory" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Ran ran = run_words(tokenize_rows, cases[i].words);
        assert_int_equal(ran.status, STATUS_INPUT);
        assert_string_equal(status_message(), cases[i].message);
        assert_string_equal(ran.out, "");
        ran_free(&ran);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_a_row), cmocka_unit_test(ends_a_text_unless_told_not_to), cmocka_unit_test(counts_generation_in_characters), cmocka_unit_test(ranges_stay_in_the_text),
        cmocka_unit_test(goes_up_to_the_next_turn), cmocka_unit_test(rows_of_ids_have_no_text), cmocka_unit_test(keeps_the_order_and_cuts_nothing),
        cmocka_unit_test(a_bad_row_is_named_behind_the_good_ones), cmocka_unit_test(takes_the_file_anywhere), cmocka_unit_test(says_what_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
