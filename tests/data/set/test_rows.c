/* Rows: what each kind needs, and that every complaint names path and line. */
#include "tests/testing.h"

#include "data/set/rows.h"

typedef struct { char path[64]; DataSource source; Rows rows; Notices notices; } Fixture;

static Status open_text(Fixture *f, const char *text, size_t n)
{
    *f = (Fixture){ .path = "/tmp/graft-test-XXXXXX" };
    FILE *file = fdopen(mkstemp(f->path), "w");
    fwrite(text, 1, n, file);
    fclose(file);
    f->source.place.path = f->path;
    Status status = rows_open(&f->rows, &(DataMix){ .source = &f->source, .n = 1 }, NULL, &f->notices);
    remove(f->path);
    return status;
}

static void close_text(Fixture *f)
{
    rows_close(&f->rows);
    notices_free(&f->notices);
}

/* The message about row `row` of a file, without its path. */
static void assert_complains(const char *text, int64_t row, const char *complaint)
{
    Fixture f;
    Row read;
    Status status = open_text(&f, text, strlen(text));
    if (row) {
        assert_int_equal(status, STATUS_OK);
        status = rows_read(&f.rows, row, &read);
    }
    assert_int_equal(status, STATUS_INPUT);
    assert_int_equal(strncmp(status_message(), f.path, strlen(f.path)), 0);
    assert_string_equal(status_message() + strlen(f.path), complaint);
    close_text(&f);
}

static void every_complaint_names_the_line(void **state)
{
    (void)state;
    const char *good = "{\"text\": \"a\"}\n\n";
    char text[512];
    static const struct { const char *line, *complaint; } cases[] = {
        { "{\"text\": }", ":3: not JSON at line 1, column 10" },
        { "{\"text\": \"\xff\"}", ":3: invalid UTF-8 at line 1, column 11" },
        { "{\"text\": null}", ":3: \"text\" is null, expected a string" },
        { "{\"txt\": \"a\"}", ":3: \"text\" is missing; the first row has it" },
        { "[1]", ":3: this line is a list, expected an object with one example" },
        { "{\"text\": 3}", ":3: \"text\" is an integer, expected a string" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "%s%s\r\n", good, cases[i].line);
        assert_complains(text, 1, cases[i].complaint);
    }
}

static void lists_columns_when_none_is_known(void **state)
{
    (void)state;
    static const char accepted[] = "accepted: input_ids, or prompt and completion, or messages, or conversations, or text, or instruction and output";
    char complaint[512];
    snprintf(complaint, sizeof complaint, ":1: no column that can be trained on; found: instruction, answer, text; %s", accepted);
    assert_complains("{\"instruction\": \"a\", \"answer\": \"b\", \"text\": null}\n", 0, complaint);
    snprintf(complaint, sizeof complaint, ":1: no column that can be trained on; found: none; %s", accepted);
    assert_complains("{}\n", 0, complaint);
    assert_complains("\n \t\n", 0, ": no rows; expected one JSON object per line, or a list of objects");
}

/* The text of tatsu-lab/alpaca, cut where the answer begins. */
static void alpaca_becomes_prompt_and_completion(void **state)
{
    (void)state;
    static const struct { const char *line, *prompt; } cases[] = {
        { "{\"instruction\": \"Add.\", \"input\": \"1 1\", \"output\": \"2\"}",
          "Below is an instruction that describes a task, paired with an input that provides further context. Write a response that appropriately "
          "completes the request.\n\n### Instruction:\nAdd.\n\n### Input:\n1 1\n\n### Response:\n" },
        { "{\"instruction\": \"Add.\", \"input\": \"\", \"output\": \"2\"}",
          "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n"
          "### Response:\n" },
        { "{\"instruction\": \"Add.\", \"output\": \"2\", \"text\": null, \"input\": null}",
          "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n### Instruction:\nAdd.\n\n"
          "### Response:\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        Row row;
        assert_ok(open_text(&f, cases[i].line, strlen(cases[i].line)));
        assert_int_equal(f.rows.kind, ROW_PROMPT_COMPLETION);
        assert_ok(rows_read(&f.rows, 0, &row));
        assert_string_equal(row.prompt, cases[i].prompt);
        assert_string_equal(row.completion, "2");
        row_free(&row);
        close_text(&f);
    }
    assert_complains("{\"instruction\": \"a\", \"output\": 3}", 0, ":1: \"output\" is an integer, expected a string");
    assert_complains("{\"instruction\": \"a\", \"output\": \"b\", \"input\": []}", 0, ":1: \"input\" is a list, expected a string");
    assert_complains("{\"instruction\": \"a\", \"output\": \"b\"}\n{\"instruction\": \"a\"}", 1, ":2: \"output\" is missing; the first row has it");
}

static void messages_are_checked(void **state)
{
    (void)state;
    const char *good = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n";
    char text[512];
    static const struct { const char *messages, *complaint; } cases[] = {
        { "[{\"role\": \"user\", \"content\": null}]", ":2: message 1 of \"messages\" (user): content is null, expected a string" },
        { "[{\"role\": \"user\"}]", ":2: message 1 of \"messages\" (user): content is missing, expected a string" },
        { "[{\"role\": \"user\", \"content\": \"a\"}, {\"content\": \"b\"}]", ":2: message 2 of \"messages\" has no role" },
        { "[\"hello\"]", ":2: message 1 of \"messages\" is a string, expected an object" },
        { "[]", ":2: \"messages\" is empty, expected at least one message" },
        { "\"hello\"", ":2: \"messages\" is a string, expected a list" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "%s{\"messages\": %s}", good, cases[i].messages);
        assert_complains(text, 1, cases[i].complaint);
    }
}

static void tools_and_masks_are_checked(void **state)
{
    (void)state;
    assert_complains("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": {}}", 0, ":1: \"tools\" is an object, expected a list");
    assert_complains("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": \"[1\"}", 0, ":1: \"tools\": not JSON at line 1, column 3");
    assert_complains("{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"chat_template_kwargs\": 1}", 0,
                     ":1: \"chat_template_kwargs\" is an integer, expected an object");
    assert_complains("{\"input_ids\": [1, 2.5]}", 0, ":1: item 2 of \"input_ids\" is a number, expected an integer of 32 bits");
    assert_complains("{\"input_ids\": [4294967296]}", 0, ":1: item 1 of \"input_ids\" is larger, expected an integer of 32 bits");
    assert_complains("{\"input_ids\": [1, 2], \"labels\": [1]}", 0, ":1: \"labels\" has 1 items, \"input_ids\" has 2");
    assert_complains("{\"input_ids\": [1], \"labels\": [1]}\n{\"input_ids\": [1]}", 1, ":2: \"labels\" is missing; the first row has it");
    assert_complains("{\"input_ids\": [1]}\n{\"input_ids\": [1], \"assistant_masks\": [1]}", 1, ":2: \"assistant_masks\" is here but not in the first row");
}

static void kinds_follow_from_columns(void **state)
{
    (void)state;
    static const struct { const char *line; RowKind kind; } cases[] = {
        { "{\"text\": \"a\"}", ROW_TEXT },
        { "{\"prompt\": \"a\", \"completion\": \"b\"}", ROW_PROMPT_COMPLETION },
        { "{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"b\"}]}", ROW_PROMPT_COMPLETION_MESSAGES },
        { "{\"messages\": [{\"role\": \"assistant\", \"tool_calls\": [{}]}], \"prompt\": \"a\"}", ROW_MESSAGES },
        { "{\"conversations\": [{\"from\": \"user\", \"value\": \"a\"}]}", ROW_MESSAGES },
        { "{\"input_ids\": [1], \"text\": \"a\"}", ROW_TOKENS },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        assert_ok(open_text(&f, cases[i].line, strlen(cases[i].line)));
        assert_int_equal(f.rows.kind, cases[i].kind);
        close_text(&f);
    }
}

static void conversations_become_messages(void **state)
{
    (void)state;
    Fixture f;
    Row row;
    const char *text = "\xEF\xBB\xBF{\"conversations\": [{\"from\": \"human\", \"value\": \"hi\", \"x\": 1}, {\"from\": \"gpt\", \"value\": \"yo\"}], \"id\": 7}\n";
    assert_ok(open_text(&f, text, strlen(text)));
    assert_ok(rows_read(&f.rows, 0, &row));
    Buffer out = {0};
    json_print(&out, row.messages, (JsonStyle){0});
    assert_string_equal(out.data, "[{\"role\": \"human\", \"content\": \"hi\", \"x\": 1}, {\"role\": \"gpt\", \"content\": \"yo\"}]");
    assert_int_equal(f.notices.n, 3);
    assert_string_equal(f.notices.line[0] + strlen(f.path), ": columns that are not read: id");
    assert_string_equal(f.notices.line[2] + strlen(f.path),
                        ": the role \"gpt\" goes to the chat template as it stands; templates know \"user\" and \"assistant\"");
    buffer_free(&out);
    row_free(&row);
    close_text(&f);
}

static void tools_may_be_written_as_a_string(void **state)
{
    (void)state;
    Fixture f;
    Row row;
    const char *text = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}], \"tools\": \"[{\\\"name\\\": \\\"f\\\"}]\", \"chat_template_kwargs\": {\"k\": 1}}";
    assert_ok(open_text(&f, text, strlen(text)));
    assert_ok(rows_read(&f.rows, 0, &row));
    assert_string_equal(json_string(json_get(json_first(row.tools), "name")), "f");
    assert_int_equal(json_integer(json_get(row.template_kwargs, "k")), 1);
    assert_int_equal(f.notices.n, 0);
    row_free(&row);
    close_text(&f);
}

static void blank_lines_are_no_rows(void **state)
{
    (void)state;
    Fixture f;
    Row row;
    const char *text = "\n{\"text\": \"a\"}\r\n  \n{\"text\": \"b\"}";
    assert_ok(open_text(&f, text, strlen(text)));
    assert_int_equal(f.rows.n, 2);
    assert_int_equal(rows_place(&f.rows, 1).line, 4);
    assert_ok(rows_read(&f.rows, 1, &row));
    assert_string_equal(row.text, "b");
    row_free(&row);
    close_text(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_complaint_names_the_line), cmocka_unit_test(lists_columns_when_none_is_known), cmocka_unit_test(messages_are_checked),
        cmocka_unit_test(tools_and_masks_are_checked), cmocka_unit_test(kinds_follow_from_columns), cmocka_unit_test(conversations_become_messages),
        cmocka_unit_test(tools_may_be_written_as_a_string), cmocka_unit_test(blank_lines_are_no_rows),
        cmocka_unit_test(alpaca_becomes_prompt_and_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
