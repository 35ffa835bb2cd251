/* Every recipe of configs/ is read and planned by the program, on a tiny model; the one with TRL's defaults changes none. */
#include "tests/testing.h"

#include <glob.h>

#include "data/file/json.h"
#include "kernels/buffer.h"
#include "train/recipe.h"

#define CONFIGS GRAFT_GOLDEN "/../../configs"

static void write_rows(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 100; i++) fprintf(f, "{\"input_ids\": [1, 2, %d]}\n", 3 + i % 50);
    fclose(f);
}

static void every_recipe_can_be_planned(void **state)
{
    (void)state;
    glob_t recipes;
    write_rows("test_configs.jsonl");
    assert_int_equal(glob(CONFIGS "/*.yaml", 0, NULL, &recipes), 0);
    for (size_t i = 0; i < recipes.gl_pathc; i++) {
        char command[4096];
        snprintf(command, sizeof command, "%s sft --config '%s' --model_name_or_path '%s/llama/gqa' --dataset_name test_configs.jsonl "
                 "--eval_dataset_name test_configs.jsonl --output_dir test_configs_out --plan true > test_configs.log 2>&1",
                 GRAFT_BINARY, recipes.gl_pathv[i], GRAFT_GOLDEN);
        int code = system(command);
        if (code) print_error("%s: see test_configs.log\n", recipes.gl_pathv[i]);
        assert_int_equal(code, 0);
    }
    globfree(&recipes);
    remove("test_configs.log");
    remove("test_configs.jsonl");
}

static Recipe read_recipe(const char *config)
{
    char *arg[] = { "--model_name_or_path", "m", "--dataset_name", "d.jsonl", "--config", (char *)config };
    Recipe recipe = {0};
    Notices notices = {0};
    assert_ok(recipe_parse(&recipe, config ? 6 : 4, arg, &notices));
    notices_free(&notices);
    return recipe;
}

static void trl_defaults_are_the_defaults(void **state)
{
    (void)state;
    Recipe defaults = read_recipe(NULL), file = read_recipe(CONFIGS "/sft_lora_trl_defaults.yaml");
    Json *a = recipe_to_json(&defaults), *b = recipe_to_json(&file);
    Buffer expected = {0}, found = {0};
    json_print(&expected, a, (JsonStyle){0});
    json_print(&found, b, (JsonStyle){0});
    assert_string_equal(found.data, expected.data);
    buffer_free(&expected);
    buffer_free(&found);
    json_free(a);
    json_free(b);
    recipe_free(&defaults);
    recipe_free(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_recipe_can_be_planned), cmocka_unit_test(trl_defaults_are_the_defaults) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
