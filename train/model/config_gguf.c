/* What llama.cpp's metadata means in the plain decoder's keys, and what of it would make another function. */
#include <stdlib.h>
#include <string.h>

#include "data/file/tensors.h"
#include "kernels/memory.h"
#include "train/model/config_keys.h"

static const char short_factors[] = "rope_factors_short.weight", long_factors[] = "rope_factors_long.weight";

/* GGUF's names, behind the architecture's; the factors are tensors. `none`: 0 says that there is none. */
typedef struct { const char *key, *gguf; bool none; } GgufName;
static const GgufName gguf_names[] = {
    { "hidden_size", "embedding_length", false }, { "intermediate_size", "feed_forward_length", false }, { "num_hidden_layers", "block_count", false },
    { "num_attention_heads", "attention.head_count", false }, { "num_key_value_heads", "attention.head_count_kv", false }, { "head_dim", "attention.key_length", false },
    { "max_position_embeddings", "context_length", false }, { "sliding_window", "attention.sliding_window", true },
    { "attn_logit_softcapping", "attn_logit_softcapping", true }, { "final_logit_softcapping", "final_logit_softcapping", true },
    { "attention_multiplier", "attention.scale", true }, { "embedding_multiplier", "embedding_scale", true },
    { "residual_multiplier", "residual_scale", true }, { "logits_scaling", "logit_scale", true },
    { "logit_scale", "logit_scale", true }, { "use_parallel_residual", "use_parallel_residual", false },
    { "rope_theta", "rope.freq_base", false }, { "rope_local_base_freq", "rope.freq_base_swa", false }, { "rotary_dim", "rope.dimension_count", false },
    { "rope_type", "rope.scaling.type", false }, { "factor", "rope.scaling.factor", true }, { "attention_factor", "rope.scaling.attn_factor", false },
    { "original_max_position_embeddings", "rope.scaling.original_context_length", false }, { "beta_fast", "rope.scaling.yarn_beta_fast", false },
    { "beta_slow", "rope.scaling.yarn_beta_slow", false }, { "mscale_all_dim", "rope.scaling.yarn_log_multiplier", true },
    { "llama_4_scaling_beta", "attention.temperature_scale", true },
    { "value_dim", "attention.value_length", false }, { "head_dim_of_windows", "attention.key_length_swa", false },
    { "value_dim_of_windows", "attention.value_length_swa", false }, { "rotary_dim_of_windows", "rope.dimension_count_swa", false },
    { "rope_theta_of_windows", "rope.freq_base_swa", false },
    { "short_factor", short_factors, false }, { "long_factor", long_factors, false },
};
enum { GGUF_NAMES = sizeof gguf_names / sizeof *gguf_names };

static bool zero_is_none(const char *key)
{
    for (int i = 0; i < GGUF_NAMES; i++)
        if (!strcmp(gguf_names[i].key, key)) return gguf_names[i].none;
    return false;
}

static const char *gguf_name(const Family *f, const char *key)
{
    if (!strcmp(key, "rms_norm_eps")) return f->layer_norm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon";
    for (int i = 0; i < GGUF_NAMES; i++)
        if (!strcmp(gguf_names[i].key, key)) return gguf_names[i].gguf;
    return key;
}

void config_keys_spell_gguf(const ConfigKeys *k, const char *key, Buffer *out)
{
    const char *name = gguf_name(k->family, key);
    if (name == short_factors || name == long_factors) buffer_format(out, "tensor %s", name);
    else buffer_format(out, "%s.%s", k->family->architecture, name);
}

static Json *scalar_to_json(const GgufValue *value, int64_t i)
{
    switch (gguf_kind(value)) {
    case GGUF_INTEGER: return json_new_integer(gguf_integer(value, i));
    case GGUF_REAL: return json_new_real(gguf_real(value, i));
    case GGUF_BOOL: return json_new_bool(gguf_bool(value, i));
    case GGUF_STRING: break;
    }
    char *text = gguf_copy_string(value, i);
    Json *json = json_new_string(text);
    free(text);
    return json;
}

/* NULL where the file says nothing. */
static Json *value_to_json(const ConfigKeys *k, const Gguf *gguf, const char *key)
{
    char *name = memory_format("%s.%s", k->family->architecture, gguf_name(k->family, key));
    const GgufValue *value = gguf_find(gguf, name);
    free(name);
    if (!value) return NULL;
    if (!gguf_is_list(value)) return scalar_to_json(value, 0);
    Json *list = json_new_array();
    for (int64_t i = 0; i < gguf_count(value); i++) json_push(list, scalar_to_json(value, i));
    return list;
}

/* What the file calls `name`, as `key`. */
static void take_as(const ConfigKeys *k, const Gguf *gguf, const char *name, const char *key, Json *into)
{
    Json *value = value_to_json(k, gguf, name);
    if (!value) return;
    bool none = zero_is_none(key) && json_is_number(value) && json_number(value) == 0;
    json_set(into, key, none ? json_new_null() : value);
    if (none) json_free(value);
}

static void take(const ConfigKeys *k, const Gguf *gguf, const char *key, Json *into) { take_as(k, gguf, key, key, into); }

static Status refuse(const ConfigKeys *k, const Gguf *gguf, const char *name, const char *expected)
{
    Json *value = value_to_json(k, gguf, name);
    Buffer found = {0};
    json_print(&found, value, (JsonStyle){0});
    Status status = fail(STATUS_INPUT, "%s: %s.%s: expected %s, found %.80s", k->path, k->family->architecture, name, expected, found.data);
    buffer_free(&found);
    json_free(value);
    return status;
}

/* Every member of `only`, JSON of GGUF's names: not in the file, or this; of a list, every element. */
static Status refuse_others(const ConfigKeys *k, const Gguf *gguf, const char *only)
{
    Status status = STATUS_OK;
    Json *all = only ? config_keys_parse(only) : NULL;
    for (const Json *item = json_first(all); item && status == STATUS_OK; item = json_next(item)) {
        Json *value = value_to_json(k, gguf, json_key(item));
        bool list = json_kind(value) == JSON_ARRAY, same = true;
        for (const Json *one = list ? json_first(value) : value; one; one = list ? json_next(one) : NULL)
            same = same && (json_is_number(one) ? json_is_number(item) && json_number(one) == json_number(item) : json_equal(one, item));
        Buffer expected = {0};
        json_print(&expected, item, (JsonStyle){0});
        buffer_add_string(&expected, ", the only one that is supported");
        if (!same) status = refuse(k, gguf, json_key(item), expected.data);
        buffer_free(&expected);
        json_free(value);
    }
    json_free(all);
    return status;
}

/* The factors of longrope stand in tensors. */
static void take_factors(const Gguf *gguf, const char *tensor, const char *key, Json *rope)
{
    const TensorEntry *t = tensors_find(&gguf->tensors, tensor);
    if (!t || t->n_dims != 1 || t->dtype != DTYPE_F32) return;
    Json *list = json_new_array();
    for (int64_t i = 0; i < t->dims[0]; i++) {
        float x;
        memcpy(&x, (const char *)t->bytes + i * (int64_t)sizeof x, sizeof x);
        json_push(list, json_new_real((double)x));
    }
    json_set(rope, key, list);
}

static bool has_tensor(const Gguf *gguf, const char *name) { return tensors_find(&gguf->tensors, name) != NULL; }

/* llama.cpp's types in transformers' words. A file without a type means linear where it has a factor, one with factors in tensors
 * longrope, whose name alone means nothing. A second scaling beside these tensors llama.cpp applies as well; beside "none" it
 * applies it to some layers. */
static Status find_rope_type(const ConfigKeys *k, const Gguf *gguf, Json *rope)
{
    const char *given = json_string(json_get(rope, "rope_type")), *type = given ? given : "linear";
    bool none = !strcmp(type, "none"), linear = !strcmp(type, "linear"), yarn = !strcmp(type, "yarn"), longrope = !strcmp(type, "longrope");
    bool factors = has_tensor(gguf, long_factors), scaled = json_is_number(json_get(rope, "factor")) && json_number(json_get(rope, "factor")) != 1;
    Json *newer = value_to_json(k, gguf, "factor");
    const char *factor = newer ? "rope.scaling.factor" : "rope.scale_linear";
    json_free(newer);
    if (!none && !linear && !yarn && !longrope) return refuse(k, gguf, "rope.scaling.type", "none, linear, yarn or longrope");
    if (longrope && !factors) return refuse(k, gguf, "rope.scaling.type", "another type where tensor rope_factors_long.weight is missing");
    if (yarn && factors) return refuse(k, gguf, "rope.scaling.type", "none, linear or longrope beside tensor rope_factors_long.weight");
    if (scaled && none) return refuse(k, gguf, factor, "1 beside rope.scaling.type none");
    if (scaled && factors) return refuse(k, gguf, factor, "1 beside tensor rope_factors_long.weight");
    json_set(rope, "rope_type", json_new_string(factors ? "longrope" : linear && scaled ? "linear" : yarn ? "yarn" : "default"));
    return STATUS_OK;
}

/* What a file does not say is 1, and follows from nothing else. */
static void set_if_missing(Json *rope, const char *key)
{
    if (!json_is_number(json_get(rope, key))) json_set(rope, key, json_new_integer(1));
}

static Status take_rope(const ConfigKeys *k, const Gguf *gguf, Json *rope)
{
    static const char *const common[] = { "rope_type", "factor", "original_max_position_embeddings" };
    static const char *const more[] = { "beta_fast", "beta_slow", "mscale_all_dim", "llama_4_scaling_beta" };
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) take(k, gguf, common[i], rope);
    for (size_t i = 0; k->family->query_scaling && i < sizeof more / sizeof *more; i++) take(k, gguf, more[i], rope);
    if (!json_get(rope, "factor")) take_as(k, gguf, "rope.scale_linear", "factor", rope);
    TRY(find_rope_type(k, gguf, rope));
    if (json_is_number(json_get(rope, "mscale_all_dim"))) json_set(rope, "mscale", json_new_integer(1));
    set_if_missing(rope, "factor");
    if (!has_tensor(gguf, long_factors)) return refuse_others(k, gguf, "{\"rope.scaling.attn_factor\": 1}");
    take_factors(gguf, short_factors, "short_factor", rope);
    take_factors(gguf, long_factors, "long_factor", rope);
    take(k, gguf, "attention_factor", rope);
    set_if_missing(rope, "attention_factor");
    return STATUS_OK;
}

/* attention.sliding_window_pattern: a flag for each layer, or every how many layers there is one without a window. */
static void take_pattern(ConfigKeys *k, const Gguf *gguf)
{
    Json *value = value_to_json(k, gguf, "attention.sliding_window_pattern");
    if (json_kind(value) == JSON_ARRAY && json_get(k->values, "layer_types")) {
        Json *types = json_new_array();
        for (const Json *item = json_first(value); item; item = json_next(item))
            json_push(types, json_new_string(json_bool(item) || json_number(item) != 0 ? "sliding_attention" : "full_attention"));
        json_set(k->values, "layer_types", types);
    }
    if (json_is_number(value) && json_get(k->values, "sliding_window_pattern")) json_set(k->values, "sliding_window_pattern", json_copy(value));
    json_free(value);
}

/* What the tensors of the first layer say. */
static void take_from_tensors(ConfigKeys *k, const Gguf *gguf)
{
    const Family *f = k->family;
    if (f->qk_norm_key) json_set(k->values, f->qk_norm_key, json_new_bool(has_tensor(gguf, "blk.0.attn_q_norm.weight")));
    if (f->one_norm_if_parallel && json_get(k->values, f->parallel_residual))
        json_set(k->values, f->parallel_residual, json_new_bool(!has_tensor(gguf, "blk.0.ffn_norm.weight")));
    json_set(k->values, "tie_word_embeddings", json_new_bool(!has_tensor(gguf, "output.weight")));
}

/* The 27B models of gemma2 and gemma3 scale attention by the width, and only their depth tells. */
static void take_wide_scale(ConfigKeys *k)
{
    int64_t layers = json_integer(json_get(k->values, "num_hidden_layers")), heads = json_integer(json_get(k->values, "num_attention_heads"));
    if (!k->family->gguf_wide_scale_layers || layers != k->family->gguf_wide_scale_layers || heads < 1) return;
    json_set(k->values, "query_pre_attn_scalar", json_new_integer(json_integer(json_get(k->values, "hidden_size")) / heads));
}

/* exaone4 has windows at one depth only, whatever the file says. */
static Status take_window(ConfigKeys *k, const Gguf *gguf)
{
    int only = k->family->gguf_window_layers;
    if (!only || json_integer(json_get(k->values, "num_hidden_layers")) == only) return STATUS_OK;
    json_set(k->values, "sliding_window", json_new_null());
    return refuse_others(k, gguf, "{\"attention.sliding_window\": 0}");
}

/* Keys under which the model is another function than the one computed here, or that llama.cpp reads in other architectures. */
static Status refuse_other_functions(const ConfigKeys *k, const Gguf *gguf)
{
    static const char always[] = "{\"attention.causal\": true, \"expert_count\": 0, \"nextn_predict_layers\": 0, \"rope.scaling.yarn_ext_factor\": 1, "
                                 "\"rope.scaling.yarn_attn_factor\": 1}";
    static const char yarn[] = "{\"rope.scaling.yarn_beta_fast\": 32, \"rope.scaling.yarn_beta_slow\": 1, \"rope.scaling.yarn_log_multiplier\": 0}";
    TRY(refuse_others(k, gguf, always));
    TRY(refuse_others(k, gguf, k->family->gguf_only));
    return k->family->query_scaling ? STATUS_OK : refuse_others(k, gguf, yarn);
}

static Status gguf_family(ConfigKeys *k, const Gguf *gguf)
{
    const GgufValue *value;
    TRY(gguf_need(&value, gguf, "general.architecture", GGUF_STRING));
    char *name = gguf_copy_string(value, 0);
    char *window = memory_format("%s.attention.sliding_window", name);
    k->family = family_of_architecture(name, gguf_integer(gguf_find(gguf, window), 0) > 0);
    free(window);
    Status status = k->family ? STATUS_OK : config_keys_unknown(k->path, "architecture", name, true);
    free(name);
    return status;
}

Status config_keys_from_gguf(ConfigKeys *k, const Gguf *gguf)
{
    *k = (ConfigKeys){ .path = gguf->path, .gguf = true };
    TRY(gguf_family(k, gguf));
    const TensorEntry *embedding = tensors_find(&gguf->tensors, "token_embd.weight");
    if (!embedding) return fail(STATUS_INPUT, "%s: tensor token_embd.weight is missing", gguf->path);
    config_keys_start(k);
    config_keys_overlay(k, "{\"rms_norm_eps\": null, \"head_dim\": null, \"num_key_value_heads\": null, \"rope_theta\": 10000, "
                           "\"value_dim\": null, \"value_dim_of_windows\": null, \"head_dim_of_windows\": null, \"rotary_dim_of_windows\": null}");
    config_keys_overlay(k, k->family->gguf);
    take(k, gguf, "rms_norm_eps", k->values);
    for (int i = 0; i < GGUF_NAMES; i++)
        if (json_get(k->values, gguf_names[i].key)) take(k, gguf, gguf_names[i].key, k->values);
    json_set(k->values, "vocab_size", json_new_integer(embedding->dims[0]));
    Json *rope = json_new_object();
    Status status = take_rope(k, gguf, rope);
    json_set(k->values, "rope_parameters", rope);
    TRY(status);
    take_from_tensors(k, gguf);
    TRY(take_window(k, gguf));
    take_pattern(k, gguf);
    take_wide_scale(k);
    return refuse_other_functions(k, gguf);
}
