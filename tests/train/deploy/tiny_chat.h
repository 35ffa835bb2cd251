/* A folder with a tiny random model that has a byte-level tokenizer of its 384 tokens and a chat template, and an adapter for it. */
#ifndef TESTS_TRAIN_DEPLOY_TINY_CHAT_H
#define TESTS_TRAIN_DEPLOY_TINY_CHAT_H
#include "tests/tiny_model.h"

#include "train/adapter/folder.h"

enum { CHAT_VOCABULARY = 384 };

static void chat_copy(const char *dir, const char *name)
{
    char *from = memory_format(GRAFT_GOLDEN "/rows/chatml/%s", name), *to = memory_format("%s/%s", dir, name);
    assert_ok(output_copy(from, to));
    free(from);
    free(to);
}

static void __attribute__((unused)) chat_model_write(const char *dir, int positions)
{
    tiny_model_write(dir, (TinyModel){ .vocab_size = CHAT_VOCABULARY, .positions = positions, .seed = 5 });
    chat_copy(dir, "tokenizer.json");
    chat_copy(dir, "tokenizer_config.json");
    chat_copy(dir, "chat_template.jinja");
}

/* An attached adapter on every linear with values that change what the model says. */
static void chat_adapter_init(Adapter *adapter, State *state, Model *model)
{
    Notices notices = {0};
    Recipe recipe = {0};
    char *args[] = { "--model_name_or_path", model->path, "--dataset_name=d", "--lora_target_modules=all-linear", "--lora_r=4", "--lora_alpha=4",
                     "--init_lora_weights=false" };
    assert_ok(recipe_parse(&recipe, 7, args, &notices));
    LoraConfig config;
    lora_config_from_recipe(&config, &recipe);
    assert_ok(adapter_attach(adapter, state, model, &config, &notices));
    assert_ok(state_allocate(state));
    adapter_initialize(adapter, 3);
    recipe_free(&recipe);
    notices_free(&notices);
}

static void __attribute__((unused)) chat_adapter_write(const char *dir, const char *model_path)
{
    Model model;
    Adapter adapter = {0};
    State state = {0};
    assert_ok(model_open(&model, model_path));
    chat_adapter_init(&adapter, &state, &model);
    assert_ok(output_make_folder(dir));
    assert_ok(adapter_folder_save(&adapter, dir));
    adapter_free(&adapter);
    state_free(&state);
    model_close(&model);
}

/* A new folder below /tmp. */
static char *__attribute__((unused)) chat_folder(char path[64])
{
    strcpy(path, "/tmp/graft-test-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

#endif
