/* Each problem: a row that has it, and the nearest row that does not. Then what comparing rows finds, and how it is said. */
#include "tests/data/set/golden.h"

#include "data/set/findings.h"

#define USER(text) "{\"role\": \"user\", \"content\": \"" text "\"}"
#define ANSWER(text) "{\"role\": \"assistant\", \"content\": \"" text "\"}"
#define SYSTEM "{\"role\": \"system\", \"content\": \"s\"}"
#define TOOL "{\"role\": \"tool\", \"content\": \"t\"}"
#define CHAT(messages) "{\"messages\": [" messages "]}\n"
#define TWO_TURNS USER("a") ", " ANSWER("b") ", " USER("c") ", " ANSWER("d")
#define SET(problem) (1u << PROBLEM_##problem)

/* The template of golden_rows.py's chatml, with what stands in place of the assistant's part. */
#define TEMPLATE(assistant) "{%- for m in messages %}{{- '<|im_start|>' + m.role + '\\n' }}{%- if m.role == 'assistant' %}" assistant \
    "{%- else %}{{- m.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"

typedef struct { char path[32]; Findings findings; Examples whole; Notices notices; } Looked;

/* `rows` are read, encoded and examined; `tokenizer` names a golden one, `source` a template in place of its own. */
static Looked look(const char *rows, const char *tokenizer, const char *source, EncodeOptions encode, Cut cut, const Findings *train)
{
    Looked looked = { .path = "/tmp/graft-test-XXXXXX" };
    Text text = open_text(tokenizer);
    Rows file;
    if (source) chat_template_close(text.chat_template);
    if (source) assert_ok(chat_template_open(&text.chat_template, "template", source));
    encode.tokenizer = text.tokenizer;
    encode.chat_template = text.chat_template;
    encode.keep_going = true;
    FILE *out = fdopen(mkstemp(looked.path), "w");
    fputs(rows, out);
    fclose(out);
    Pool *pool = pool_open(2);
    DataMix mix = ONE_FILE(looked.path);
    assert_ok(rows_open(&file, &mix, NULL, &looked.notices));
    assert_ok(encode_rows(&file, &encode, pool, &looked.notices, &looked.findings, &looked.whole));
    findings_examine(&looked.findings, &looked.whole, &encode, cut, train);
    rows_close(&file);
    pool_close(pool);
    remove(looked.path);
    close_text(&text);
    return looked;
}

static void looked_free(Looked *looked)
{
    findings_free(&looked->findings);
    examples_free(&looked->whole);
    notices_free(&looked->notices);
}

typedef struct { const char *row; EncodeOptions encode; Cut cut; const char *tokenizer, *source; uint32_t problems; } Case;

/* The row is the second of its file: the first one, good and of its kind, decides what rows are. */
static void assert_problems(const Case *c)
{
    static const char *const first[] = { "messages", CHAT(USER("x") ", " ANSWER("y")), "\"prompt\": [", "{\"prompt\": [" USER("x") "], \"completion\": [" ANSWER("y") "]}\n",
                                         "prompt", "{\"prompt\": \"x\", \"completion\": \" y\"}\n", "completion_mask", "{\"input_ids\": [9, 2], \"completion_mask\": [1, 1]}\n",
                                         "labels", "{\"input_ids\": [9, 2], \"labels\": [9, 2]}\n", "input_ids", "{\"input_ids\": [9, 2]}\n", "", "{\"text\": \"good\"}\n" };
    int k = 0;
    while (!strstr(c->row, first[k])) k += 2;
    char *rows = memory_format("%s%s", first[k + 1], c->row);
    Looked looked = look(rows, c->tokenizer ? c->tokenizer : "chatml", c->source, c->encode, c->cut, NULL);
    assert_int_equal(looked.findings.n, 2);
    if (looked.findings.problems[1] != c->problems)
        print_error("%sfound %x, expected %x (%s)\n", c->row, looked.findings.problems[1], c->problems, looked.findings.message[1]);
    assert_int_equal(looked.findings.problems[1], c->problems);
    looked_free(&looked);
    free(rows);
}

static void rows_that_are_not_read(void **state)
{
    (void)state;
    const Case cases[] = {
        { "{\"text\": \"\xff\"}\n", .problems = SET(INVALID_UTF8) },
        { "{\"text\": \"\xc3\xa9\"}\n", .problems = 0 },
        { "{\"text\": 1}\n", .problems = SET(UNREADABLE) },
        { "{\"text\": \n", .problems = SET(UNREADABLE) },
        { CHAT(USER("a")), { .assistant_only_loss = true }, .problems = SET(NO_TRAINED_TOKEN) | SET(ROLES) },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_problems(&cases[i]);
}

static void answers(void **state)
{
    (void)state;
    const EncodeOptions only = { .assistant_only_loss = true };
    const Case cases[] = {
        { "{\"text\": \" \\n\"}\n", .problems = SET(EMPTY_ANSWER) },
        { "{\"prompt\": \"a\", \"completion\": \"\"}\n", .problems = SET(EMPTY_ANSWER) },
        { "{\"prompt\": \"a\", \"completion\": \" b\"}\n", .problems = 0 },
        { CHAT(USER("a") ", " ANSWER(" ")), only, .problems = SET(EMPTY_ANSWER) },
        { CHAT(USER("") ", " ANSWER("b")), only, .problems = 0 },
        { "{\"prompt\": [" USER("a") "], \"completion\": [" ANSWER("") "]}\n", .problems = SET(EMPTY_ANSWER) },
        { CHAT(USER("a") ", {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"name\": \"f\"}]}"), only, .problems = 0 },
        { CHAT(USER("a") ", {\"role\": \"assistant\", \"content\": \"\", \"reasoning_content\": \"hm\"}"), only, .problems = 0 },
        { "{\"input_ids\": []}\n", .problems = SET(EMPTY_ANSWER) | SET(NO_TRAINED_TOKEN) },
        { "{\"input_ids\": [7, 2], \"labels\": [-100, -100]}\n", .problems = SET(NO_TRAINED_TOKEN) },
        { "{\"input_ids\": [7, 2], \"labels\": [7, -100]}\n", .problems = SET(NO_TRAINED_TOKEN) },      /* the first is never scored */
        { "{\"input_ids\": [7, 8]}\n", .problems = SET(END_UNTRAINED) },
        { "{\"input_ids\": [2, 8]}\n", .problems = SET(END_UNTRAINED) },
        { "{\"input_ids\": [7, 8]}\n", { .end = (const int32_t[]){ 8 }, .n_ends = 1 }, .problems = 0 },
        { CHAT(USER("a") ", " ANSWER("b")), only, .tokenizer = "bare", .problems = SET(END_UNTRAINED) },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_problems(&cases[i]);
}

static void cuts(void **state)
{
    (void)state;
    const char row[] = "{\"input_ids\": [5, 6, 7, 8, 2], \"labels\": [-100, -100, 7, 8, 2]}\n";
    const Case cases[] = {
        { row, .cut = { .max_length = 5 }, .problems = 0 },
        { row, .cut = { .max_length = 0 }, .problems = 0 },
        { row, .cut = { .max_length = 4 }, .problems = SET(TRUNCATED_ANSWER) },
        { row, .cut = { .max_length = 3 }, .problems = SET(TRUNCATED_ANSWER) },
        { row, .cut = { .max_length = 2 }, .problems = SET(NO_TRAINED_TOKEN) },
        { row, .cut = { 2, TRUNCATE_KEEP_END }, .problems = 0 },
        { row, .cut = { 1, TRUNCATE_KEEP_END }, .problems = SET(NO_TRAINED_TOKEN) },
        { "{\"input_ids\": [5, 6, 7, 2, 8], \"labels\": [-100, 6, 7, 2, -100]}\n", .cut = { .max_length = 4 }, .problems = 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_problems(&cases[i]);
}

static void prompts(void **state)
{
    (void)state;
    const EncodeOptions only = { .assistant_only_loss = true };
    const char later[] = TEMPLATE("{{- ('hm: ' if loop.last else '') + m.content + '<|im_end|>\\n' }}");
    const char opened[] = TEMPLATE("{{- m.content + '<|im_end|>\\n' }}") "{%- if add_generation_prompt %}{{- '<think>' }}{%- endif %}";
    const Case cases[] = {
        { CHAT(TWO_TURNS), .problems = SET(PROMPT_TRAINED) },
        { CHAT(TWO_TURNS), { .prompt_is_meant = true }, .problems = 0 },
        { CHAT(TWO_TURNS), only, .problems = 0 },
        { "{\"input_ids\": [5, 7, 2], \"completion_mask\": [0, 1, 1]}\n", .problems = SET(PROMPT_TRAINED) },
        { "{\"input_ids\": [5, 7, 2], \"completion_mask\": [0, 1, 1]}\n", { .completion_only_loss = COMPLETION_LOSS_ONLY }, .problems = 0 },
        { "{\"input_ids\": [5, 7, 2], \"completion_mask\": [0, 1, 1]}\n", { .completion_only_loss = COMPLETION_LOSS_ALL }, .problems = 0 },
        { "{\"prompt\": \"the ca\", \"completion\": \"t sat\"}\n", .problems = SET(PROMPT_SPLIT) },
        { "{\"prompt\": [" USER("a") "], \"completion\": [" ANSWER("b") "]}\n", .source = opened, .problems = SET(TEMPLATE_PREFIX) },
        { CHAT(USER("a") ", " ANSWER("b")), { .prompt_is_meant = true }, .source = opened, .problems = SET(TEMPLATE_PREFIX) },
        { CHAT(TWO_TURNS), { .prompt_is_meant = true }, .source = later, .problems = SET(TEMPLATE_PREFIX) },
        { CHAT(USER("a") ", " ANSWER("b")), { .prompt_is_meant = true }, .source = later, .problems = 0 },
        { CHAT(TWO_TURNS), only, .source = later, .problems = SET(TEMPLATE_PREFIX) | SET(TURN_UNTRAINED) },
        { "{\"text\": \"<s>a\"}\n", .tokenizer = "bos", .problems = SET(DOUBLE_BOS) },
        { "{\"text\": \"a<s>\"}\n", .tokenizer = "bos", .problems = 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_problems(&cases[i]);
}

static void roles(void **state)
{
    (void)state;
    const EncodeOptions only = { .assistant_only_loss = true };
    const struct { const char *row; bool wrong; } cases[] = {
        { CHAT(TWO_TURNS), false },
        { CHAT(SYSTEM ", " TWO_TURNS), false },
        { CHAT(USER("a") ", " ANSWER("f") ", " TOOL ", " TOOL ", " ANSWER("b")), false },
        { CHAT(USER("a") ", {\"role\": \"critic\", \"content\": \"c\"}, " ANSWER("b")), false },
        { CHAT(USER("a") ", " SYSTEM ", " ANSWER("b")), true },
        { CHAT(USER("a") ", " USER("b") ", " ANSWER("c")), true },
        { CHAT(USER("a") ", " ANSWER("b") ", " ANSWER("c")), true },
        { CHAT(ANSWER("b") ", " USER("a") ", " ANSWER("c")), true },
        { CHAT(SYSTEM ", " ANSWER("b")), true },
        { CHAT(USER("a") ", " TOOL ", " ANSWER("b")), true },
        { CHAT(USER("a") ", " ANSWER("b") ", " USER("c")), true },
        { "{\"prompt\": [" USER("a") "], \"completion\": [" ANSWER("b") ", " ANSWER("c") "]}\n", true },
        { "{\"prompt\": [" USER("a") ", " ANSWER("b") ", " USER("c") "], \"completion\": [" ANSWER("d") "]}\n", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_problems(&(Case){ cases[i].row, only, .problems = cases[i].wrong ? SET(ROLES) : 0 });
}

static void assert_said(const Findings *f, Problem problem, const char *place)
{
    Buffer out = {0};
    char *expected = memory_format("%s%s: %s", f->path, place, problem_kinds[problem].text);
    findings_describe(f, problem, &out);
    assert_string_equal(out.data, expected);
    free(expected);
    buffer_free(&out);
}

static void rows_are_compared(void **state)
{
    (void)state;
    Looked train = look("{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n{\"text\": \"a\"}\n{\"text\": \"a<|im_end|>\"}\n{\"text\": \"A\"}\n", "chatml", NULL, (EncodeOptions){0}, (Cut){0}, NULL);
    const int64_t twins[] = { 0, 0, 1, 1, 0 };      /* eos at the end is the eos that is put there */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(train.findings.problems[i], twins[i] ? SET(DUPLICATE) : 0);
        assert_int_equal(train.findings.twin[i].line, twins[i]);
    }
    assert_said(&train.findings, PROBLEM_DUPLICATE, ": 2 rows (lines 4, 5)");

    Looked eval = look("{\"text\": \"x\"}\n{\"text\": \"b\"}\n{\"text\": \"x\"}\n{\"text\": 1}\n", "chatml", NULL, (EncodeOptions){0}, (Cut){0}, &train.findings);
    const uint32_t problems[] = { 0, SET(OVERLAP), SET(DUPLICATE), SET(UNREADABLE) };
    assert_memory_equal(eval.findings.problems, problems, sizeof problems);
    assert_int_equal(eval.findings.trained[1].line, 3);
    assert_int_equal(eval.findings.twin[2].line, 1);
    assert_said(&eval.findings, PROBLEM_OVERLAP, ":2");
    assert_int_equal(findings_rows(&eval.findings, SEVERITY_ERROR), 1);
    assert_int_equal(findings_rows(&eval.findings, SEVERITY_WARNING), 2);
    looked_free(&eval);
    looked_free(&train);
}

/* Many rows on several threads: found where they are, said in a line. */
static void many_rows_are_said_in_a_line(void **state)
{
    (void)state;
    Buffer rows = {0};
    for (int i = 0; i < 700; i++) buffer_format(&rows, "{\"text\": \"%s%d\"}\n", i % 100 == 99 ? "<s>" : "", i);
    Looked looked = look(rows.data, "bos", NULL, (EncodeOptions){0}, (Cut){0}, NULL);
    assert_int_equal(findings_count(&looked.findings, PROBLEM_DOUBLE_BOS), 7);
    assert_said(&looked.findings, PROBLEM_DOUBLE_BOS, ": 7 rows (lines 100, 200, 300, 400, 500, …)");
    findings_tell(&looked.findings, &looked.notices);
    assert_int_equal(looked.notices.n, 1);
    looked_free(&looked);
    buffer_free(&rows);
}

static void the_table_is_whole(void **state)
{
    (void)state;
    for (int p = 0; p < PROBLEMS; p++) {
        const ProblemKind *kind = &problem_kinds[p];
        assert_non_null(kind->name);
        assert_non_null(kind->text);
        assert_true(kind->in_row || kind->in_tokens || p == PROBLEM_DUPLICATE || p == PROBLEM_OVERLAP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_are_not_read), cmocka_unit_test(answers), cmocka_unit_test(cuts), cmocka_unit_test(prompts), cmocka_unit_test(roles),
        cmocka_unit_test(rows_are_compared), cmocka_unit_test(many_rows_are_said_in_a_line), cmocka_unit_test(the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
