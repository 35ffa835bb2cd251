/* YAML: values as PyYAML gives them (tests/peers/golden_yaml.py) but for what yaml.h names; what is refused and where. */
#include "tests/testing.h"

#include <math.h>

#include "data/file/yaml.h"
#include "kernels/buffer.h"

static char *printed(const Json *json)
{
    Buffer out = {0};
    json_print(&out, json, (JsonStyle){ .sort_keys = true });
    return buffer_take(&out);
}

static void assert_reads(const char *text, const Json *expected)
{
    Json *json = NULL;
    assert_ok(yaml_parse(&json, "t", text, strlen(text)));
    char *got = printed(json), *wanted = printed(expected);
    if (strcmp(got, wanted)) print_error("%s\n", text);
    assert_string_equal(got, wanted);
    free(got);
    free(wanted);
    json_free(json);
}

static void reads_as_pyyaml(void **state)
{
    (void)state;
    Json *pairs = NULL;
    assert_ok(json_read(&pairs, GRAFT_GOLDEN "/yaml.json"));
    assert_true(json_count(pairs) > 100);
    for (const Json *pair = json_first(pairs); pair; pair = json_next(pair)) assert_reads(json_string(json_at(pair, 0)), json_at(pair, 1));
    json_free(pairs);
}

static void assert_reads_json(const char *text, const char *expected)
{
    Json *json = NULL;
    assert_ok(json_parse(&json, "expected", expected, strlen(expected)));
    assert_reads(text, json);
    json_free(json);
}

static void reads_what_users_mean(void **state)
{
    (void)state;
    assert_reads_json("1e-4", "1e-4");
    assert_reads_json("[1E5, 1.5e4, -1_0e+2, -.5, +.5e1]", "[1e5, 1.5e4, -1e3, -0.5, 5.0]");
    assert_reads_json("['1e-4', 1e, e4, 1e4x]", "[\"1e-4\", \"1e\", \"e4\", \"1e4x\"]");
    assert_reads_json("2024-01-31", "\"2024-01-31\"");
    assert_reads_json("{on: 1, 2: x, ~: y}", "{\"on\": 1, \"2\": \"x\", \"~\": \"y\"}");
    Json *json = NULL;
    assert_ok(yaml_parse(&json, "t", "[.inf, -.INF, .NaN]", 19));
    assert_true(json_number(json_at(json, 0)) == INFINITY && json_number(json_at(json, 1)) == -INFINITY && isnan(json_number(json_at(json, 2))));
    json_free(json);
}

static void refuses_with_place(void **state)
{
    (void)state;
    const struct { const char *text, *message; } cases[] = {
        { "a: 1\nb: 2\na: 3\n", "t: a second key a at line 3, column 1" },
        { "a: 1\n---\nb: 2\n", "t: a second document at line 2, column 1" },
        { "a: [1,\n  2", "t: not YAML: did not find expected ',' or ']' at line 3, column 1" },
        { "a: *b", "t: an alias without an anchor before it: b at line 1, column 4" },
        { "a: &b [*b]", "t: an alias without an anchor before it: b at line 1, column 8" },
        { "[&b 1, &b 2]", "t: a second anchor b at line 1, column 8" },
        { "[&b [], &b []]", "t: a second anchor b at line 1, column 9" },
        { "? [1]\n: 2", "t: a key that is not text at line 1, column 3" },
        { "a: !!set {b}", "t: an unknown tag tag:yaml.org,2002:set at line 1, column 4" },
        { "a: !x 1", "t: a value that is not what its tag says: !x at line 1, column 4" },
        { "!!int x", "t: a value that is not what its tag says: tag:yaml.org,2002:int at line 1, column 1" },
        { "a: 9007199254740993000", "t: an integer beyond 2^53 at line 1, column 4" },
        { "a: 0xFFFFFFFFFFFFFFFFFFFF", "t: an integer beyond 2^53 at line 1, column 4" },
        { "a: \"x\\0y\"", "t: a NUL character at line 1, column 4" },
        { "{\"\\0\": 1}", "t: a NUL character at line 1, column 2" },
        { "<<: 3", "t: << takes a mapping or a list of mappings, not an integer at line 1, column 1" },
        { "<<: [{}, 3]", "t: << takes a mapping or a list of mappings, not a list with an integer at line 1, column 1" },
        { "a: \"\xff\"", "t: not YAML: invalid leading UTF-8 octet at byte 4" },
        { "a: \tb\n\tc: d", "t: not YAML: found a tab character that violates indentation at line 2, column 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Json *json = NULL;
        assert_fails(STATUS_INPUT, cases[i].message, yaml_parse(&json, "t", cases[i].text, strlen(cases[i].text)));
        assert_null(json);
    }
}

/* Ten levels of ten aliases; a long text named often; brackets without end; an alias to what a merge key brought. */
static void bounds_what_documents_cost(void **state)
{
    (void)state;
    Json *json = NULL;
    Buffer text = {0};
    buffer_add_string(&text, "a0: &a0 [lol]\n");
    for (int i = 1; i < 10; i++) {
        buffer_format(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++) buffer_format(&text, "%s*a%d", k ? ", " : "", i - 1);
        buffer_add_string(&text, "]\n");
    }
    assert_fails(STATUS_INPUT, "t: too large, with its aliases written out, at line 5, column 50", yaml_parse(&json, "t", text.data, text.len));

    buffer_clear(&text);
    buffer_add_string(&text, "- &a ");
    for (int i = 0; i < 100000; i++) buffer_add_char(&text, 'x');
    for (int i = 0; i < 100; i++) buffer_add_string(&text, "\n- *a");
    assert_fails(STATUS_INPUT, "t: too large, with its aliases written out, at line 42, column 3", yaml_parse(&json, "t", text.data, text.len));

    buffer_clear(&text);
    for (int i = 0; i < 101; i++) buffer_add_char(&text, '[');
    assert_fails(STATUS_INPUT, "t: nested too deeply at line 1, column 101", yaml_parse(&json, "t", text.data, text.len));
    buffer_free(&text);
    assert_null(json);

    assert_reads_json("- {<<: &m {x: &x [1]}, y: 2}\n- *m\n- *x\n", "[{\"x\": [1], \"y\": 2}, {\"x\": [1]}, [1]]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_as_pyyaml), cmocka_unit_test(reads_what_users_mean), cmocka_unit_test(refuses_with_place),
        cmocka_unit_test(bounds_what_documents_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
