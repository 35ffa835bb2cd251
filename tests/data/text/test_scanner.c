/* The hand-written scanners find what their regexes find: random texts of the code points that the alternatives tell apart, as many
 * for each scanner as the first argument says. */
#include "tests/testing.h"

#include "data/text/matcher.h"
#include "data/text/utf8.h"

enum { MAX_LETTERS = 24 };

static uint64_t seed = 1;
static int runs = 20000;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static uint32_t some_code(void)
{
    static const uint32_t codes[] = {
        ' ', ' ', ' ', '\n', '\r', '\t', '\'', '\'', 's', 'S', 't', 'r', 'e', 'v', 'm', 'l', 'L', 'd', 'x', '1', '2', '9', '.', '!', '_', 0x7F, 0x85, 0xA0,
        0xB2, 0xE9, 0x17F, 0x212A, 0x301, 0x3000, 0x2028, 0x4E2D, 0xAC00, 0x663, 0x1F600, 0x200D, 0x10D50, 0x1C89, 0x378, 0xE000, 0x10FFFF, 0x180E, 0x1C5, 0x1C7, 0x2160, 'A', 'B', '/', 0x2B0, 0x93E, 0xC9,
    };
    return draw(4) ? codes[draw(sizeof codes / sizeof *codes)] : draw(0x3000);
}

static size_t some_text(char *text)
{
    size_t n = 0;
    for (uint32_t i = 1 + draw(MAX_LETTERS); i > 0; i--) n += utf8_put(text + n, some_code());
    return n;
}

static void scanners_are_their_regexes(void **state)
{
    (void)state;
    Spans expected = {0};
    for (int i = 0; scanner_regexes[i]; i++) {
        ScannerFn *scanner = scanner_of(scanner_regexes[i]);
        assert_non_null(scanner);
        Matcher engine = {0};
        assert_ok(regex_open(&engine.regex, scanner_regexes[i], "test"));
        for (int run = 0; run < runs; run++) {
            char text[4 * MAX_LETTERS];
            size_t n = some_text(text), at = 0;
            assert_ok(matcher_find(&engine, text, n, &expected));
            for (size_t k = 0; k < expected.n; k++) {
                size_t end = scanner(text, n, at);
                if (end != expected.span[k].end) print_error("regex %d, text \"%.*s\": match at byte %zu\n", i, (int)n, text, at);
                assert_int_equal(expected.span[k].begin, at);
                assert_int_equal(expected.span[k].end, end);
                at = end;
            }
            assert_int_equal(at, n);
        }
        matcher_close(&engine);
    }
    assert_null(scanner_of("\\p{L}+"));
    free(expected.span);
}

static void engine_gives_up_with_a_message(void **state)
{
    (void)state;
    Regex *regex = NULL;
    size_t begin, end;
    assert_ok(regex_open(&regex, "(a+)+$", "file: key"));
    char text[41] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    assert_fails(STATUS_INPUT, "file: key: the regex \"(a+)+$\" gives up on a text of 40 bytes: retry-limit-in-match over",
                 regex_search(regex, text, 40, 0, &begin, &end));
    regex_close(regex);
}

int main(int argc, char **argv)
{
    if (argc > 1) runs = atoi(argv[1]);
    const struct CMUnitTest tests[] = { cmocka_unit_test(scanners_are_their_regexes), cmocka_unit_test(engine_gives_up_with_a_message) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
