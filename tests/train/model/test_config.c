/* config.json: what each key becomes, and every key missing, of the wrong kind, out of range or huge, with its message. */
#include "tests/testing.h"

#include "kernels/memory.h"
#include "train/model/config.h"

#define NUMBERS "\"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2, \"num_attention_heads\": 4"
#define GOOD "\"model_type\": \"llama\", " NUMBERS

/* The same of another family, an object that the text behind it closes; gpt2's numbers have other names. */
#define OF(type) "{\"model_type\": \"" type "\", " NUMBERS ", \"num_key_value_heads\": 2, "
#define GPT2 "{\"model_type\": \"gpt2\", \"vocab_size\": 64, \"n_layer\": 2, \"n_head\": 4, \"attn_pdrop\": 0, \"resid_pdrop\": 0, \"embd_pdrop\": 0"

/* The good config with one value more or other: the last of two equal keys counts. */
static Status read(ModelConfig *c, const char *more)
{
    char *text = more[0] == '{' ? memory_string(more) : memory_format("{%s%s%s}", GOOD, *more ? ", " : "", more);
    Json *json = NULL;
    assert_ok(json_parse(&json, "test", text, strlen(text)));
    Status status = config_from_json(c, json, "config.json");
    json_free(json);
    free(text);
    return status;
}

/* What it owns is let go at once: the tests look at its numbers. */
static void good(ModelConfig *c, const char *more)
{
    assert_ok(read(c, more));
    ModelConfig numbers = *c;
    config_free(c);
    *c = numbers;
}

static void bad(const char *more, const char *message)
{
    ModelConfig c;
    char *expected = memory_format("config.json: %s", message);
    if (read(&c, more) == STATUS_OK) print_error("accepted: %s\n", more);
    assert_int_equal(read(&c, more), STATUS_INPUT);
    assert_string_equal(status_message(), expected);
    free(expected);
}

static void what_is_not_said_is_transformers_default(void **state)
{
    (void)state;
    static const char *const same[] = { "", "\"num_key_value_heads\": null, \"head_dim\": null, \"rope_scaling\": null, \"rope_parameters\": null" };
    for (int i = 0; i < 2; i++) {
        ModelConfig c;
        good(&c, same[i]);
        assert_string_equal(c.family->model_type, "llama");
        assert_true(c.vocab_size == 64 && c.hidden_size == 16 && c.intermediate_size == 24 && c.num_hidden_layers == 2 && c.num_attention_heads == 4);
        assert_true(c.num_key_value_heads == 4 && c.head_dim == 4 && c.max_position_embeddings == 2048 && c.norm_eps == 1e-6);
        assert_true(!c.qkv_bias && !c.o_bias && !c.mlp_bias && !c.tie_word_embeddings && c.rope[0].type == ROPE_TYPE_DEFAULT && c.rope[0].theta == 10000);
    }
}

static void what_is_said_counts(void **state)
{
    (void)state;
    ModelConfig c;
    good(&c, "\"num_key_value_heads\": 2, \"head_dim\": 6, \"max_position_embeddings\": 100, \"rms_norm_eps\": 1e-5, \"attention_bias\": true, \"mlp_bias\": true, "
             "\"tie_word_embeddings\": true, \"hidden_act\": \"silu\", \"attention_dropout\": 0.0, \"rope_theta\": 500, \"unknown\": {}, \"torch_dtype\": \"bfloat16\"");
    assert_true(c.num_key_value_heads == 2 && c.head_dim == 6 && c.max_position_embeddings == 100 && c.norm_eps == 1e-5);
    assert_true(c.qkv_bias && c.o_bias && c.mlp_bias && c.tie_word_embeddings && c.rope[0].theta == 500);
    good(&c, "\"rms_norm_eps\": 0, \"hidden_act\": \"swish\"");
    assert_true(c.norm_eps == 0);
}

static void unsupported(const char *model_type)
{
    Buffer list = {0};
    family_list(&list, false);
    char *config = memory_format("{\"model_type\": \"%s\"}", model_type);
    char *message = memory_format("model_type \"%s\" is not supported; supported are: %s", model_type, list.data);
    bad(config, message);
    free(config);
    free(message);
    buffer_free(&list);
}

static void what_is_no_model_of_ours(void **state)
{
    (void)state;
    bad("{}", "model_type: expected a string, found nothing");
    bad("{\"model_type\": null}", "model_type: expected a string, found null");
    bad("{\"model_type\": 7}", "model_type: expected a string, found 7");
    unsupported("");
    unsupported("LLAMA");
    Json *json = NULL;
    ModelConfig c;
    assert_ok(json_parse(&json, "test", "[]", 2));
    assert_fails(STATUS_INPUT, "config.json: expected an object, found a list", config_from_json(&c, json, "config.json"));
    json_free(json);
}

/* Counts: key, and a value just above what can be. */
static void every_count_is_checked(void **state)
{
    (void)state;
    static const struct { const char *key; long long too_many; } counts[] = {
        { "vocab_size", (1 << 24) + 1 }, { "hidden_size", (1 << 20) + 1 }, { "intermediate_size", (1 << 22) + 1 }, { "num_hidden_layers", 4097 },
        { "num_attention_heads", (1 << 16) + 1 }, { "num_key_value_heads", (1 << 16) + 1 }, { "head_dim", (1 << 12) + 1 },
        { "max_position_embeddings", 1LL << 31 },
    };
    static const char *const wrong[] = { "0", "-1", "1.5", "8.0", "\"8\"", "true", "[8]", "{}", "1e300", "-9223372036854775808", "18446744073709551616", "NaN" };
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char more[160], message[200], text[40];
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong + 1; k++) {
            if (k == sizeof wrong / sizeof *wrong) snprintf(text, sizeof text, "%lld", counts[i].too_many);
            else snprintf(text, sizeof text, "%s", wrong[k]);
            snprintf(more, sizeof more, "\"%s\": %s", counts[i].key, text);
            ModelConfig c;
            assert_int_equal(read(&c, more), STATUS_INPUT);
            snprintf(message, sizeof message, "config.json: %s: expected a whole number above 0 and of a size that can be, found ", counts[i].key);
            assert_memory_equal(status_message(), message, strlen(message));
        }
        snprintf(more, sizeof more, "\"%s\": 0", counts[i].key);
        snprintf(message, sizeof message, "%s: expected a whole number above 0 and of a size that can be, found 0", counts[i].key);
        bad(more, message);
    }
    bad("{\"model_type\": \"llama\"}", "vocab_size: expected a whole number above 0 and of a size that can be, found nothing");
    bad("{\"model_type\": \"llama\", \"vocab_size\": null}", "vocab_size: expected a whole number above 0 and of a size that can be, found nothing");
    bad("{\"model_type\": \"llama\", \"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2}",
        "num_attention_heads: expected a whole number above 0 and of a size that can be, found nothing");
}

static void every_other_value_is_checked(void **state)
{
    (void)state;
    bad("\"rms_norm_eps\": -1e-5", "rms_norm_eps: expected a number of at least 0, found -1e-05");
    bad("\"rms_norm_eps\": \"1e-5\"", "rms_norm_eps: expected a number of at least 0, found \"1e-5\"");
    bad("\"rms_norm_eps\": Infinity", "rms_norm_eps: expected a number of at least 0, found Infinity");
    bad("\"attention_bias\": 1", "attention_bias: expected true or false, found 1");
    bad("\"mlp_bias\": \"yes\"", "mlp_bias: expected true or false, found \"yes\"");
    bad("\"tie_word_embeddings\": 0", "tie_word_embeddings: expected true or false, found 0");
    bad("\"hidden_act\": \"mish\"", "hidden_act: expected silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2, found \"mish\"");
    bad("\"hidden_act\": 3", "hidden_act: expected silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2, found 3");
    bad("\"attention_dropout\": 1", "attention_dropout: expected a number of at least 0 and less than 1, found 1");
    bad("\"attention_dropout\": -0.1", "attention_dropout: expected a number of at least 0 and less than 1, found -0.1");
    bad("\"attention_dropout\": \"none\"", "attention_dropout: expected a number of at least 0 and less than 1, found \"none\"");
    bad("\"hidden_size\": 18", "hidden_size: expected a multiple of num_attention_heads, found 18");
    bad("\"num_key_value_heads\": 3", "num_attention_heads 4 is not a multiple of num_key_value_heads 3");
    bad("\"head_dim\": 5", "head_dim 5: rotary positions need an even number");
    bad("\"hidden_size\": 12", "head_dim 3: rotary positions need an even number");
    bad("\"head_dim\": 2, \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}", "head_dim: expected more than 2, which dynamic rotary positions need, found 2");
    bad("\"hidden_act\": \"" "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" "\"",
        "hidden_act: expected silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2, found \"0123456789012345678901234567890123456789012345678901234567890123456789012345678");
}

/* Whose word it is, by whose key; another family's key is not read. */
static void dropouts(void **state)
{
    (void)state;
    static const struct { const char *family, *more; double expected[DROP_KINDS]; const char *list; } cases[] = {
        { "llama", "\"attention_dropout\": 0.1, \"hidden_dropout\": 0.5, \"resid_pdrop\": 0.5", { 0, 0, 0, 0.1 }, "attention_dropout 0.1" },
        { "llama", "\"attention_dropout\": 0", {0}, "" },
        { "gpt2", "\"n_embd\": 16, \"n_layer\": 2, \"n_head\": 4", { 0.1, 0.1, 0.1, 0.1 }, "embd_pdrop 0.1, resid_pdrop 0.1, attn_pdrop 0.1" },
        { "gpt2", "\"n_embd\": 16, \"n_layer\": 2, \"n_head\": 4, \"attn_pdrop\": 0.25, \"embd_pdrop\": 0, \"resid_pdrop\": 0.5", { 0, 0.5, 0.5, 0.25 },
          "resid_pdrop 0.5, attn_pdrop 0.25" },
        { "starcoder2", "\"residual_dropout\": 0.2, \"embedding_dropout\": 0.3, \"attention_dropout\": 0.4", { 0.3, 0.2, 0.2, 0.4 },
          "embedding_dropout 0.3, residual_dropout 0.2, attention_dropout 0.4" },
        { "gpt_neox", "\"hidden_dropout\": 0.2", { 0.2, 0.2, 0.2, 0 }, "hidden_dropout 0.2" },
        { "stablelm", "\"hidden_dropout\": 0.2", { 0, 0, 0.2, 0 }, "hidden_dropout 0.2" },
        { "phi", "\"embd_pdrop\": 0.1, \"resid_pdrop\": 0.2", { 0.1, 0.2, 0.2, 0 }, "embd_pdrop 0.1, resid_pdrop 0.2" },
        { "phi3", "\"embd_pdrop\": 0.1, \"resid_pdrop\": 0.2", { 0, 0.2, 0.2, 0 }, "resid_pdrop 0.2" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ModelConfig c;
        Buffer list = {0};
        char text[500];
        snprintf(text, sizeof text, "{\"model_type\": \"%s\", \"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": 2, "
                                    "\"num_attention_heads\": 2, \"num_key_value_heads\": 2, %s}", cases[i].family, cases[i].more);
        assert_ok(read(&c, text));
        assert_memory_equal(c.dropout, cases[i].expected, sizeof c.dropout);
        config_dropouts(&c, &list);
        assert_string_equal(list.len ? list.data : "", cases[i].list);
        buffer_free(&list);
        config_free(&c);
    }
}

static void null_is_no_other_default(void **state)
{
    (void)state;
    static const char *const keys[] = { "max_position_embeddings", "rms_norm_eps", "attention_bias", "mlp_bias", "tie_word_embeddings", "attention_dropout",
                                        "rope_theta", "hidden_act" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char more[80], message[120];
        snprintf(more, sizeof more, "\"%s\": null", keys[i]);
        snprintf(message, sizeof message, "%s: expected a value, found null; take it out for the default", keys[i]);
        bad(more, message);
    }
    ModelConfig c;
    good(&c, OF("mistral") "\"sliding_window\": null}");
    good(&c, OF("gemma2") "\"attn_logit_softcapping\": null, \"final_logit_softcapping\": null}");
    assert_true(c.attention_softcap == 0 && c.logit_softcap == 0);
    bad(OF("gemma2") "\"query_pre_attn_scalar\": null}", "query_pre_attn_scalar: expected a value, found null; take it out for the default");
    bad(OF("stablelm") "\"layer_norm_eps\": null}", "layer_norm_eps: expected a value, found null; take it out for the default");
    good(&c, OF("ministral3") "\"rope_parameters\": null}");
    assert_true(c.rope[0].type == ROPE_TYPE_YARN && c.rope[0].query_scaling_beta == 0.1);
}

/* A key counts under the name that the family gives it, which messages repeat, and under no other. */
static void keys_of_other_names_are_not_read(void **state)
{
    (void)state;
    ModelConfig c;
    good(&c, OF("stablelm") "\"partial_rotary_factor\": 0.5, \"layer_norm_eps\": 0.5, \"rms_norm_eps\": 0.25}");
    assert_true(c.norm_eps == 0.5);
    assert_ok(read(&c, OF("gemma2") "\"hidden_activation\": \"relu\", \"hidden_act\": \"silu\", \"sliding_window_pattern\": 1}"));
    assert_true(c.act == ACT_RELU && c.layer[0].window == 4096 && c.layer[1].window == 0);
    config_free(&c);
    good(&c, GPT2 ", \"n_embd\": 16, \"layer_norm_epsilon\": 0.5, \"rms_norm_eps\": 0.25, \"hidden_act\": \"relu\"}");
    assert_true(c.hidden_size == 16 && c.norm_eps == 0.5 && c.act == ACT_GELU_TANH);
    good(&c, GPT2 ", \"hidden_size\": 16}");
    assert_int_equal(c.hidden_size, 16);
    bad(GPT2 ", \"hidden_size\": 0}", "hidden_size: expected a whole number above 0 and of a size that can be, found 0");
    bad(GPT2 ", \"n_embd\": 0}", "n_embd: expected a whole number above 0 and of a size that can be, found 0");
    bad(OF("gpt_neox") "\"rope_parameters\": {\"rope_theta\": 0}}", "rope_parameters.rope_theta: expected a number above 0, found 0");
    bad(OF("gpt_neox") "\"rotary_emb_base\": 0}", "rotary_emb_base: expected a number above 0, found 0");
}

static void what_other_families_make_of_it(void **state)
{
    (void)state;
    ModelConfig c;
    bad(OF("gemma2") "\"sliding_window\": null}", "sliding_window: expected a whole number above 0 and of a size that can be, found nothing");
    bad(OF("exaone4") "\"num_key_value_heads\": 2, \"sliding_window\": null}", "sliding_window: expected a whole number above 0 and of a size that can be, found nothing");
    good(&c, OF("exaone4") "\"num_key_value_heads\": 2, \"sliding_window\": null, \"sliding_window_pattern\": null, \"layer_types\": [\"full_attention\", \"full_attention\"]}");
    bad(OF("stablelm") "\"head_dim\": 8}", "head_dim: expected hidden_size / num_attention_heads, found 8");
    bad(OF("gpt_neox") "\"rotary_pct\": 0.25}",
        "rotary_pct: expected a share of a head's 4 columns (head_dim, or hidden_size / num_attention_heads) that is an even number of them, found 0.25");
    bad("{\"model_type\": \"gemma3\", \"text_config\": {\"final_logit_softcapping\": 30.0}}",
        "final_logit_softcapping: models of type gemma3 do not have it, and TRL trains with it all the same; take it out, or give the type that has it");
}

static void every_spelling_of_rope(void **state)
{
    (void)state;
    ModelConfig c;
    static const char *const keys[] = { "rope_parameters", "rope_scaling" }, *const types[] = { "rope_type", "type" };
    for (int i = 0; i < 4; i++) {
        char more[200];
        snprintf(more, sizeof more, "\"rope_theta\": 77, \"%s\": {\"%s\": \"linear\", \"factor\": 4}", keys[i / 2], types[i % 2]);
        good(&c, more);
        assert_true(c.rope[0].type == ROPE_TYPE_LINEAR && c.rope[0].factor == 4 && c.rope[0].theta == 77);
    }
    good(&c, "\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 5e5}, \"rope_theta\": 3");
    assert_true(c.rope[0].type == ROPE_TYPE_DEFAULT && c.rope[0].theta == 5e5);
    good(&c, "\"rope_scaling\": {}");
    assert_true(c.rope[0].type == ROPE_TYPE_DEFAULT && c.rope[0].theta == 10000);
    good(&c, "\"rope_scaling\": {\"rope_type\": \"linear\", \"type\": \"dynamic\", \"factor\": 2}");
    assert_true(c.rope[0].type == ROPE_TYPE_LINEAR);
    good(&c, "\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2.5}");
    assert_true(c.rope[0].type == ROPE_TYPE_DYNAMIC && c.rope[0].factor == 2.5);
    good(&c, "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}");
    assert_true(c.rope[0].type == ROPE_TYPE_LLAMA3 && c.rope[0].low_freq_factor == 1 && c.rope[0].high_freq_factor == 4 && c.rope[0].original_max_position_embeddings == 64);
    good(&c, "\"max_position_embeddings\": 128, \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": null, \"original_max_position_embeddings\": 32}");
    assert_true(c.rope[0].type == ROPE_TYPE_YARN && c.rope[0].factor == 4 && c.rope[0].attention_factor < 0 && c.rope[0].beta_fast == 32 && c.rope[0].beta_slow == 1 && c.rope[0].truncate);
    good(&c, "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2, \"attention_factor\": 0.5, \"beta_fast\": 16, \"beta_slow\": 2, \"mscale\": 1.5, \"mscale_all_dim\": 0.5, \"truncate\": false}");
    assert_true(c.rope[0].attention_factor == 0.5 && c.rope[0].beta_fast == 16 && c.rope[0].beta_slow == 2 && c.rope[0].mscale == 1.5 && c.rope[0].mscale_all_dim == 0.5 && !c.rope[0].truncate);
}

static void every_mistake_in_rope(void **state)
{
    (void)state;
    static const char types[] = "default, linear, dynamic, llama3, yarn or longrope";
    char message[200];
    bad("\"rope_theta\": 0", "rope_theta: expected a number above 0, found 0");
    bad("\"rope_theta\": \"1e4\"", "rope_theta: expected a number above 0, found \"1e4\"");
    bad("\"rope_scaling\": 4", "rope_scaling: expected an object, found 4");
    bad("\"rope_parameters\": [1]", "rope_parameters: expected an object, found [1]");
    bad("\"rope_parameters\": {\"rope_theta\": -1}", "rope_parameters.rope_theta: expected a number above 0, found -1");
    snprintf(message, sizeof message, "rope_scaling.rope_type: expected %s, found \"proportional\"", types);
    bad("\"rope_scaling\": {\"rope_type\": \"proportional\"}", message);
    snprintf(message, sizeof message, "rope_scaling.type: expected %s, found 3", types);
    bad("\"rope_scaling\": {\"type\": 3}", message);
    bad("\"rope_scaling\": {\"type\": \"linear\"}", "rope_scaling.factor: expected a number above 0, found nothing");
    bad("\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": null}", "rope_scaling.factor: expected a number above 0, found null");
    bad("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0}", "rope_scaling.factor: expected a number above 0, found 0");
    bad("\"rope_scaling\": {\"type\": \"linear\", \"factor\": NaN}", "rope_scaling.factor: expected a number above 0, found NaN");
    bad("\"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8}", "rope_scaling.low_freq_factor: expected a number above 0, found nothing");
    bad("\"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 1}", "rope_scaling.high_freq_factor: expected a number above 0, found nothing");
    bad("\"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 2, \"high_freq_factor\": 2, \"original_max_position_embeddings\": 64}",
        "rope_scaling.high_freq_factor: expected a number above low_freq_factor, found 2");
    bad("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 0}", "rope_scaling.original_max_position_embeddings: expected a number above 0, found 0");
    bad("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"attention_factor\": -1}", "rope_scaling.attention_factor: expected a number of at least 0, found -1");
    bad("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"beta_fast\": \"x\"}", "rope_scaling.beta_fast: expected a number of at least 0, found \"x\"");
    bad("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"truncate\": 1}", "rope_scaling.truncate: expected true or false, found 1");
    bad("\"rope_theta\": 1, \"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4}", "rope_theta: expected a number above 1, which yarn needs, found 1");
    bad("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"original_max_position_embeddings\": 1e300}",
        "rope_scaling.original_max_position_embeddings: expected a number of positions that can be, found 1e+300");
    static const char *const shares[] = { "0", "0.1", "0.3", "1.0001", "1e300" };
    for (int i = 0; i < 5; i++) {
        char config[300];
        ModelConfig c;
        snprintf(config, sizeof config, OF("phi") "\"partial_rotary_factor\": %s}", shares[i]);
        assert_int_equal(read(&c, config), STATUS_INPUT);
        assert_non_null(strstr(status_message(), "partial_rotary_factor: expected a share of a head's 4 columns"));
    }
    bad("\"rope_parameters\": {\"partial_rotary_factor\": 0.5}", "rope_parameters.partial_rotary_factor: expected 1, the only one that is supported, found 0.5");
    bad("\"rope_parameters\": {\"rope_type\": null}", "rope_parameters.rope_type: expected a value, found null");
    bad("\"rope_parameters\": {\"rope_theta\": null}", "rope_parameters.rope_theta: expected a value, found null");
    bad("\"rope_scaling\": {\"rope_type\": \"yarn\", \"original_max_position_embeddings\": 32}", "rope_scaling.factor: expected a number above 0, found nothing");
}

static void every_mistake_in_the_ropes_of_families(void **state)
{
    (void)state;
    static const char linear[] = "{\"rope_type\": \"linear\", \"factor\": 2}";
    char *more = memory_format(OF("gemma3_text") "\"rope_parameters\": %s}", linear);
    bad(more, "rope_parameters.rope_type: expected only full_attention and sliding_attention here, found \"linear\"");
    free(more);
    more = memory_format(OF("gemma3_text") "\"rope_parameters\": {\"full_attention\": %s}, \"rope_scaling\": %s}", linear, linear);
    bad(more, "rope_scaling: expected null, as rope_parameters is there, found {\"rope_type\": \"linear\", \"factor\": 2}");
    free(more);
    bad(OF("gemma3_text") "\"rope_parameters\": {\"sliding_attention\": 3}}", "rope_parameters.sliding_attention: expected an object, found 3");
    bad(OF("gemma3_text") "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}",
        "rope_scaling.type: expected to be called rope_type, as transformers reads no other here, found \"linear\"");
    bad(OF("olmo3") "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2, \"truncate\": false}}",
        "rope_scaling.truncate: expected true, as transformers does not read it here, found false");
    more = memory_format(OF("phi3") "\"rope_scaling\": %s}", linear);
    bad(more, "rope_scaling.rope_type: expected default or longrope, found \"linear\"");
    free(more);
    bad(OF("ministral3") "\"rope_parameters\": {\"rope_theta\": 7}}", "rope_parameters.original_max_position_embeddings: expected a number above 0, found nothing");
    bad(OF("ministral3") "\"rope_parameters\": {\"rope_theta\": 7, \"original_max_position_embeddings\": 8}}",
        "rope_parameters.llama_4_scaling_beta: expected a number of at least 0, found nothing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_said_is_transformers_default), cmocka_unit_test(what_is_said_counts), cmocka_unit_test(what_is_no_model_of_ours),
        cmocka_unit_test(every_count_is_checked), cmocka_unit_test(every_other_value_is_checked), cmocka_unit_test(dropouts),
        cmocka_unit_test(every_spelling_of_rope), cmocka_unit_test(every_mistake_in_rope),
        cmocka_unit_test(null_is_no_other_default), cmocka_unit_test(keys_of_other_names_are_not_read),
        cmocka_unit_test(what_other_families_make_of_it), cmocka_unit_test(every_mistake_in_the_ropes_of_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
