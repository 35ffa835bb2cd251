/* Templates and conversations from outside: whatever bytes come, parsing and rendering end with a text or a refusal. An input is a
 * template; behind a byte \x1e, messages. Without them those of the golden file serve. */
#include "data/text/chat_template.h"
#include "tests/fuzz/mutate.h"

static const Json *golden(void)
{
    static Json *file;
    if (!file) CHECK(json_read(&file, GRAFT_GOLDEN "/templates/features.json") == STATUS_OK);
    return file;
}

/* A span may end behind the text, as in transformers: see generation in jinja/execute.c. */
static void check_text(const ChatText *text)
{
    CHECK(text->text[text->n] == 0);
    for (int i = 0; i < text->n_spans; i++) CHECK(text->span[i].begin <= text->span[i].end);
}

/* The length of the template chooses what the render is for, so that every input always means the same. */
static void render(const char *source, const Json *messages)
{
    ChatTemplate *template = NULL;
    ChatText out = {0};
    ChatInput input = {
        .messages = messages, .variables = json_get(golden(), "variables"), .date = "2024-07-05",
        .add_generation_prompt = strlen(source) % 3 == 1, .continue_final_message = strlen(source) % 3 == 2,
    };
    Status status = chat_template_open(&template, "t", source);
    if (status == STATUS_OK) status = chat_template_render(template, &input, &out);
    fuzz_check(status);
    if (status == STATUS_OK) check_text(&out);
    chat_text_free(&out);
    chat_template_close(template);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Seed source = fuzz_part(bytes, n, 0), conversation = fuzz_part(bytes, n, 1);
    Json *messages = NULL;
    if (conversation.bytes && json_parse(&messages, "messages", conversation.bytes, conversation.n) != STATUS_OK) return 0;
    Buffer text = {0};
    buffer_add(&text, source.bytes, source.n);
    if (text.data) render(text.data, conversation.bytes ? messages : json_get(golden(), "messages"));
    buffer_free(&text);
    json_free(messages);
    return 0;
}

/* Nonsense in place of messages, for templates that read them in every way. */
static const char *const conversations[] = {
        "null", "5", "\"x\"", "{}", "[]", "[1]", "[{}]", "[{\"role\": 1}]", "[{\"content\": {\"a\": []}}]", "[{\"content\": [null, 1, \"x\", {}]}]", "[[[]]]",
        "[{\"role\": \"user\", \"content\": \"\\u0001\\ud83d\\ude00\"}, {\"role\": null, \"content\": 1e308, \"tool_calls\": 3}]",
        "[{\"role\": \"assistant\", \"content\": \"x\", \"tool_calls\": [{\"function\": \"f\"}], \"reasoning\": [1]}]",
};

static void add_conversations(const char *file)
{
    Mapped template = {0};
    CHECK(mapped_open(&template, file) == STATUS_OK);
    for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
        Buffer seed = {0};
        buffer_add(&seed, template.bytes, template.n_bytes);
        buffer_format(&seed, "\x1e%s", conversations[i]);
        seed_add(seed.data, seed.len);
        buffer_free(&seed);
    }
    mapped_close(&template);
}

static void add_golden(void)
{
    for (const Json *item = json_first(json_get(golden(), "features")); item; item = json_next(item)) {
        const char *template = json_string(json_get(item, "template"));
        seed_add(template, strlen(template));
    }
    add_conversations(GRAFT_GOLDEN "/templates/smollm2.jinja");
    add_conversations(GRAFT_GOLDEN "/templates/qwen2_5_training.jinja");
}

const Fuzz fuzz = {
    .golden = (const char *const[]){ "templates/*.jinja", NULL },
    .more = add_golden,
    .words = (const char *const[]){
        "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "{%- ", " -%}", "if ", "endif", "for i in l ", "endfor", "else", "elif x", "set x = ", "set x", "endset",
        "macro m(a, b=1)", "endmacro", "call m()", "endcall", "generation", "endgeneration", "raw", "endraw", "break", "continue", "filter upper", "endfilter",
        "namespace(a=1)", "loop.", "loop(l)", "recursive", "previtem", "length", "|tojson", "|join", "|map('upper')", "|list", "|indent", "|e", "|safe", "|sort",
        "|int", "|round", "|replace('a', 'b')", "|groupby('role')", "|selectattr('role')", ".split('a')", ".strip('ab')", ".format(1)", ".items()", "[1:]",
        "[::-1]", "[0]", "(", ")", "[", "]", "{", "}", ",", ".", ":", "=", "==", "~", "*", "**", "//", "%", "<", " in ", " not ", " is ", " and ", " or ", " if ",
        "'", "\"", "\\", "\\u00e9", "\\x", "\\777", "\n", "\r\n", " ", "\xe6\x97\xa5", "\xff", "\xc3", "0x", "1e9", "1.", "99999999999999999999", "-9223372036854775808",
        "range(99)", "* 9999", "'%s' % ", "'%*d' % ", "'{:>9}'.format(", "none", "true", "nosuch", "messages", "caller()", "varargs", "kwargs", "ns.a", "*l", "**d", NULL },
};
