/* Keys of `graft generate`: what makes it sample, what contradicts itself. */
#include "tests/testing.h"

#include "train/deploy/generate_options.h"

typedef struct { char *arg[3]; } Flags;

static Status parse(GenerateOptions *o, Flags flags)
{
    char *args[5] = { "--model_name_or_path", "m" };
    int n = 2;
    for (int i = 0; i < 3 && flags.arg[i]; i++) args[n++] = flags.arg[i];
    Notices notices = {0};
    Status status = generate_options_parse(o, n, args, &notices);
    notices_free(&notices);
    return status;
}

static void samples_when_asked(void **state)
{
    (void)state;
    const struct { Flags flags; bool sample; } cases[] = {
        { { { "--prompt=hello there" } }, false },
        { { { "--prompt=hello there", "--temperature=0.7" } }, true },
        { { { "--prompt=hello there", "--top_k=5" } }, true },
        { { { "--prompt=hello there", "--top_p=0.9" } }, true },
        { { { "--prompt=hello there", "--temperature=0" } }, false },
        { { { "--prompt=hello there", "--do_sample" } }, true },
        { { { "--prompt=hello there", "--no_do_sample" } }, false },
        { { { "--prompt=hello there", "--top_k=5", "--temperature=0" } }, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        GenerateOptions o = {0};
        assert_ok(parse(&o, cases[i].flags));
        assert_string_equal(o.prompt, "hello there");
        assert_int_equal(o.sample, cases[i].sample);
        generate_options_free(&o);
    }
}

static void refuses_contradictions(void **state)
{
    (void)state;
    const struct { Flags flags; const char *message; } cases[] = {
        { { { NULL } }, "give prompt or messages, found neither" },
        { { { "--prompt=a", "--messages=b" } }, "give prompt or messages, found both" },
        { { { "--prompt=a", "--no_do_sample", "--top_k=3" } }, "temperature, top_k and top_p are for sampling, but do_sample is false" },
        { { { "--prompt=a", "--do_sample", "--temperature=0" } }, "temperature 0 takes the likeliest token, but do_sample is true" },
        { { { "--prompt=a", "--topk=3" } }, "unknown key --topk; did you mean --top_k?" },
        { { { "--prompt=a", "--top_p=0" } }, "--top_p: found 0, expected a number of more than 0 and at most 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        GenerateOptions o = {0};
        assert_fails(STATUS_INPUT, cases[i].message, parse(&o, cases[i].flags));
    }
}

static void help_fits(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&text, &n);
    generate_options_help(f);
    fclose(f);
    assert_non_null(strstr(text, "--max_new_tokens"));
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) assert_true(strlen(line) <= 100);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(samples_when_asked), cmocka_unit_test(refuses_contradictions), cmocka_unit_test(help_fits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
