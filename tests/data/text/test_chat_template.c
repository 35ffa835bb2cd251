/* Chat templates against what transformers renders (tests/peers/golden_templates.py), the words of refusals, limits, speed. */
#include "tests/testing.h"

#include <time.h>

#include "data/text/chat_template.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

static Json *golden(const char *file)
{
    char path[300];
    Json *json = NULL;
    snprintf(path, sizeof path, GRAFT_GOLDEN "/templates/%s", file);
    assert_ok(json_read(&json, path));
    return json;
}

static char *golden_text(const char *file)
{
    char path[300];
    snprintf(path, sizeof path, GRAFT_GOLDEN "/templates/%s", file);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    Buffer text = {0};
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;) buffer_add(&text, part, n);
    fclose(f);
    return buffer_take(&text);
}

static Status render(const char *source, const ChatInput *input, ChatText *out)
{
    ChatTemplate *template = NULL;
    Status status = chat_template_open(&template, "t.jinja", source);
    if (status == STATUS_OK) status = chat_template_render(template, input, out);
    chat_template_close(template);
    return status;
}

/* 1 and a sentence when `out` is not what `expected` says. */
static int differs(const char *name, const Json *expected, Status status, const ChatText *out)
{
    const char *refused = json_string(json_get(expected, "refused"));
    if (refused || status != STATUS_OK) {
        if (refused && status == STATUS_INPUT) return 0;
        print_error("%s: expected %s, found %s\n", name, refused ? refused : "a text", status ? status_message() : out->text);
        return 1;
    }
    const char *text = json_string(json_get(expected, "text"));
    const Json *spans = json_get(expected, "spans");
    bool same = !strcmp(text, out->text) && out->n == strlen(text) && json_count(spans) == out->n_spans;
    for (int i = 0; same && i < out->n_spans; i++) {
        const Json *span = json_at(spans, i);
        same = json_integer(json_at(span, 0)) == (int64_t)out->span[i].begin && json_integer(json_at(span, 1)) == (int64_t)out->span[i].end;
    }
    if (!same) print_error("%s: expected\n%s\nfound\n%s\n(ranges: %d)\n", name, text, out->text, out->n_spans);
    return !same;
}

static void features_equal_transformers(void **state)
{
    (void)state;
    Json *file = golden("features.json");
    int wrong = 0, n = 0;
    for (const Json *feature = json_first(json_get(file, "features")); feature; feature = json_next(feature), n++) {
        const char *source = json_string(json_get(feature, "template"));
        ChatInput input = { .messages = json_get(file, "messages"), .variables = json_get(file, "variables"), .date = json_string(json_get(file, "date")) };
        ChatText out = {0};
        Status status = render(source, &input, &out);
        wrong += differs(source, feature, status, &out);
        chat_text_free(&out);
    }
    json_free(file);
    assert_true(n > 200);
    assert_int_equal(wrong, 0);
}

static ChatInput input_of(const Json *conversation, const char *date)
{
    return (ChatInput){
        .messages = json_get(conversation, "messages"), .tools = json_get(conversation, "tools"), .documents = json_get(conversation, "documents"),
        .variables = json_get(conversation, "variables"), .date = date, .add_generation_prompt = json_bool(json_get(conversation, "add_generation_prompt")),
        .continue_final_message = json_bool(json_get(conversation, "continue_final_message")),
    };
}

/* How many conversations `template` renders otherwise than ANSWERS.json says. */
static int count_wrong(const ChatTemplate *template, const char *answers_name)
{
    char file_name[40], name[80];
    snprintf(file_name, sizeof file_name, "%s.json", answers_name);
    Json *file = golden("conversations.json"), *answers = golden(file_name);
    int wrong = 0;
    for (const Json *conversation = json_first(json_get(file, "conversations")); conversation; conversation = json_next(conversation)) {
        ChatInput input = input_of(conversation, json_string(json_get(file, "date")));
        ChatText out = {0};
        Status status = chat_template_render(template, &input, &out);
        snprintf(name, sizeof name, "%s, %s", answers_name, json_key(conversation));
        wrong += differs(name, json_get(answers, json_key(conversation)), status, &out);
        chat_text_free(&out);
    }
    json_free(answers);
    json_free(file);
    return wrong;
}

static void families_equal_transformers(void **state)
{
    (void)state;
    static const char *const families[] = { "smollm2", "qwen2_5", "qwen2_5_training", "llama3_1" };
    int wrong = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        char source_name[40];
        snprintf(source_name, sizeof source_name, "%s.jinja", families[i]);
        char *source = golden_text(source_name);
        ChatTemplate *template = NULL;
        assert_ok(chat_template_open(&template, source_name, source));
        assert_int_equal(chat_template_marks_generation(template), strstr(families[i], "training") != NULL);
        wrong += count_wrong(template, families[i]);
        chat_template_close(template);
        free(source);
    }
    assert_int_equal(wrong, 0);
}

/* Text and ranges are those of TRL's training template. All other families: tests/peers/check_training_templates.py. */
static void known_templates_have_a_training_template(void **state)
{
    (void)state;
    const char *family = NULL;
    ChatTemplate *own = NULL, *training;
    char *source = golden_text("qwen2_5.jinja");
    Buffer dos = {0};                    /* line ends and a final newline do not matter */
    for (const char *s = source; *s; s++) buffer_add_string(&dos, *s == '\n' ? "\r\n" : (char[]){ *s, 0 });
    source[strlen(source) - 1] = 0;
    const char *const sources[] = { source, dos.data };
    for (int i = 0; i < 2; i++) {
        assert_ok(chat_template_open(&own, "t", sources[i]));
        training = chat_template_for_training(own, &family);
        assert_non_null(training);
        assert_string_equal(family, "Qwen 2.5");
        assert_true(chat_template_marks_generation(training));
        assert_int_equal(count_wrong(training, "qwen2_5_training"), 0);
        chat_template_close(training);
        chat_template_close(own);
    }
    *strstr(source, "Alibaba") = 'a';
    assert_ok(chat_template_open(&own, "t", source));
    assert_null(chat_template_for_training(own, &family));
    chat_template_close(own);
    buffer_free(&dos);
    free(source);
}

static void assert_renders(const ChatTemplate *template, const char *tools, const char *expected)
{
    Json *list = NULL;
    ChatText out = {0};
    if (tools) assert_ok(json_parse(&list, "tools", tools, strlen(tools)));
    Json *messages = json_new_array();
    assert_ok(chat_template_render(template, &(ChatInput){ .messages = messages, .tools = list }, &out));
    assert_string_equal(out.text, expected);
    chat_text_free(&out);
    json_free(messages);
    json_free(list);
}

/* As transformers chooses: any list of tools, an empty one too. */
static void tools_have_a_template_of_their_own(void **state)
{
    (void)state;
    ChatTemplate *template = NULL;
    assert_ok(chat_template_open(&template, "t", "default {{ tools }}"));
    assert_renders(template, "[]", "default []");
    assert_ok(chat_template_add_tool_use(template, "t", "tools {{ tools }}"));
    assert_renders(template, NULL, "default None");
    assert_renders(template, "null", "default None");
    assert_renders(template, "[]", "tools []");
    assert_renders(template, "[{}]", "tools [{}]");
    chat_template_close(template);
    assert_ok(chat_template_open(&template, "t", ""));
    assert_int_equal(chat_template_add_tool_use(template, "t", "{{"), STATUS_INPUT);
    chat_template_close(template);
}

static void assert_refuses(const char *source, const char *messages, ChatInput input, const char *message)
{
    Json *json = NULL;
    ChatText out = {0};
    assert_ok(json_parse(&json, "messages", messages, strlen(messages)));
    input.messages = json;
    assert_fails(STATUS_INPUT, message, render(source, &input, &out));
    assert_null(out.text);
    assert_null(out.span);
    json_free(json);
}

static void refusals_name_the_place(void **state)
{
    (void)state;
    static const struct { const char *source, *message; } cases[] = {
        { "{{ messages }}\n\n  {{ foo.bar }}", "t.jinja:3:10: 'foo' is undefined" },
        { "日本 {{ {}.x.y }}", "t.jinja:1:12: 'dict object' has no attribute 'x'" },
        { "{% if true %}\n{{ 1 }}", "t.jinja:1:12: this block has no 'endif'" },
        { "{% for m in messages %}{% else %}", "t.jinja:1:32: this block has no 'endfor'" },
        { "{{ 'a'|shout }}", "t.jinja:1:8: no filter named 'shout'" },
        { "{{ 1 is shout }}", "t.jinja:1:6: no test named 'shout'" },
        { "{% import 'x' as y %}", "t.jinja:1:4: 'import' is not supported in chat templates" },
        { "{{ raise_exception('No: ' ~ messages|length) }}", "t.jinja:1:19: the template refuses: No: 0" },
        { "{{ messages|map('upper') }}", "t.jinja:1:13: a generator cannot be printed; make a list of it" },
        { "{{ 9223372036854775807 + 1 }}", "t.jinja:1:24: an integer becomes larger than 64 bits" },
        { "{{ 'abc\n", "t.jinja:1:4: a string has no end" },
        { "a\xff", "t.jinja:1:2: invalid UTF-8" },
        { "{{ '\\ud83d' }}", "t.jinja:1:4: \\ud83d is no character" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_refuses(cases[i].source, "[]", (ChatInput){0}, cases[i].message);
    assert_refuses("", "{}", (ChatInput){0}, "t.jinja:1:1: messages: expected a list, found an object");
    assert_refuses("", "[{}, \"x\"]", (ChatInput){0}, "t.jinja:1:1: messages[1]: expected an object, found a string");
    Json *list = NULL;
    assert_ok(json_parse(&list, "list", "[{}, 1]", 7));
    assert_refuses("", "[]", (ChatInput){ .documents = list }, "t.jinja:1:1: documents[1]: expected an object, found an integer");
    assert_refuses("", "[]", (ChatInput){ .tools = list }, "t.jinja:1:1: tools[1]: expected an object, found an integer");
    assert_refuses("", "[]", (ChatInput){ .documents = json_at(list, 0) }, "t.jinja:1:1: documents: expected a list, found an object");
    json_free(list);
}

static void refuses_what_cannot_be_continued(void **state)
{
    (void)state;
    ChatInput input = { .continue_final_message = true };
    assert_refuses("content", "[]", input, "t.jinja:1:1: continue_final_message is set but there are no messages");
    assert_refuses("content", "[{\"role\": \"user\"}]", input, "t.jinja:1:1: continue_final_message is set but the final message has no \"content\" to continue");
    assert_refuses("x", "[{\"content\": \"a\"}]", input, "t.jinja:1:1: continue_final_message is set but the template does not read \"content\"");
    assert_refuses("content", "[{\"content\": [{\"type\": \"image\"}]}]", input, "t.jinja:1:1: continue_final_message is set but the final message has no text to continue");
    assert_refuses("content", "[{\"content\": \"a\"}]", input, "t.jinja: continue_final_message is set but the template does not write the final message");
    assert_refuses("{{ messages[0].content|upper }}", "[{\"content\": \"a\"}]", input,
                   "t.jinja: continue_final_message is set but the template does not write the final message");
    input.add_generation_prompt = true;
    assert_refuses("content", "[{\"content\": \"a\"}]", input, "t.jinja: continue_final_message and add_generation_prompt exclude each other");
}

static void hostile_templates_end(void **state)
{
    (void)state;
    static const struct { const char *source, *message; } cases[] = {
        { "{% set r = range(99999) %}{% for a in r %}{% for b in r %}{{ a }}{% endfor %}{% endfor %}", NULL },
        { "{% set r = range(99999) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}", "t.jinja:1:50: the template runs too long (more than 20000000 steps)" },
        { "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "t.jinja:1:20: nested too deep (more than 1000 levels)" },
        { "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", NULL },
        { "{{ 'a' * 99999999999 }}", NULL },
        { "{{ [0] * 99999999999 }}", "t.jinja:1:8: the template needs too much memory (more than 128 MiB)" },
        { "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}", "t.jinja:1:49: nested too deep (more than 1000 levels)" },
        { "{% set x = 'ab' * 1000000 %}{% for i in range(99999) %}{% if x.isalpha() and x.split() and x.splitlines() and x.strip('ab') %}{% endif %}{% endfor %}", NULL },
        { "{% set x = 'ab' * 1000000 %}{% for i in range(99999) %}{% set y = x|upper|replace('A', '') %}{% endfor %}", NULL },
        { "{% set x = range(99999)|list %}{% for i in range(99999) %}{% if x|sum %}{% endif %}{% endfor %}", NULL },
        { "{{ '%99999999d' % 1 }}", "t.jinja:1:17: a width of more than 10000 in a format" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Json *messages = json_new_array();
        ChatText out = {0};
        ChatInput input = { .messages = messages };
        assert_int_equal(render(cases[i].source, &input, &out), STATUS_INPUT);
        if (cases[i].message) assert_string_equal(status_message(), cases[i].message);
        json_free(messages);
    }
}

/* Nesting is counted where it is read: parentheses, statements and signs. */
static void deep_templates_are_refused(void **state)
{
    (void)state;
    static const struct { const char *open, *inside, *close; } cases[] = {
        { "(", "1", ")" }, { "-", "1", "" }, { "[", "", "]" }, { "1 if 1 else ", "2", "" }, { "not ", "1", "" }, { "1 ** ", "1", "" }, { "x.", "y", "" }, { "1|e|", "e", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buffer source = {0};
        ChatText out = {0};
        buffer_add_string(&source, "{{ ");
        for (int k = 0; k < 5000; k++) buffer_add_string(&source, cases[i].open);
        buffer_add_string(&source, cases[i].inside);
        for (int k = 0; k < 5000; k++) buffer_add_string(&source, cases[i].close);
        buffer_add_string(&source, " }}");
        assert_int_equal(render(source.data, &(ChatInput){0}, &out), STATUS_INPUT);
        buffer_free(&source);
    }
}

/* Without sanitizers 1000 short chats take a few milliseconds; the bound is what training may spend on them. */
static void renders_a_thousand_chats_in_50_ms(void **state)
{
    (void)state;
    char *source = golden_text("smollm2.jinja");
    ChatTemplate *template = NULL;
    Json *file = golden("conversations.json");
    ChatInput input = input_of(json_get(json_get(file, "conversations"), "turns"), NULL);
    struct timespec begin, end;
    assert_ok(chat_template_open(&template, "t", source));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
    for (int i = 0; i < 1000; i++) {
        ChatText out = {0};
        assert_ok(chat_template_render(template, &input, &out));
        chat_text_free(&out);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    double ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
    print_message("1000 chats in %.1f ms\n", ms);
    assert_true(ms < (SANITIZED ? 1000 : 50));
    chat_template_close(template);
    json_free(file);
    free(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_equal_transformers), cmocka_unit_test(families_equal_transformers), cmocka_unit_test(known_templates_have_a_training_template), cmocka_unit_test(tools_have_a_template_of_their_own),
        cmocka_unit_test(refusals_name_the_place),
        cmocka_unit_test(refuses_what_cannot_be_continued), cmocka_unit_test(hostile_templates_end),
        cmocka_unit_test(deep_templates_are_refused), cmocka_unit_test(renders_a_thousand_chats_in_50_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
