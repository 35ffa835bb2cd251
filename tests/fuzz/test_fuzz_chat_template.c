/* Templates and conversations from outside: whatever bytes come, parsing and rendering end with a text or a refusal, and
 * read and write only their own memory (run it with -DGRAFT_SANITIZE=address,undefined). Deterministic and bounded:
 * the golden templates with bytes changed, removed, repeated, and pieces of other templates put in. */
#include "tests/testing.h"

#include "data/text/chat_template.h"

enum { ROUNDS = 60000, MAX_SOURCE = 3000 };

static uint64_t random_state = 1;

static uint32_t pick(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

static const char *const pieces[] = {
    "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "{%- ", " -%}", "if ", "endif", "for i in l ", "endfor", "else", "elif x", "set x = ", "set x", "endset",
    "macro m(a, b=1)", "endmacro", "call m()", "endcall", "generation", "endgeneration", "raw", "endraw", "break", "continue", "filter upper", "endfilter",
    "namespace(a=1)", "loop.", "loop(l)", "recursive", "previtem", "length", "|tojson", "|join", "|map('upper')", "|list", "|indent", "|e", "|safe", "|sort",
    "|int", "|round", "|replace('a', 'b')", "|groupby('role')", "|selectattr('role')", ".split('a')", ".strip('ab')", ".format(1)", ".items()", "[1:]",
    "[::-1]", "[0]", "(", ")", "[", "]", "{", "}", ",", ".", ":", "=", "==", "~", "*", "**", "//", "%", "<", " in ", " not ", " is ", " and ", " or ", " if ",
    "'", "\"", "\\", "\\u00e9", "\\x", "\\777", "\n", "\r\n", " ", "\xe6\x97\xa5", "\xff", "\xc3", "0x", "1e9", "1.", "99999999999999999999", "-9223372036854775808",
    "range(99)", "* 9999", "'%s' % ", "'%*d' % ", "'{:>9}'.format(", "none", "true", "nosuch", "messages", "caller()", "varargs", "kwargs", "ns.a", "*l", "**d",
};

static void insert(Buffer *to, size_t at, const char *bytes, size_t n)
{
    Buffer made = {0};
    buffer_add(&made, to->data, at);
    buffer_add(&made, bytes, n);
    buffer_add(&made, to->data + at, to->len - at);
    buffer_free(to);
    *to = made;
}

static void mutate(Buffer *source, const Buffer *other)
{
    size_t at = source->len ? pick((uint32_t)source->len) : 0, n = source->len - at;
    const char *piece = pieces[pick(sizeof pieces / sizeof *pieces)];
    switch (pick(5)) {
    case 0: if (n) source->data[at] = (char)(1 + pick(255)); break;
    case 1:
        if (n > 40) n = pick(40);
        memmove(source->data + at, source->data + at + n, source->len - at - n + 1);
        source->len -= n;
        break;
    case 2: insert(source, at, piece, strlen(piece)); break;
    case 3: insert(source, pick(2) ? at : 0, other->data, other->len); break;
    default: {
        Buffer copy = {0};
        buffer_add(&copy, source->data + at, n > 60 ? 60 : n);
        insert(source, at, copy.data, copy.len);
        buffer_free(&copy);
    }
    }
}

static int render(const char *source, const Json *file, const Json *messages)
{
    ChatTemplate *template = NULL;
    ChatText out = {0};
    ChatInput input = {
        .messages = messages, .variables = json_get(file, "variables"), .date = "2024-07-05", .add_generation_prompt = pick(2), .continue_final_message = !pick(50),
    };
    input.add_generation_prompt = input.add_generation_prompt && !input.continue_final_message;
    Status status = chat_template_open(&template, "t", source);
    if (status == STATUS_OK) status = chat_template_render(template, &input, &out);
    assert_true(status == STATUS_OK || status == STATUS_INPUT);
    if (status == STATUS_OK) assert_int_equal(out.text[out.n], 0);
    for (int i = 0; i < out.n_spans; i++) assert_true(out.span[i].begin <= out.span[i].end);
    chat_text_free(&out);
    chat_template_close(template);
    return status == STATUS_OK;
}

static void any_template_ends(void **state)
{
    (void)state;
    Json *file = NULL;
    assert_ok(json_read(&file, GRAFT_GOLDEN "/templates/features.json"));
    const Json *features = json_get(file, "features");
    int64_t n_features = json_count(features);
    int rendered = 0;
    for (int round = 0; round < ROUNDS; round++) {
        Buffer source = {0}, other = {0};
        buffer_add_string(&source, json_string(json_get(json_at(features, pick((uint32_t)n_features)), "template")));
        buffer_add_string(&other, json_string(json_get(json_at(features, pick((uint32_t)n_features)), "template")));
        for (uint32_t k = 1 + pick(3); k > 0 && source.len < MAX_SOURCE; k--) mutate(&source, &other);
        rendered += render(source.data, file, json_get(file, "messages"));
        buffer_free(&source);
        buffer_free(&other);
    }
    json_free(file);
    print_message("%d of %d rendered\n", rendered, ROUNDS);
    assert_true(rendered > ROUNDS / 10);
}

/* Nonsense in place of messages, with templates that read them in every way. */
static void any_conversation_ends(void **state)
{
    (void)state;
    static const char *const conversations[] = {
        "null", "5", "\"x\"", "{}", "[]", "[1]", "[{}]", "[{\"role\": 1}]", "[{\"content\": {\"a\": []}}]", "[{\"content\": [null, 1, \"x\", {}]}]", "[[[]]]",
        "[{\"role\": \"user\", \"content\": \"\\u0001\\ud83d\\ude00\"}, {\"role\": null, \"content\": 1e308, \"tool_calls\": 3}]",
        "[{\"role\": \"assistant\", \"content\": \"x\", \"tool_calls\": [{\"function\": \"f\"}], \"reasoning\": [1]}]",
    };
    static const char *const files[] = { "smollm2", "qwen2_5", "qwen2_5_training", "llama3_1" };
    Json *file = NULL;
    assert_ok(json_read(&file, GRAFT_GOLDEN "/templates/features.json"));
    for (size_t i = 0; i < sizeof conversations / sizeof *conversations; i++) {
        Json *messages = NULL;
        assert_ok(json_parse(&messages, "messages", conversations[i], strlen(conversations[i])));
        for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
            char path[300], source[8000] = "";
            snprintf(path, sizeof path, GRAFT_GOLDEN "/templates/%s.jinja", files[k]);
            FILE *f = fopen(path, "rb");
            assert_non_null(f);
            source[fread(source, 1, sizeof source - 1, f)] = 0;
            fclose(f);
            render(source, file, messages);
        }
        json_free(messages);
    }
    json_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(any_template_ends), cmocka_unit_test(any_conversation_ends) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
