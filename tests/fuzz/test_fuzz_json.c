/* JSON from anywhere: refused with a reason, or printed so that it reads back the same. */
#include "data/file/json.h"
#include "tests/fuzz/mutate.h"

static char *printed(const Json *json)
{
    Buffer out = {0};
    json_print(&out, json, (JsonStyle){0});
    return buffer_take(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Json *json = NULL, *again = NULL;
    Status status = json_parse(&json, "fuzz", (const char *)bytes, n);
    fuzz_check(status);
    if (status != STATUS_OK) return 0;
    char *once = printed(json), *twice = NULL;
    status = json_parse(&again, "printed", once, strlen(once));
    CHECK(status == STATUS_OK || strstr(once, "Infinity"), "%s: %s", status_message(), once);      /* as Python prints 1e400 */
    if (status == STATUS_OK) {
        twice = printed(again);
        CHECK(!strcmp(once, twice), "%s became %s", once, twice);
    }
    free(once);
    free(twice);
    json_free(json);
    json_free(again);
    return 0;
}

#ifndef GRAFT_LIBFUZZER
int main(int argc, char **argv)
{
#define TEXT(s) { s, sizeof s - 1 }
    const Seed seeds[] = {
        TEXT("{\"a\": [1, -2.5, 1e3, true, false, null], \"b\": {\"c\": \"\\u00e9\\ud83d\\ude00\\n\"}, \"a\": \"x\"}"),
        TEXT("[[[[[[]]]]], {}, \"\", 0, -0, 9007199254740993, 1.7976931348623157e308, 5e-324]"), TEXT(" \t\r\n\"text \xc3\xa9 \xf0\x9f\x98\x80\" "), TEXT(""),
    };
    return fuzz_seeds(seeds, sizeof seeds / sizeof *seeds, fuzz_rounds(argc, argv));
}
#endif
