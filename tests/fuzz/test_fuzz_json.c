/* JSON from anywhere: refused with a reason, or printed so that it reads back the same. */
#include "data/file/json.h"
#include "tests/fuzz/mutate.h"

static char *printed(const Json *json, JsonStyle style)
{
    Buffer out = {0};
    json_print(&out, json, style);
    return buffer_take(&out);
}

/* Built anew, item by item. */
static Json *rebuilt(const Json *json)
{
    switch (json_kind(json)) {
    case JSON_NULL:    return json_new_null();
    case JSON_BOOL:    return json_new_bool(json_bool(json));
    case JSON_INTEGER: return json_new_integer(json_integer(json));
    case JSON_REAL:    return json_new_real(json_number(json));
    case JSON_STRING:  return json_new_string(json_string(json));
    default: break;
    }
    bool is_array = json_kind(json) == JSON_ARRAY;
    Json *made = is_array ? json_new_array() : json_new_object();
    for (const Json *item = json_first(json); item; item = json_next(item)) {
        if (is_array) json_push(made, rebuilt(item));
        else json_set(made, json_key(item), rebuilt(item));
    }
    CHECK(json_count(made) <= json_count(json) && *json_kind_name(made));
    return made;
}

static void check_read_back(const Json *json, JsonStyle style)
{
    Json *again = NULL;
    char *once = printed(json, style);
    Status status = json_parse(&again, "printed", once, strlen(once));
    CHECK(status == STATUS_OK, "%s: %s", status_message(), once);
    char *twice = printed(again, style);
    CHECK(!strcmp(once, twice), "%s became %s", once, twice);
    free(once);
    free(twice);
    json_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Json *json = NULL;
    Status status = json_parse(&json, "fuzz", (const char *)bytes, n);
    fuzz_check(status);
    if (status != STATUS_OK) return 0;
    check_read_back(json, (JsonStyle){0});
    check_read_back(json, (JsonStyle){ .indent = 1, .sort_keys = true, .ascii = true, .newline = true });
    Json *copy = json_copy(json), *made = rebuilt(json), *again = rebuilt(made);
    CHECK(json_equal(json, copy) && json_equal(made, again));
    CHECK(json_at(json, json_count(json)) == NULL && json_at(json, 0) == json_first(json));
    json_free(json);
    json_free(copy);
    json_free(made);
    json_free(again);
    return 0;
}

const Fuzz fuzz = {
    .texts = (const char *const[]){
        "{\"a\": [1, -2.5, 1e3, true, false, null], \"b\": {\"c\": \"\\u00e9\\ud83d\\ude00\\n\"}, \"a\": \"x\"}",
        "[[[[[[]]]]], {}, \"\", 0, -0, 9007199254740993, 1.7976931348623157e308, 5e-324]", " \t\r\n\"text \xc3\xa9 \xf0\x9f\x98\x80\" ", "", NULL },
};
