/* What `graft families` prints: a line for each row of the table. */
#include "tests/testing.h"

#include <string.h>

#include "train/model/family.h"

static void a_line_for_each(void **state)
{
    (void)state;
    char text[8192];
    FILE *program = popen(GRAFT_BINARY " families", "r");
    assert_non_null(program);
    text[fread(text, 1, sizeof text - 1, program)] = 0;
    assert_int_equal(pclose(program), 0);
    int n = -1, lines = 0;
    while (family_at(++n)) assert_non_null(strstr(text, family_at(n)->model_type));
    for (const char *c = text; *c; c++) lines += *c == '\n';
    assert_int_equal(lines, n + 1);
    assert_non_null(strstr(text, "model_type     text of    GGUF         targets\nllama          -          llama        q_proj, v_proj\n"));
    assert_non_null(strstr(text, "\ngemma3_text    gemma3     gemma3       q_proj, v_proj\n"));
    assert_non_null(strstr(text, "\nministral3     mistral3   mistral3     -\n"));
}

static void it_takes_nothing(void **state)
{
    (void)state;
    assert_int_equal(WEXITSTATUS(system(GRAFT_BINARY " families llama 2>/dev/null")), STATUS_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_line_for_each), cmocka_unit_test(it_takes_nothing) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
