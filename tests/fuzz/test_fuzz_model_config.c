/* config.json, adapter_config.json and the metadata of a GGUF model from anywhere: refused with a reason, or numbers that the code behind them can take: rotary
 * tables that are made, grown and restored, and a LoRA config that chooses modules, is printed and reads back as it was. */
#include "train/adapter/method.h"
#include "tests/fuzz/mutate.h"

static void use_config(ModelConfig *config)
{
    for (int i = 0; i < config->n_ropes; i++) {
        Rope rope;
        rope_init(&rope, &config->rope[i], config->max_position_embeddings, NULL);
        rope_reserve(&rope, 6);
        for (int64_t longest = 1; longest <= 6; longest++) rope_meet(&rope, longest);
        rope_restore(&rope, config->max_position_embeddings);
        rope_free(&rope);
    }
    for (int64_t i = 0; i < config->num_hidden_layers; i++)
        CHECK(config->layer[i].window >= 0 && config->layer[i].rope < config->n_ropes, "layer %d", (int)i);
    config_free(config);
}

static char *printed(const LoraConfig *config)
{
    Buffer out = {0};
    Json *json = lora_config_to_json(config);
    json_print(&out, json, (JsonStyle){0});
    json_free(json);
    return buffer_take(&out);
}

static void check_read_back(const LoraConfig *config)
{
    char *once = printed(config);
    Json *json = NULL;
    LoraConfig again = {0};
    Status status = json_parse(&json, "printed", once, strlen(once));
    if (status == STATUS_OK) status = lora_config_from_json(&again, json, "printed");
    CHECK(status == STATUS_OK, "%s: %s", status_message(), once);
    char *twice = printed(&again);
    CHECK(!strcmp(once, twice), "%s became %s", once, twice);
    free(once);
    free(twice);
    lora_config_free(&again);
    json_free(json);
}

/* On a real model; the config is taken over. */
static void use_lora(LoraConfig *config)
{
    static Model model;
    Adapter adapter;
    State state = {0};
    Notices notices = {0};
    if (model.source) model_close(&model);      /* an adapter replicated its layers */
    if (!model.path) CHECK(model_open(&model, GRAFT_GOLDEN "/llama/gqa") == STATUS_OK);
    Status status = adapter_attach(&adapter, &state, &model, config, &notices);
    fuzz_check(status);
    CHECK(status != STATUS_OK || adapter.n_adapted > 0);
    adapter_free(&adapter);
    state_free(&state);
    notices_free(&notices);
}

/* A run that continues the adapter and asks for some of what its config says. */
static void check_with_recipe(const LoraConfig *config)
{
    Recipe recipe = {0};
    Notices notices = {0};
    char *flags[] = { (char *)"--model_name_or_path=m", (char *)"--dataset_name=d", (char *)"--lora_r=8", (char *)"--lora_target_modules=q_proj,k_proj",
                      (char *)"--layers_to_transform=1,0", (char *)"--rank_pattern={\"v_proj\": 2}" };
    CHECK(recipe_parse(&recipe, sizeof flags / sizeof *flags, flags, &notices) == STATUS_OK, "%s", status_message());
    fuzz_check(lora_config_check(config, "adapter_config.json", &recipe));
    recipe_free(&recipe);
    notices_free(&notices);
}

static void use_gguf(const uint8_t *bytes, size_t n)
{
    Gguf gguf = { .path = "fuzz" };
    ModelConfig config;
    Mapped file = { .path = (char *)"fuzz", .bytes = bytes, .n_bytes = n };
    if (gguf_parse(&gguf, &file) != STATUS_OK) return;
    Status status = config_from_gguf(&config, &gguf);
    fuzz_check(status);
    if (status == STATUS_OK) use_config(&config);
    gguf_close(&gguf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Json *json = NULL;
    ModelConfig config;
    LoraConfig lora_config = {0};
    if (n >= 4 && !memcmp(bytes, "GGUF", 4)) use_gguf(bytes, n);
    if (json_parse(&json, "fuzz", (const char *)bytes, n) != STATUS_OK) return 0;
    Status status = config_from_json(&config, json, "config.json");
    fuzz_check(status);
    if (status == STATUS_OK) use_config(&config);
    status = lora_config_from_json(&lora_config, json, "adapter_config.json");
    fuzz_check(status);
    if (status == STATUS_OK) {
        check_read_back(&lora_config);
        check_with_recipe(&lora_config);
        use_lora(&lora_config);
    }
    json_free(json);
    return 0;
}

#define NUMBERS "{\"model_type\": \"llama\", \"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
#define LORA "{\"peft_type\": \"LORA\", \"r\": 8, \"lora_alpha\": 16, "

const Fuzz fuzz = {
    .texts = (const char *const[]){
        NUMBERS "\"num_key_value_heads\": 2, \"head_dim\": 8, \"max_position_embeddings\": 4, \"rms_norm_eps\": 1e-5, \"tie_word_embeddings\": true, \"rope_theta\": 500}",
        NUMBERS "\"max_position_embeddings\": 4, \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}}",
        NUMBERS "\"rope_parameters\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}}",
        NUMBERS "\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": 4, \"beta_fast\": 32, \"beta_slow\": 1, \"mscale\": 1.5, \"mscale_all_dim\": 1, \"truncate\": false}}",
        "{\"model_type\": \"gemma3\", \"tie_word_embeddings\": true, \"text_config\": {\"num_hidden_layers\": 3, \"sliding_window\": 4, \"rope_scaling\": {\"rope_type\": \"linear\", "
        "\"factor\": 8}, \"rope_local_base_freq\": 100, \"sliding_window_pattern\": 2, \"layer_types\": [\"full_attention\", \"sliding_attention\", \"attention\"]}}",
        "{\"model_type\": \"phi3\", \"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, \"partial_rotary_factor\": 0.5, "
        "\"sliding_window\": 3, \"original_max_position_embeddings\": 3, \"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1.5], \"long_factor\": [4]}}",
        "{\"model_type\": \"smollm3\", \"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
        "\"no_rope_layers\": [1, 0], \"use_sliding_window\": true, \"sliding_window\": 7, \"max_window_layers\": 1, \"logit_scale\": 1, \"hidden_act\": \"gelu\"}",
        LORA "\"target_modules\": [\"q_proj\", \"mlp.up_proj\"], \"layers_to_transform\": [0, 1], \"layers_pattern\": \"layers\", \"use_rslora\": true, \"modules_to_save\": null}",
        LORA "\"target_modules\": \".*[01]\\\\.(self_attn|mlp)\\\\..*_proj\", \"exclude_modules\": [\"k_proj\"], \"rank_pattern\": {\"v_proj\": 2}, \"alpha_pattern\": {\"^model.*1.*\": 1.5}}",
        LORA "\"target_modules\": \"all-linear\", \"lora_dropout\": 0.1, \"bias\": \"none\", \"init_lora_weights\": \"gaussian\", \"base_model_name_or_path\": \"base\"}",
        NULL },
    .golden = (const char *const[]){ "llama/*/config.json", "llama/*/adapter_in/adapter_config.json", NULL },
    .words = (const char *const[]){
        "null", "true", "false", "0", "-1", "1", "2", "7", "65536", "65537", "9007199254740992", "-1e308", "1e-308", "0.5", "NaN", "Infinity", "\"\"",
        "\"default\"", "\"linear\"", "\"dynamic\"", "\"llama3\"", "\"yarn\"", "\"all-linear\"", "\"(\"", "\".*\"", "[]", "[\"q_proj\"]", "[1]", "[[]]",
        "{}", "{\"q_proj\": 3}", "{\"[\": 3}", "{\"rope_type\": \"linear\", \"factor\": 1e300}", NULL },
};
