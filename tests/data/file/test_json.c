/* JSON: what is refused and where, integers told from reals, printing as Python's json.dumps. */
#include "tests/testing.h"

#include "data/file/json.h"

static Json *parsed(const char *text)
{
    Json *json = NULL;
    assert_ok(json_parse(&json, "t", text, strlen(text)));
    return json;
}

static void assert_prints(const char *text, JsonStyle style, const char *expected)
{
    Json *json = parsed(text);
    Buffer out = {0};
    json_print(&out, json, style);
    assert_string_equal(out.data, expected);
    buffer_free(&out);
    json_free(json);
}

static void refuses_with_place(void **state)
{
    (void)state;
    Json *json = NULL;
    assert_fails(STATUS_INPUT, "t: not JSON at line 2, column 7", json_parse(&json, "t", "{\n \"a\": x}", 10));
    assert_fails(STATUS_INPUT, "t: not JSON (it is empty) at line 1, column 1", json_parse(&json, "t", "", 0));
    assert_fails(STATUS_INPUT, "t: not JSON: something stands behind the value at line 1, column 5", json_parse(&json, "t", "[1] 2", 5));
    assert_fails(STATUS_INPUT, "t: invalid UTF-8 at line 1, column 3", json_parse(&json, "t", "[\"\xff\"]", 5));
    assert_fails(STATUS_INPUT, "t: \\u0000 or \\u without four hexadecimal digits at line 1, column 4", json_parse(&json, "t", "[\"a\\u0000\"]", 11));
    assert_fails(STATUS_INPUT, "t: \\u0000 or \\u without four hexadecimal digits at line 1, column 3", json_parse(&json, "t", "[\"\\u00Gx\"]", 10));
    char deep[4001];
    memset(deep, '[', 4000);
    assert_int_equal(json_parse(&json, "t", deep, 4000), STATUS_INPUT);
    assert_null(json);
}

static void tells_integers_from_reals(void **state)
{
    (void)state;
    Json *json = parsed("{\"a\": [1, 1.0, \"7\", {\"k-1\": -3}, []], \"b\": 1e3, \"c\": 9007199254740992, \"a\": 5, \"n\": NaN}");
    const Json *list = json_first(json);
    assert_int_equal(json_kind(json_at(list, 0)), JSON_INTEGER);
    assert_int_equal(json_kind(json_at(list, 1)), JSON_REAL);
    assert_int_equal(json_kind(json_at(list, 2)), JSON_STRING);
    assert_int_equal(json_integer(json_get(json_at(list, 3), "k-1")), -3);
    assert_int_equal(json_kind(json_get(json_at(list, 3), "k-1")), JSON_INTEGER);
    assert_int_equal(json_kind(json_get(json, "b")), JSON_REAL);
    assert_true(json_integer(json_get(json, "c")) == 9007199254740992);
    assert_true(json_fits_int64(json_get(json, "c")) && json_fits_int64(json_get(json, "b")));
    assert_int_equal(json_integer(json_get(json, "a")), 5);      /* the last of two */
    assert_int_equal(json_integer(json_get(json, "n")), 0);
    assert_null(json_at(list, 5));
    assert_null(json_get(json, "d"));
    json_free(json);
}

static void prints_as_python(void **state)
{
    (void)state;
    assert_prints("{\"b\":[1,2.0,1e20,1e-05,0.1],\"a\":{},\"c\":[]}", (JsonStyle){0}, "{\"b\": [1, 2.0, 1e+20, 1e-05, 0.1], \"a\": {}, \"c\": []}");
    assert_prints("{\"b\":[1],\"a\":{\"x\":null}}", (JsonStyle){ .indent = 2, .sort_keys = true },
                  "{\n  \"a\": {\n    \"x\": null\n  },\n  \"b\": [\n    1\n  ]\n}");
    assert_prints("[\"\\u00e9\\ud83d\\ude00\\n\\u0001\\\"\"]", (JsonStyle){ .ascii = true }, "[\"\\u00e9\\ud83d\\ude00\\n\\u0001\\\"\"]");
    assert_prints("[\"\\\\u0000\\u007f\"]", (JsonStyle){ .ascii = true }, "[\"\\\\u0000\\u007f\"]");
    assert_prints("[9007199254740993, -12345678901234567890123, 18446744073709551615]", (JsonStyle){0}, "[9007199254740993, -12345678901234567890123, 18446744073709551615]");
    assert_prints("[\"\\u00e9\"]", (JsonStyle){0}, "[\"\xc3\xa9\"]");
}

static void reads_what_python_writes(void **state)
{
    (void)state;
    assert_prints("[NaN, -Infinity, Infinity, \"NaN\", 0e0, 7]", (JsonStyle){0}, "[NaN, -Infinity, Infinity, \"NaN\", 0.0, 7]");
    Json *json = NULL;
    assert_int_equal(json_parse(&json, "t", "[NaNa]", 6), STATUS_INPUT);
}

static void set_replaces_in_place(void **state)
{
    (void)state;
    Json *json = parsed("{\"a\": 1, \"b\": 2}");
    json_set(json, "a", json_new_string("x"));
    json_set(json, "c", json_new_integer(3));
    Buffer out = {0};
    json_print(&out, json, (JsonStyle){0});
    assert_string_equal(out.data, "{\"a\": \"x\", \"b\": 2, \"c\": 3}");
    buffer_free(&out);
    json_free(json);
}

static void reals_are_shortest(void **state)
{
    (void)state;
    const struct { double x; const char *text; } cases[] = {
        { 0.0, "0.0" }, { 1.0, "1.0" }, { 0.1, "0.1" }, { 0.1 + 0.2, "0.30000000000000004" }, { 1e16, "1e+16" }, { 123456789012345680.0, "1.2345678901234568e+17" },
        { 1e15, "1000000000000000.0" }, { 0.0001, "0.0001" }, { 0.00001, "1e-05" }, { 5e-324, "5e-324" }, { -2.5, "-2.5" }, { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { 0x1p-24, "5.960464477539063e-08" }, { -0x1p-1022, "-2.2250738585072014e-308" }, { 0x1p-44, "5.684341886080802e-14" }, { 9.5, "9.5" }, { 0x1.fffffep-1, "0.9999999403953552" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[40];
        json_format_real(out, cases[i].x);
        assert_string_equal(out, cases[i].text);
    }
}

static void built_integers_are_exact(void **state)
{
    (void)state;
    Json *list = json_new_array();
    json_push(list, json_new_integer(INT64_MIN));
    json_push(list, json_new_integer(9007199254740993));
    json_push(list, json_new_unsigned(UINT64_MAX));
    json_push(list, json_new_unsigned(7));
    Json *copy = json_copy(list);
    Buffer out = {0};
    json_print(&out, copy, (JsonStyle){0});
    assert_string_equal(out.data, "[-9223372036854775808, 9007199254740993, 18446744073709551615, 7]");
    assert_true(json_integer(json_at(copy, 0)) == INT64_MIN);
    assert_true(json_integer(json_at(copy, 1)) == 9007199254740993);
    assert_true(json_integer(json_at(copy, 2)) == INT64_MAX);
    buffer_free(&out);
    json_free(copy);
    json_free(list);
}

static void append_puts_members_in_order(void **state)
{
    (void)state;
    Json *object = json_new_object();
    json_append(object, "b", json_new_integer(1));
    json_append(object, "a", json_new_null());
    assert_int_equal(json_count(object), 2);
    assert_string_equal(json_key(json_first(object)), "b");
    json_free(object);
}

static void equal_means_printed_the_same(void **state)
{
    (void)state;
    static const struct { const char *a, *b; bool equal; } cases[] = {
        { "{\"a\": [1, null, \"x\"]}", "{\"a\":[1,null,\"x\"]}", true }, { "1", "1.0", false }, { "{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", false }, { "[]", "{}", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Json *a = NULL, *b = NULL;
        assert_ok(json_parse(&a, "a", cases[i].a, strlen(cases[i].a)));
        assert_ok(json_parse(&b, "b", cases[i].b, strlen(cases[i].b)));
        assert_int_equal(json_equal(a, b), cases[i].equal);
        json_free(a);
        json_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_with_place), cmocka_unit_test(tells_integers_from_reals), cmocka_unit_test(prints_as_python), cmocka_unit_test(reads_what_python_writes),
        cmocka_unit_test(set_replaces_in_place), cmocka_unit_test(reals_are_shortest), cmocka_unit_test(equal_means_printed_the_same),
        cmocka_unit_test(built_integers_are_exact), cmocka_unit_test(append_puts_members_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
