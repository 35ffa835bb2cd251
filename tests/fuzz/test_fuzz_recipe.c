/* Recipes from damaged flags and files: a bounded number of mutations, the same in every run. Whatever comes, the answer is a
 * recipe or exit code 2 with a message, and nothing leaks or reads outside (the sanitizer builds watch). */
#include "tests/testing.h"

#include <unistd.h>

#include "train/deploy/generate_options.h"
#include "train/recipe.h"
#include "train/recipe_keys.h"

enum { N_RUNS = 10000, MAX_ARGS = 12, ARG_BYTES = 128, FILE_BYTES = 600 };

static uint64_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static const char *some_value(void)
{
    static const char *const values[] = {
        "", "1", "-1", "0", "0.5", "1e999", "nan", "true", "no", "null", "none", "[", "[]", "[1,2]", "[\"a\"]", "{", "{}", "{\"a\":1}",
        "{\"num_cycles\":1}", "a,b", ",", "steps", "epoch", "cosine", "wsd", "all-linear", ".*", "9007199254740993", "\xff\xfe", "%s%n", "--",
        "--=", "\"", "\\", "99999999999999999999", "[[[[1]]]]", "recompute",
    };
    return values[draw(sizeof values / sizeof *values)];
}

static const char *some_key(void) { return recipe_keys.key[draw((uint32_t)recipe_keys.n)].name; }

static void damage(char *text)
{
    size_t n = strlen(text);
    for (uint32_t i = draw(4); n && i > 0; i--) text[draw((uint32_t)n)] = (char)(1 + draw(255));
}

static void assert_answered(Status status)
{
    assert_true(status == STATUS_OK || (status == STATUS_INPUT && status_message()[0]));
}

static void check_flags(int argc, char **argv)
{
    Notices notices = {0};
    Recipe r = {0};
    Status status = recipe_parse(&r, argc, argv, &notices);
    assert_answered(status);
    if (status == STATUS_OK) json_free(recipe_to_json(&r));
    recipe_free(&r);
    GenerateOptions g = {0};
    assert_answered(generate_options_parse(&g, argc, argv, &notices));
    generate_options_free(&g);
    notices_free(&notices);
}

static void some_flag(char *text)
{
    if (draw(4)) snprintf(text, ARG_BYTES, "--%s%s%s", some_key(), draw(2) ? "=" : "", draw(2) ? some_value() : "");
    else snprintf(text, ARG_BYTES, "%s", some_value());
    if (!draw(4)) damage(text);
}

static void damaged_flags(void **state)
{
    (void)state;
    for (int run = 0; run < N_RUNS; run++) {
        char text[MAX_ARGS][ARG_BYTES] = { "--model_name_or_path=m", "--dataset_name=d" }, *argv[MAX_ARGS];
        int argc = 2;
        while (argc < MAX_ARGS && draw(5)) some_flag(text[argc++]);
        for (int i = 0; i < argc; i++) argv[i] = text[i];
        check_flags(argc, argv);
    }
}

static void some_object(char *text)
{
    int n = snprintf(text, FILE_BYTES, "{\"model_name_or_path\": \"m\", \"dataset_name\": \"d\"");
    while (n < FILE_BYTES - 150 && draw(5)) {
        const char *quote = draw(2) ? "\"" : "";
        n += snprintf(text + n, (size_t)(FILE_BYTES - n), ", \"%s\": %s%s%s", some_key(), quote, some_value(), quote);
    }
    snprintf(text + n, (size_t)(FILE_BYTES - n), "}");
    if (!draw(3)) damage(text);
}

static void damaged_objects(void **state)
{
    (void)state;
    int n_read = 0;
    for (int run = 0; run < N_RUNS; run++) {
        char text[FILE_BYTES];
        some_object(text);
        Json *object = NULL, *given = NULL;
        if (json_parse(&object, "fuzz", text, strlen(text)) != STATUS_OK) continue;
        Recipe r = {0};
        Notices notices = {0};
        Status status = keys_read(&recipe_keys, &r, &given, object, "fuzz", &notices);
        assert_answered(status);
        n_read += status == STATUS_OK;
        json_free(object);
        json_free(given);
        notices_free(&notices);
        recipe_free(&r);
    }
    assert_true(n_read > N_RUNS / 100);
}

static void damaged_files(void **state)
{
    (void)state;
    static const char *const names[] = { "test_fuzz_recipe.json", "test_fuzz_recipe.yaml" };
    for (int run = 0; run < N_RUNS / 20; run++) {
        char text[FILE_BYTES], flag[64];
        const char *name = names[draw(2)];
        some_object(text);
        FILE *f = fopen(name, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
        snprintf(flag, sizeof flag, "--config=%s", name);
        check_flags(1, (char *[]){ flag });
    }
    unlink(names[0]);
    unlink(names[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(damaged_flags), cmocka_unit_test(damaged_objects), cmocka_unit_test(damaged_files) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
