/* What `graft inspect` shows, as text and as JSON, and what it refuses. */
#include "tests/train/deploy/tiny_chat.h"

#include "train/deploy/inspect.h"

typedef struct { char dir[64], model[96], adapter[96]; } World;

static int setup(void **state)
{
    World *w = memory_new(1, sizeof *w);
    chat_folder(w->dir);
    snprintf(w->model, sizeof w->model, "%s/model", w->dir);
    snprintf(w->adapter, sizeof w->adapter, "%s/checkpoint-7", w->dir);
    chat_model_write(w->model, 64);
    chat_adapter_write(w->adapter, w->model);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    World *w = *state;
    assert_ok(output_remove(w->dir));
    free(w);
    return 0;
}

static char *text_of(const char *path)
{
    Json *report = NULL;
    char *text = NULL;
    size_t n = 0;
    assert_ok(inspect_path(path, &report));
    FILE *out = open_memstream(&text, &n);
    inspect_print(report, out);
    fclose(out);
    json_free(report);
    return text;
}

/* Every line is somewhere in the text. */
static void shows(const char *text, const char *const *lines)
{
    for (int i = 0; lines[i]; i++) {
        if (!strstr(text, lines[i])) print_error("missing: %sin:\n%s", lines[i], text);
        assert_non_null(strstr(text, lines[i]));
    }
}

static void a_model(void **state)
{
    World *w = *state;
    char *text = text_of(w->model);
    /* 2 x 384 x 16, a norm of 16, 2 layers of 4 x 16 x 16 + 3 x 24 x 16 + 2 x 16 */
    const char *const lines[] = { "kind                               base model\n", "architecture                       llama\n",
        "parameters                         16,720\n", "bytes                              0.1 MB\n", "dtypes                             F32\n",
        "\nsizes\n  num hidden layers                2\n", "  head dim                         8\n", "  tie word embeddings              no\n",
        "  max position embeddings          64\n", "  rope theta                       10,000\n", "  rope type                        default\n",
        "\ntokenizer\n  kind                             BPE\n  tokens                           384\n", "  eos token                        <|im_end|> (2)\n",
        "  end tokens                       <|im_end|> (2)\n", "  chat template                    yes\n  chat template marks generation   yes\n", NULL };
    shows(text, lines);
    free(text);
}

static void a_model_without_tokenizer(void **state)
{
    World *w = *state;
    char *file = memory_format("%s/tokenizer.json", w->model);
    assert_ok(output_remove(file));
    char *text = text_of(w->model);
    shows(text, (const char *const[]){ "\ntokenizer                          none\n", NULL });
    free(text);
    free(file);
}

static void a_checkpoint(void **state)
{
    World *w = *state;
    tiny_write(w->adapter, "trainer_state.json", "{\"global_step\": 7, \"max_steps\": 20, \"epoch\": 0.35, \"best_metric\": 1.25, \"best_global_step\": 5, \"log_history\": "
               "[{\"loss\": 3.5, \"step\": 6}, {\"loss\": 3.25, \"step\": 7, \"num_tokens\": 1234567.0}, {\"eval_loss\": 1.5, \"step\": 7}]}");
    char *text = text_of(w->adapter);
    /* 14 sites of rank 4: 4 x (16 + 16) x 8 + 4 x (16 + 24) x 6 */
    const char *const lines[] = { "kind                               checkpoint\n", "peft type                          LORA\n",
        "r                                  4\n", "lora alpha                         4\n", "trainable parameters               1,984\n",
        "adapted modules                    14\n", "trainable share                    10.61 %\n", "rms of B                           0.2",
        "\ntraining\n  step                             7\n  of steps                         20\n  epoch                            0.35\n",
        "  last loss                        3.25\n  last eval loss                   1.5\n  num tokens                       1,234,567\n",
        "  best metric                      1.25\n  best step                        5\n", NULL };
    shows(text, lines);
    assert_null(strstr(text, "warning"));
    free(text);
}

/* Rewrites the adapter with one value everywhere. */
static void fill_adapter(World *w, float a, float b, float first_b)
{
    Model model;
    Adapter adapter = {0};
    State values = {0};
    assert_ok(model_open(&model, w->model));
    chat_adapter_init(&adapter, &values, &model);
    for (int i = 0; i < values.n_params; i++)
        for (int64_t k = 0; k < values.param[i].rows * values.param[i].cols; k++) values.value[values.param[i].offset + k] = i % 2 ? b : a;
    values.value[values.param[1].offset] = first_b;
    assert_ok(adapter_folder_save(&adapter, w->adapter));
    adapter_free(&adapter);
    state_free(&values);
    model_close(&model);
}

static void warns_of_values(void **state)
{
    World *w = *state;
    const struct { float a, b, first; const char *line; } cases[] = {
        { 1, 0, 0, "warning                            every B is zero: it changes nothing, as before training\n" },
        { 1, 0, 2, "modules with B zero                13\n" },
        { 3, 1, (float)strtod("nan", NULL), "warning                            it holds values that are not finite numbers\n" },
        { 3, 2, 2, "rms of A                           3\nrms of B                           2\n" },
    };
    for (int i = 0; i < 4; i++) {
        fill_adapter(w, cases[i].a, cases[i].b, cases[i].first);
        char *text = text_of(w->adapter);
        shows(text, (const char *const[]){ cases[i].line, NULL });
        free(text);
    }
}

static void an_adapter_without_its_base(void **state)
{
    World *w = *state;
    assert_ok(output_remove(w->model));
    char *text = text_of(w->adapter);
    shows(text, (const char *const[]){ "trainable parameters               1,984\n", NULL });
    assert_null(strstr(text, "share"));
    free(text);
}

static void a_file_of_tensors(void **state)
{
    World *w = *state;
    char *file = memory_format("%s/adapter_model.safetensors", w->adapter), *text = text_of(file);
    shows(text, (const char *const[]){ "kind                               tensors (safetensors)\n", "tensors                            28\n", "elements                           1,984\n",
        "  base_model.model.model.layers.1.mlp.down_proj.lora_A.weight F32 [4, 24]\n", NULL });
    free(text);
    free(file);
}

static void as_json(void **state)
{
    World *w = *state;
    Json *report = NULL;
    assert_ok(inspect_path(w->model, &report));
    assert_int_equal(json_integer(json_get(report, "parameters")), 16720);
    assert_int_equal(json_integer(json_get(report, "bytes")), 66880);
    assert_true(json_bool(json_get(json_get(report, "tokenizer"), "chat_template")));
    json_free(report);
}

static void fails_with(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fails_with(const char *path, const char *format, ...)
{
    Json *report = NULL;
    char want[512];
    va_list args;
    va_start(args, format);
    vsnprintf(want, sizeof want, format, args);
    va_end(args);
    assert_int_equal(inspect_path(path, &report), STATUS_INPUT);
    assert_string_equal(status_message(), want);
}

static void says_what_is_wrong(void **state)
{
    World *w = *state;
    char file[160];
    fails_with("/nowhere", "/nowhere: No such file or directory");
    fails_with(w->dir, "%s: neither a model (a folder with config.json, or a .gguf file), nor an adapter or checkpoint (a folder with adapter_config.json), nor a "
                       ".safetensors file", w->dir);
    tiny_write(w->adapter, "trainer_state.json", "[]");
    fails_with(w->adapter, "%s/trainer_state.json: expected an object, found a list", w->adapter);
    snprintf(file, sizeof file, "%s/adapter_model.safetensors", w->adapter);
    assert_ok(output_remove(file));
    fails_with(w->adapter, "%s: No such file or directory", file);
    chat_adapter_write(w->adapter, w->model);
    tiny_model_write(w->model, (TinyModel){ .vocab_size = CHAT_VOCABULARY, .hidden_size = 32, .seed = 5 });
    fails_with(w->adapter, "%s: tensor base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight: shape [4, 16], expected [4, 32]", file);
    tiny_write(w->model, "config.json", "{}");
    fails_with(w->model, "%s/config.json: model_type: expected a string, found nothing", w->model);
    assert_fails(STATUS_INPUT, "which file or folder? usage: graft inspect PATH [--json]", inspect_command(0, NULL));
    assert_fails(STATUS_INPUT, "found \"a\" and \"b\"; graft inspect takes one path", inspect_command(2, (char *[]){ "a", "b" }));
    assert_fails(STATUS_INPUT, "unknown key --jsn; `graft inspect --help` says how it is called", inspect_command(1, (char *[]){ "--jsn" }));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { TEST(a_model), TEST(a_model_without_tokenizer), TEST(a_checkpoint), TEST(warns_of_values),
        TEST(an_adapter_without_its_base), TEST(a_file_of_tensors), TEST(as_json), TEST(says_what_is_wrong) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
