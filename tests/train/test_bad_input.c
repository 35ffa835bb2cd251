/* Bad input, as a user meets it: the program ends with exit 2, says which file, where, what was found and expected, and leaves
 * nothing behind. Every row is one mistake in an otherwise good world: a model, rows, a command. */
#include "tests/tiny_model.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    const char *file, *text;     /* written into the world before; text NULL: nothing is */
    const char *arguments;       /* behind `graft sft`; {} stands for the world's folder. Model, rows and output_dir come first */
    const char *message;         /* all of stderr behind "graft: error: ", {} as above */
} Case;

static const Case cases[] = {
    /* keys */
    { NULL, NULL, "--lerning_rate 1e-3", "unknown key --lerning_rate; did you mean --learning_rate?" },
    { NULL, NULL, "--learning_rate fast", "--learning_rate: found \"fast\", expected a number of at least 0 and at most 1000" },
    { NULL, NULL, "--learning_rate inf", "--learning_rate: found \"inf\", expected a number of at least 0 and at most 1000" },
    { NULL, NULL, "--lora_dropout 1.5", "--lora_dropout: found 1.5, expected a number of at least 0 and less than 1" },
    { "recipe.json", "{\"lora_r\": \"many\"}", "--config {}/recipe.json", "{}/recipe.json: lora_r: found \"many\", expected an integer of at least 1 and at most 65536" },
    { "recipe.json", "{\"lora_r\": 4,}", "--config {}/recipe.json", "{}/recipe.json: not JSON at line 1, column 15" },
    { NULL, NULL, "--eval_strategy steps", "eval_dataset_name: evaluation needs examples of its own: give eval_dataset_name or test_split_size, or as dataset_name a folder with the splits train and test" },
    { NULL, NULL, "--per_device_train_batch_size 9 --dataloader_drop_last true",
      "dataloader_drop_last leaves nothing to train on: 4 examples make no batch of 9" },
    /* adapter */
    { NULL, NULL, "--lora_target_modules query value",
      "target_modules query, value: no module of this model is adapted; it has, in each of 2 layers: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj" },
    { NULL, NULL, "--lora_target_modules lm_head", "target_modules: lm_head cannot be adapted, in TRL neither: the loss multiplies with its weight directly" },
    { NULL, NULL, "--adapter_name_or_path {}/nowhere", "adapter_name_or_path: {}/nowhere/adapter_config.json: No such file or directory" },
    /* model */
    { NULL, NULL, "--model_name_or_path {}/nowhere", "model_name_or_path: {}/nowhere/config.json: No such file or directory" },
    { "model/config.json", "{\"model_type\": \"mamba\"}", "", NULL },
    { "model/config.json", "{\"model_type\": \"llama\", \"vocab_size\": -1}", "",
      "model_name_or_path: {}/model/config.json: vocab_size: expected a whole number above 0 and of a size that can be, found -1" },
    { "model/config.json", "not JSON", "", "model_name_or_path: {}/model/config.json: not JSON at line 1, column 1" },
    { "model/model.safetensors", "short", "", "model_name_or_path: {}/model/model.safetensors: 5 bytes, a safetensors file has at least 8" },
    { "model/model.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}", "",
      "model_name_or_path: {}/model/model.safetensors: the header claims 18446744073709551615 bytes, the file has 10: not safetensors, or cut short" },
    { "base.gguf", "GGUF\3\0", "--model_name_or_path {}/base.gguf", "model_name_or_path: {}/base.gguf: 4 bytes wanted at byte 4, the file has 6: it is cut short or damaged" },
    /* rows */
    { NULL, NULL, "--dataset_name {}/nowhere.jsonl", "dataset_name: {}/nowhere.jsonl: No such file or directory" },
    { "rows.jsonl", "", "", "dataset_name: {}/rows.jsonl: no rows; expected one JSON object per line, or a list of objects" },
    { "rows.jsonl", "{\"input_ids\": [1, 2]}\n{\"input_ids\": [1,\n", "", "dataset_name: {}/rows.jsonl:2: not JSON at line 1, column 18" },
    { "rows.jsonl", "{\"input_ids\": [1, 2]}\n{\"text\": \"\xff\"}\n", "", "dataset_name: {}/rows.jsonl:2: invalid UTF-8 at line 1, column 11" },
    { "rows.jsonl", "{\"question\": \"?\"}\n", "",
      "dataset_name: {}/rows.jsonl:1: no column that can be trained on; found: question; accepted: input_ids, or prompt and completion, or messages, or conversations, or text, or instruction and output" },
    { "rows.jsonl", "{\"input_ids\": [1, 64]}\n", "", "dataset_name: {}/rows.jsonl:1: \"input_ids\" holds 64, expected token ids from 0 to 63" },
    { "rows.jsonl", "{\"input_ids\": [1]}\n", "",
      "dataset_name: {}/rows.jsonl: no token would be trained: of 1 rows, 0 were cut and 0 dropped for having no trained token left; raise max_length or check the masks" },
    { "rows.jsonl", "{\"text\": \"words\"}\n", "", NULL },
};
enum { N_CASES = sizeof cases / sizeof *cases };

static char *expand(const char *text, const char *world)
{
    Buffer out = {0};
    for (const char *c = text; *c; c++) {
        if (c[0] == '{' && c[1] == '}') buffer_add_string(&out, world), c++;
        else buffer_add_char(&out, *c);
    }
    return buffer_take(&out);
}

/* A world with a model that trains and rows that fit it, and the case's mistake. */
static void make_world(const char *world, const Case *c)
{
    char *model = memory_format("%s/model", world);
    tiny_model_write(model, (TinyModel){ .seed = 1 });
    tiny_rows_write(world, "rows.jsonl", 4, 4, 9, 64, 2);
    if (c && c->text) {
        size_t n = !strncmp(c->text, "GGUF", 4) ? 6 : strlen(c->text);
        char *path = memory_format("%s/%s", world, c->file);
        assert_ok(output_save(path, c->text, n));
        free(path);
    }
    free(model);
}

/* Exit code of the command; its stderr in `said`. */
static int run(const char *world, const char *arguments, Buffer *said)
{
    char *more = expand(arguments, world), line[2048];
    char *model = strstr(arguments, "--model_name_or_path") ? memory_string("") : memory_format("--model_name_or_path %s/model", world);
    char *rows = strstr(arguments, "--dataset_name") ? memory_string("") : memory_format("--dataset_name %s/rows.jsonl", world);
    char *command = memory_format("%s sft %s %s --output_dir %s/out --max_steps 1 %s 2>&1 >/dev/null", GRAFT_BINARY, model, rows, world, more);
    FILE *pipe = popen(command, "r");
    while (fgets(line, sizeof line, pipe)) buffer_add_string(said, line);
    int code = pclose(pipe);
    free(command);
    free(model);
    free(rows);
    free(more);
    return WEXITSTATUS(code);
}

static void check_case(const Case *c)
{
    char world[] = "/tmp/graft-bad-input-XXXXXX";
    Buffer said = {0};
    assert_non_null(mkdtemp(world));
    make_world(world, c);
    assert_int_equal(run(world, c->arguments, &said), 2);
    const char *prefix = "graft: error: ";
    assert_true(said.len > strlen(prefix) && !strncmp(said.data, prefix, strlen(prefix)));
    if (c->message) {
        char *message = expand(c->message, world), *expected = memory_format("%s%s\n", prefix, message);
        assert_string_equal(said.data, expected);
        free(message);
        free(expected);
    }
    char *out = memory_format("%s/out", world);
    struct stat info;
    assert_int_not_equal(stat(out, &info), 0);
    free(out);
    buffer_free(&said);
    assert_ok(output_remove(world));
}

static void every_mistake_is_said(void **state)
{
    (void)state;
    for (int i = 0; i < N_CASES; i++) check_case(&cases[i]);
}

static void the_world_without_a_mistake_trains(void **state)
{
    (void)state;
    char world[] = "/tmp/graft-bad-input-XXXXXX";
    Buffer said = {0};
    assert_non_null(mkdtemp(world));
    make_world(world, NULL);
    assert_int_equal(run(world, "", &said), 0);
    buffer_free(&said);
    assert_ok(output_remove(world));
}

/* 100,000 brackets deep. */
static void deep_config(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *deep = memory_new(DEPTH + 1, 1);
    memset(deep, '[', DEPTH);
    check_case(&(Case){ "model/config.json", deep, "", "model_name_or_path: {}/model/config.json: not JSON at line 1, column 1001" });
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_world_without_a_mistake_trains), cmocka_unit_test(every_mistake_is_said), cmocka_unit_test(deep_config),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
