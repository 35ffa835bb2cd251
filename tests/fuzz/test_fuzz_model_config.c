/* config.json and adapter_config.json from anywhere: refused with a reason, or numbers that the code behind them can take: rotary
 * tables that are made, grown and restored, and a LoRA config that chooses modules, is printed and reads back as it was. */
#include "train/adapter/method.h"
#include "tests/fuzz/mutate.h"

static void use_rope(const ModelConfig *config)
{
    Rope rope;
    rope_init(&rope, config, NULL);
    rope_reserve(&rope, 6);
    for (int64_t longest = 1; longest <= 6; longest++) rope_meet(&rope, longest);
    rope_restore(&rope, config->max_position_embeddings);
    rope_free(&rope);
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
    if (!model.path) CHECK(model_open(&model, GRAFT_GOLDEN "/llama/gqa") == STATUS_OK);
    Status status = adapter_attach(&adapter, &state, &model, config, &notices);
    fuzz_check(status);
    CHECK(status != STATUS_OK || adapter.n_adapted > 0);
    adapter_free(&adapter);
    state_free(&state);
    notices_free(&notices);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    Json *json = NULL;
    ModelConfig config;
    LoraConfig lora_config = {0};
    if (json_parse(&json, "fuzz", (const char *)bytes, n) != STATUS_OK) return 0;
    Status status = config_from_json(&config, json, "config.json");
    fuzz_check(status);
    if (status == STATUS_OK) use_rope(&config);
    status = lora_config_from_json(&lora_config, json, "adapter_config.json");
    fuzz_check(status);
    if (status == STATUS_OK) {
        check_read_back(&lora_config);
        use_lora(&lora_config);
    }
    json_free(json);
    return 0;
}

#ifndef GRAFT_LIBFUZZER
#define NUMBERS "{\"model_type\": \"llama\", \"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4, "
#define LORA "{\"peft_type\": \"LORA\", \"r\": 8, \"lora_alpha\": 16, "
#define TEXT(s) { s, sizeof s - 1 }

/* Bytes at random are seldom JSON: here a member at random gets a value of another kind or size. */
static void set_some_member(Json *object, Dice *dice)
{
    static const char *const values[] = { "null", "true", "false", "0", "-1", "1", "2", "7", "65536", "65537", "9007199254740992", "-1e308", "1e-308", "0.5", "NaN", "Infinity",
        "\"\"", "\"default\"", "\"linear\"", "\"dynamic\"", "\"llama3\"", "\"yarn\"", "\"all-linear\"", "\"(\"", "\".*\"", "[]", "[\"q_proj\"]", "[1]", "[[]]", "{}",
        "{\"q_proj\": 3}", "{\"[\": 3}", "{\"rope_type\": \"linear\", \"factor\": 1e300}" };
    const char *text = values[dice_below(dice, sizeof values / sizeof *values)];
    const Json *member = json_first(object);
    for (size_t i = dice_below(dice, (size_t)json_count(object)); i; i--) member = json_next(member);
    Json *value = NULL;
    char *key = memory_string(json_key(member));
    if (json_kind(member) == JSON_OBJECT && json_count(member) && dice_below(dice, 4)) set_some_member(value = json_copy(member), dice);
    else CHECK(json_parse(&value, "value", text, strlen(text)) == STATUS_OK);
    json_set(object, key, value);
    free(key);
}

static void fuzz_members(const Seed *seed, int n_seeds, int n_rounds)
{
    Dice dice = { UINT64_C(0x9E3779B97F4A7C15) };
    for (int round = 0; round < n_rounds; round++) {
        const Seed *start = &seed[dice_below(&dice, (size_t)n_seeds)];
        Json *json = NULL;
        Buffer text = {0};
        CHECK(json_parse(&json, "seed", start->bytes, start->n) == STATUS_OK);
        for (size_t k = 1 + dice_below(&dice, 3); k; k--) set_some_member(json, &dice);
        json_print(&text, json, (JsonStyle){0});
        try_bytes(text.data, text.len);
        buffer_free(&text);
        json_free(json);
    }
}

int main(int argc, char **argv)
{
    const Seed seeds[] = {
        TEXT(NUMBERS "\"num_key_value_heads\": 2, \"head_dim\": 8, \"max_position_embeddings\": 4, \"rms_norm_eps\": 1e-5, \"tie_word_embeddings\": true, \"rope_theta\": 500}"),
        TEXT(NUMBERS "\"max_position_embeddings\": 4, \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0}}"),
        TEXT(NUMBERS "\"rope_parameters\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}}"),
        TEXT(NUMBERS "\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": 4, \"beta_fast\": 32, \"beta_slow\": 1, \"mscale\": 1.5, \"mscale_all_dim\": 1, \"truncate\": false}}"),
        TEXT(LORA "\"target_modules\": [\"q_proj\", \"mlp.up_proj\"], \"layers_to_transform\": [0, 1], \"layers_pattern\": \"layers\", \"use_rslora\": true, \"modules_to_save\": null}"),
        TEXT(LORA "\"target_modules\": \".*[01]\\\\.(self_attn|mlp)\\\\..*_proj\", \"exclude_modules\": [\"k_proj\"], \"rank_pattern\": {\"v_proj\": 2}, \"alpha_pattern\": {\"^model.*1.*\": 1.5}}"),
        TEXT(LORA "\"target_modules\": \"all-linear\", \"lora_dropout\": 0.1, \"bias\": \"none\", \"init_lora_weights\": \"gaussian\", \"base_model_name_or_path\": \"base\"}"),
    };
    fuzz_members(seeds, sizeof seeds / sizeof *seeds, fuzz_rounds(argc, argv));
    return fuzz_seeds(seeds, sizeof seeds / sizeof *seeds, fuzz_rounds(argc, argv));
}
#endif
