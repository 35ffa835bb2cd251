/* `graft lint`: the report, the exit code, what is shown, and that a recipe of graft sft is enough. What each problem is, is tested in
 * tests/data/set/test_problems.c. */
#include "tests/train/rows/commands.h"

#include "train/rows/lint.h"

#define CHAT(user, assistant) "{\"messages\": [{\"role\": \"user\", \"content\": \"" user "\"}, {\"role\": \"assistant\", \"content\": \"" assistant "\"}]}\n"

static void assert_report(const Ran *ran, const char *expected)
{
    char *report = without_path(ran, ran->out);
    assert_string_equal(report, expected);
    free(report);
}

static void good_rows_are_ok(void **state)
{
    (void)state;
    Ran ran = run_rows(lint_rows, CHAT("a", "b") CHAT("c", "d"), "--assistant_only_loss", NULL);
    assert_ok(ran.status);
    assert_report(&ran, ": 2 rows, 44 tokens, 6 trained (13.6 %), longest row 22\n\nrows with errors: 0, with warnings: 0\n");
    assert_string_equal(ran.messages, "");
    ran_free(&ran);
}

static void warnings_are_ok(void **state)
{
    (void)state;
    Ran ran = run_rows(lint_rows, CHAT("a", "b") CHAT("c", " ") "\n" CHAT("a", "b"), "--assistant_only_loss", NULL);
    assert_ok(ran.status);
    assert_report(&ran, ": 3 rows, 66 tokens, 9 trained (13.6 %), longest row 22\n\nwarning empty-answer, 1 row: an answer is empty\n  :2\n\n"
                        "warning duplicate, 1 row: the same tokens as an earlier row\n  :4, as :1\n\nrows with errors: 0, with warnings: 2\n");
    ran_free(&ran);
}

/* Every row is looked at, whatever the one before. */
static void errors_are_not(void **state)
{
    (void)state;
    Ran ran = run_rows(lint_rows, "{\"text\": \"a\"}\n{\"text\": 1}\n{\"text\": \"\xff\"}\n{\"text\": \"b\"}\n{\"text\": 2}\n{\"text\": 3}\n{\"text\": 4}\n{\"text\": 5}\n{\"text\": 6}\n"
                                  "{\"text\": 7}\n", NULL, NULL);
    assert_int_equal(ran.status, STATUS_INPUT);
    assert_string_equal(status_message(), "rows with errors: 8");
    assert_report(&ran, ": 10 rows, 4 tokens, 2 trained (50.0 %), longest row 2\n\nerror invalid-utf8, 1 row: not UTF-8 text\n  :3: invalid UTF-8 at line 1, column 11\n\n"
                        "error unreadable, 7 rows: cannot become tokens\n  :2: \"text\" is an integer, expected a string\n  :5: \"text\" is an integer, expected a string\n"
                        "  :6: \"text\" is an integer, expected a string\n  :7: \"text\" is an integer, expected a string\n  :8: \"text\" is an integer, expected a string\n"
                        "  … 2 more\n\nrows with errors: 8, with warnings: 0\n");
    ran_free(&ran);
}

static void shows_rows_as_they_are_cut(void **state)
{
    (void)state;
    Ran ran = run_rows(lint_rows, "{\"prompt\": \"a\", \"completion\": \" b\"}\n{\"prompt\": \"a b\", \"completion\": \" a\"}\n{\"prompt\": \"a\", \"completion\": \"c\"}\n", "--show=2", "--max_length=3");
    assert_int_equal(ran.status, STATUS_INPUT);
    assert_non_null(strstr(ran.out, ":1: 3 of 4 tokens, 2 trained\na\xe2\x9f\xa6 b\xe2\x9f\xa7\n\n--- "));
    assert_non_null(strstr(ran.out, ":2: 0 of 5 tokens, 0 trained\n"));
    assert_null(strstr(ran.out, ":3: "));
    ran_free(&ran);
    ran = run_rows(lint_rows, "{\"input_ids\": [5, 6, 7, 2], \"labels\": [-100, 6, 7, 2]}\n{\"input_ids\": [5, 6], \"labels\": [-100, -100]}\n", "--show=2", "--show_ids");
    assert_int_equal(ran.status, STATUS_INPUT);
    assert_non_null(strstr(ran.out, ":1: 4 of 4 tokens, 3 trained\n"));
    assert_non_null(strstr(ran.out, "\n5 \xe2\x9f\xa6" "6 7 2\xe2\x9f\xa7\n"));
    assert_non_null(strstr(ran.out, ":2: 0 of 2 tokens, 0 trained\n"));
    ran_free(&ran);
}

/* A whole recipe: keys that have nothing to do with rows change nothing, evaluation rows are read without an eval_strategy. */
static void takes_a_recipe_and_compares_the_splits(void **state)
{
    (void)state;
    char folder[] = "/tmp/graft-test-XXXXXX", config[32];
    assert_non_null(mkdtemp(folder));
    const struct { const char *name, *rows; } files[] = { { "train", CHAT("a", "b") CHAT("c", "d") }, { "test", CHAT("e", "f") CHAT("c", "d") } };
    for (int i = 0; i < 2; i++) {
        char *path = memory_format("%s/%s.jsonl", folder, files[i].name);
        FILE *file = fopen(path, "w");
        fputs(files[i].rows, file);
        fclose(file);
        free(path);
    }
    char *recipe = memory_format("{\"model_name_or_path\": \"%s\", \"dataset_name\": \"%s\", \"learning_rate\": 1e-4, \"lora_r\": 8, \"assistant_only_loss\": true}", CHATML, folder);
    write_file(config, recipe);
    Ran ran = run_words(lint_rows, (const char *const[]){ "--config", config, NULL });
    strcpy(ran.path, folder);
    assert_ok(ran.status);
    assert_report(&ran, "/train.jsonl: 2 rows, 44 tokens, 6 trained (13.6 %), longest row 22\n\n/test.jsonl: 2 rows, 44 tokens, 6 trained (13.6 %), longest row 22\n\n"
                        "warning overlap, 1 row: the same tokens as a row that is trained on: the evaluation is no test\n  /test.jsonl:2, as /train.jsonl:2\n\n"
                        "rows with errors: 0, with warnings: 1\n");
    ran_free(&ran);
    for (int i = 0; i < 2; i++) {
        char *path = memory_format("%s/%s.jsonl", folder, files[i].name);
        remove(path);
        free(path);
    }
    rmdir(folder);
    remove(config);
    free(recipe);
}

static void says_what_cannot_be_looked_at(void **state)
{
    (void)state;
    Ran ran = run_rows(lint_rows, "{\"text\": \"a\"}\n", "--assistant_only_loss", NULL);
    assert_int_equal(ran.status, STATUS_INPUT);
    char *message = without_path(&ran, status_message());
    assert_string_equal(message, "assistant_only_loss:  has no messages, so nothing says which text is the assistant's");
    free(message);
    ran_free(&ran);
    ran = run_rows(lint_rows, "{\"text\": \"a\"}\n", "--sho=1", NULL);
    assert_int_equal(ran.status, STATUS_INPUT);
    assert_string_equal(status_message(), "unknown key --sho; did you mean --show?");
    ran_free(&ran);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_rows_are_ok), cmocka_unit_test(warnings_are_ok), cmocka_unit_test(errors_are_not), cmocka_unit_test(shows_rows_as_they_are_cut),
        cmocka_unit_test(takes_a_recipe_and_compares_the_splits), cmocka_unit_test(says_what_cannot_be_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
