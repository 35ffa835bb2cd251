#include "train/model/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/model/config_keys.h"

/* One object of keys, which may be a member of another: how it is called in messages. */
typedef struct { const ConfigKeys *keys; const Json *object; const char *prefix; } Reader;

static Status bad_key(const Reader *r, const char *key, const char *expected)
{
    const Json *value = json_get(r->object, key);
    Buffer found = {0}, name = {0};
    bool said = value && !(r->object == r->keys->values && json_kind(value) == JSON_NULL);      /* there, a key nobody said is null */
    if (said) json_print(&found, value, (JsonStyle){0});
    else buffer_add_string(&found, "nothing");
    if (*r->prefix) buffer_format(&name, "%s%s", r->prefix, key);
    else config_keys_spell(r->keys, key, &name);
    Status status = fail(STATUS_INPUT, "%s: %s: expected %s, found %.80s", r->keys->path, name.data, expected, found.data);
    buffer_free(&found);
    buffer_free(&name);
    return status;
}

static bool is_null(const Reader *r, const char *key) { return json_kind(json_get(r->object, key)) == JSON_NULL; }
static bool has(const Reader *r, const char *key) { return json_get(r->object, key) != NULL; }

/* A whole number from 1 to `most`; `fallback` where the key is absent or null, unless that is 0: then it must be there. */
static Status read_count(const Reader *r, const char *key, int64_t most, int64_t fallback, int64_t *out)
{
    const Json *value = json_get(r->object, key);
    *out = fallback;
    if (is_null(r, key) && fallback) return STATUS_OK;
    *out = json_integer(value);
    if (json_kind(value) != JSON_INTEGER || *out < 1 || *out > most) return bad_key(r, key, "a whole number above 0 and of a size that can be");
    return STATUS_OK;
}

static Status read_real(const Reader *r, const char *key, double least, double fallback, double *out)
{
    const Json *value = json_get(r->object, key);
    *out = fallback;
    if (is_null(r, key) && isfinite(fallback)) return STATUS_OK;
    *out = json_number(value);
    if (!json_is_number(value) || !isfinite(*out) || *out < least) return bad_key(r, key, least > 0 ? "a number above 0" : "a number of at least 0");
    return STATUS_OK;
}

static Status read_flag(const Reader *r, const char *key, bool *out)
{
    *out = json_bool(json_get(r->object, key));
    if (!is_null(r, key) && json_kind(json_get(r->object, key)) != JSON_BOOL) return bad_key(r, key, "true or false");
    return STATUS_OK;
}

/* A flag that the family's row names: ALWAYS, the key, or NULL for never. */
static Status read_named_flag(const Reader *r, const char *key, bool *out)
{
    *out = key == ALWAYS;
    return !key || key == ALWAYS ? STATUS_OK : read_flag(r, key, out);
}

static const double above_zero = 1e-30;

static Status read_act(const Reader *r, Act *out)
{
    static const struct { const char *name; Act act; } acts[] = {
        { "silu", ACT_SILU }, { "swish", ACT_SILU }, { "gelu", ACT_GELU }, { "gelu_new", ACT_GELU_TANH }, { "gelu_fast", ACT_GELU_TANH },
        { "gelu_python", ACT_GELU }, { "gelu_python_tanh", ACT_GELU_TANH }, { "gelu_accurate", ACT_GELU_TANH },
        { "gelu_pytorch_tanh", ACT_GELU_TANH }, { "relu", ACT_RELU }, { "relu2", ACT_RELU2 } };
    const char *name = json_string(json_get(r->object, "hidden_act"));
    for (size_t i = 0; name && i < sizeof acts / sizeof *acts; i++)
        if (!strcmp(name, acts[i].name)) {
            *out = acts[i].act == ACT_GELU && r->keys->family->gelu_means_tanh ? ACT_GELU_TANH : acts[i].act;
            return STATUS_OK;
        }
    return bad_key(r, "hidden_act", "silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2");
}

static Status read_yarn(const Reader *config, const Reader *r, RopeParameters *rope)
{
    TRY(read_real(r, "attention_factor", 0, -1, &rope->attention_factor));
    TRY(read_real(r, "beta_fast", 0, 32, &rope->beta_fast));
    TRY(read_real(r, "beta_slow", 0, 1, &rope->beta_slow));
    TRY(read_real(r, "mscale", 0, 0, &rope->mscale));
    TRY(read_real(r, "mscale_all_dim", 0, 0, &rope->mscale_all_dim));
    rope->truncate = true;
    if (!is_null(r, "truncate")) TRY(read_flag(r, "truncate", &rope->truncate));
    if (!rope->truncate && r->keys->family->rope_by_layer_type) return bad_key(r, "truncate", "true, as transformers does not read it here");
    if (rope->beta_fast == 0) rope->beta_fast = 32;
    if (rope->beta_slow == 0) rope->beta_slow = 1;
    return rope->theta > 1 ? STATUS_OK : bad_key(is_null(r, "rope_theta") ? config : r, "rope_theta", "a number above 1, which yarn needs");
}

static Status read_llama3(const Reader *r, RopeParameters *rope)
{
    TRY(read_real(r, "low_freq_factor", above_zero, NAN, &rope->low_freq_factor));
    TRY(read_real(r, "high_freq_factor", above_zero, NAN, &rope->high_freq_factor));
    return rope->high_freq_factor > rope->low_freq_factor ? STATUS_OK : bad_key(r, "high_freq_factor", "a number above low_freq_factor");
}

/* One factor for each frequency. */
static Status read_factors(const Reader *r, const char *key, int64_t n, float **out)
{
    const Json *list = json_get(r->object, key);
    char expected[64];
    snprintf(expected, sizeof expected, "a list of %lld numbers above 0", (long long)n);
    if (json_kind(list) != JSON_ARRAY || json_count(list) != n) return bad_key(r, key, expected);
    *out = memory_new((size_t)n, sizeof **out);
    int64_t i = 0;
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        (*out)[i] = (float)json_number(item);
        if (!json_is_number(item) || !((*out)[i] > 0) || !isfinite((*out)[i])) return bad_key(r, key, expected);
        i++;
    }
    return STATUS_OK;
}

static Status read_longrope(const Reader *r, RopeParameters *rope)
{
    TRY(read_real(r, "attention_factor", 0, -1, &rope->attention_factor));
    TRY(read_factors(r, "short_factor", rope->rotary_dim / 2, &rope->short_factor));
    return read_factors(r, "long_factor", rope->rotary_dim / 2, &rope->long_factor);
}

const char *const rope_type_names[ROPE_TYPES] = { "default", "linear", "dynamic", "llama3", "yarn", "longrope" };

static Status read_rope_type(const Reader *r, RopeType *type)
{
    const char *key = has(r, "rope_type") ? "rope_type" : "type", *name = json_string(json_get(r->object, key));
    bool only_longrope = r->keys->family->only_longrope && !r->keys->gguf;
    *type = ROPE_TYPE_DEFAULT;
    if (is_null(r, key)) return STATUS_OK;
    if (only_longrope && name && (!strcmp(name, "su") || !strcmp(name, "yarn"))) name = "longrope";
    for (int i = 0; name && i < ROPE_TYPES; i++)
        if (!strcmp(name, rope_type_names[i]) && (!only_longrope || i == ROPE_TYPE_DEFAULT || i == ROPE_TYPE_LONGROPE)) {
            *type = (RopeType)i;
            return STATUS_OK;
        }
    return bad_key(r, key, only_longrope ? "default or longrope" : "default, linear, dynamic, llama3, yarn or longrope");
}

/* A size that a GGUF may say apart, and that must be the other one's. */
static Status need_same(const Reader *r, const char *key, int64_t size, const char *expected)
{
    int64_t found;
    TRY(read_count(r, key, INT32_MAX, size, &found));
    return found == size ? STATUS_OK : bad_key(r, key, expected);
}

/* How many columns of a head turn: transformers rounds down, and where that is odd the last pair goes beyond. */
static Status read_rotary_dim(const Reader *config, const Reader *r, const ModelConfig *c, int64_t *out)
{
    double factor;
    *out = c->head_dim;
    if (c->gguf) {
        TRY(read_count(config, "rotary_dim", 1 << 12, c->head_dim, out));
        TRY(need_same(config, "rotary_dim_of_windows", *out, "the same as rope.dimension_count"));
        bool fits = c->family->partial_rotary ? *out <= c->head_dim && *out % 2 == 0 : *out == c->head_dim;
        return fits ? STATUS_OK : bad_key(config, "rotary_dim", c->family->partial_rotary ? "an even number of a head's columns" : "the size of a head");
    }
    const Reader *from = has(r, "partial_rotary_factor") ? r : config;
    TRY(read_real(from, "partial_rotary_factor", 0, 1, &factor));
    if (!c->family->partial_rotary && factor != 1) return bad_key(from, "partial_rotary_factor", "1, the only one that is supported");
    *out = (int64_t)((double)c->head_dim * factor);
    if (*out >= 2 && *out <= c->head_dim && *out % 2 == 0) return STATUS_OK;
    char *expected = memory_format("a share of a head's %lld columns (head_dim, or hidden_size / num_attention_heads) that is an even number of them",
                                   (long long)c->head_dim);
    Status status = bad_key(from, "partial_rotary_factor", expected);
    free(expected);
    return status;
}

/* transformers derives what is missing, and fails at null. */
static Status check_rope_members(const Reader *r)
{
    static const char *const derived[] = { "rope_type", "rope_theta", "original_max_position_embeddings" };
    for (const Json *item = json_first(r->object); item; item = json_next(item))
        if (json_kind(item) == JSON_OBJECT) return bad_key(r, json_key(item), "a number");
    for (size_t i = 0; i < sizeof derived / sizeof *derived; i++)
        if (has(r, derived[i]) && is_null(r, derived[i]) && !r->keys->gguf) return bad_key(r, derived[i], "a value");
    return STATUS_OK;
}

/* One table's parameters out of `r`; `theta` where it has none. */
static Status read_rope(const Reader *config, const Reader *r, const ModelConfig *c, double theta, RopeParameters *rope)
{
    double original = (double)c->max_position_embeddings;
    TRY(check_rope_members(r));
    TRY(read_real(r, "rope_theta", above_zero, theta, &rope->theta));
    TRY(read_rope_type(r, &rope->type));
    TRY(read_rotary_dim(config, r, c, &rope->rotary_dim));
    bool scaled = rope->type == ROPE_TYPE_LLAMA3 || rope->type == ROPE_TYPE_YARN || rope->type == ROPE_TYPE_LONGROPE;
    bool query_scaling = c->family->query_scaling && !c->gguf;       /* its keys must be there; GGUF has them where they are used */
    TRY(read_real(r, "original_max_position_embeddings", 1, query_scaling && !scaled ? NAN : original, &rope->original_max_position_embeddings));
    TRY(read_real(config, "original_max_position_embeddings", 1, rope->original_max_position_embeddings, &rope->original_max_position_embeddings));
    bool derives = rope->type == ROPE_TYPE_LONGROPE || (rope->type == ROPE_TYPE_YARN && (has(r, "factor") || c->gguf));      /* yarn: from null */
    double derived = derives ? original / rope->original_max_position_embeddings : NAN;
    if (rope->type != ROPE_TYPE_DEFAULT) TRY(read_real(r, "factor", above_zero, derived, &rope->factor));
    if (c->family->query_scaling) TRY(read_real(r, "llama_4_scaling_beta", 0, query_scaling ? NAN : 0, &rope->query_scaling_beta));
    switch (rope->type) {
    case ROPE_TYPE_LLAMA3: return read_llama3(r, rope);
    case ROPE_TYPE_YARN: return read_yarn(config, r, rope);
    case ROPE_TYPE_LONGROPE: return read_longrope(r, rope);
    case ROPE_TYPE_DYNAMIC: return rope->rotary_dim > 2 ? STATUS_OK : bad_key(config, "head_dim", "more than 2, which dynamic rotary positions need");
    default: return STATUS_OK;
    }
}

/* rope_parameters, or the older rope_scaling beside rope_theta; transformers reads both, scaling first. */
static Status read_one_rope(const Reader *config, ModelConfig *c)
{
    bool old = !is_null(config, "rope_scaling");
    const char *key = old ? "rope_scaling" : "rope_parameters";
    Reader r = { config->keys, json_get(config->object, key), c->gguf ? "" : old ? "rope_scaling." : "rope_parameters." };
    double theta;
    if (!is_null(config, key) && json_kind(r.object) != JSON_OBJECT) return bad_key(config, key, "an object");
    TRY(read_real(config, "rope_theta", above_zero, 10000, &theta));
    c->n_ropes = 1;
    return read_rope(config, &r, c, theta, &c->rope[0]);
}

/* rope_parameters of two tables: an object, or null, for each; rope_scaling is for files that have none. */
static Status check_rope_types(const Reader *config, const Json *both, const char *const keys[2])
{
    Reader r = { config->keys, both, "rope_parameters." };
    if (json_kind(both) == JSON_NULL) return STATUS_OK;
    if (json_kind(both) != JSON_OBJECT) return bad_key(config, "rope_parameters", "an object");
    if (!is_null(config, "rope_scaling")) return bad_key(config, "rope_scaling", "null, as rope_parameters is there");
    for (const Json *item = json_first(both); item; item = json_next(item)) {
        const char *key = json_key(item);
        if (strcmp(key, keys[0]) && strcmp(key, keys[1])) return bad_key(&r, key, "only full_attention and sliding_attention here");
        if (json_kind(item) != JSON_OBJECT && json_kind(item) != JSON_NULL) return bad_key(&r, key, "an object");
    }
    return STATUS_OK;
}

/* Tables 0, of layers that see everything, and 1, of layers with a window. rope_scaling, the older key, means the first. */
static Status read_two_ropes(const Reader *config, ModelConfig *c)
{
    static const char *const keys[] = { "full_attention", "sliding_attention" }, *const thetas[] = { "rope_theta", "rope_local_base_freq" };
    static const char *const prefixes[] = { "rope_parameters.full_attention.", "rope_parameters.sliding_attention." };
    bool old = !is_null(config, "rope_scaling");
    const Json *both = json_get(config->object, "rope_parameters");
    if (!c->gguf) TRY(check_rope_types(config, both, keys));
    for (int i = 0; i < 2; i++) {
        bool scaled = i == 0 && (old || c->gguf);
        Reader r = { config->keys, scaled ? json_get(config->object, old ? "rope_scaling" : "rope_parameters") : json_get(both, keys[i]),
                     c->gguf ? "" : scaled ? "rope_scaling." : prefixes[i] };
        double theta;
        if (scaled && old && has(&r, "type") && !has(&r, "rope_type")) return bad_key(&r, "type", "to be called rope_type, as transformers reads no other here");
        TRY(read_real(config, thetas[i], above_zero, i ? c->rope[0].theta : 10000, &theta));
        TRY(read_rope(config, &r, c, theta, &c->rope[i]));
    }
    c->n_ropes = 2;
    return STATUS_OK;
}

static Status read_ropes(const Reader *config, ModelConfig *c)
{
    double of_windows;
    if (c->family->rope == ROPE_NONE) return STATUS_OK;
    TRY(c->family->rope_by_layer_type ? read_two_ropes(config, c) : read_one_rope(config, c));
    TRY(read_real(config, "rope_theta_of_windows", above_zero, c->rope[0].theta, &of_windows));
    return of_windows == c->rope[0].theta ? STATUS_OK : bad_key(config, "rope_theta_of_windows", "the same as rope.freq_base");
}

/* The model's window; 0: none, or switched off. smollm3's switch is for the rule, not for layer_types. */
static Status read_window(const Reader *r, const ModelConfig *c, bool typed, int64_t *window)
{
    bool used = c->family->window != WINDOW_NONE, switched = has(r, "use_sliding_window") && !(typed && c->family->window == WINDOW_NO_ROPE);
    *window = 0;
    if (switched) TRY(read_flag(r, "use_sliding_window", &used));
    bool needed = c->family->window == WINDOW_PATTERN && !c->gguf && !(typed && c->family->rope == ROPE_WINDOWS_IF_ANY);
    if (!used || (is_null(r, "sliding_window") && !needed)) return STATUS_OK;
    return read_count(r, "sliding_window", INT32_MAX, 0, window);
}

/* layer_types, where they are given. */
static Status read_layer_types(const Reader *r, const ModelConfig *c, int64_t window)
{
    const Json *list = json_get(r->object, "layer_types");
    if (json_kind(list) != JSON_ARRAY || json_count(list) != c->num_hidden_layers) return bad_key(r, "layer_types", "a list with an entry for each layer");
    int64_t i = 0;
    for (const Json *item = json_first(list); item; item = json_next(item), i++) {
        const char *type = json_string(item);
        bool sliding = type && !strcmp(type, "sliding_attention");
        if (!sliding && (!type || (strcmp(type, "full_attention") && strcmp(type, "attention"))))
            return bad_key(r, "layer_types", "full_attention or sliding_attention");
        if (sliding && !window) return bad_key(r, "sliding_window", "a window for the layers that layer_types gives one");
        c->layer[i].window = sliding ? (int32_t)window : 0;
    }
    return STATUS_OK;
}

/* The windows that follow from the family's rule. */
static Status derive_windows(const Reader *r, const ModelConfig *c, int64_t window)
{
    WindowRule rule = c->family->window;
    int64_t pattern = 1, first = 0;
    if (rule == WINDOW_PATTERN && window) TRY(read_count(r, "sliding_window_pattern", 4096, 0, &pattern));
    if (rule == WINDOW_UPPER && !is_null(r, "max_window_layers") && json_integer(json_get(r->object, "max_window_layers")) != 0)
        TRY(read_count(r, "max_window_layers", INT32_MAX, 0, &first));
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        bool sliding = rule == WINDOW_ALL || (rule == WINDOW_PATTERN && (i + 1) % pattern) || (rule == WINDOW_UPPER && i >= first) ||
                       (rule == WINDOW_NO_ROPE && c->layer[i].rope == NO_ROPE);
        c->layer[i].window = sliding ? (int32_t)window : 0;
    }
    return STATUS_OK;
}

/* no_rope_layers says 1 where there is rope. */
static Status read_listed_ropes(const Reader *r, const ModelConfig *c)
{
    const Json *list = json_get(r->object, "no_rope_layers");
    int64_t interval = 1, i = 0;
    if (json_kind(list) == JSON_NULL) TRY(read_count(r, "no_rope_layer_interval", 4096, 0, &interval));
    else if (json_kind(list) != JSON_ARRAY || json_count(list) < c->num_hidden_layers) return bad_key(r, "no_rope_layers", "a list with an entry for each layer");
    for (; i < c->num_hidden_layers && json_kind(list) == JSON_NULL; i++) c->layer[i].rope = (i + 1) % interval ? 0 : NO_ROPE;
    for (const Json *item = json_first(list); item && i < c->num_hidden_layers; item = json_next(item), i++) {
        if (!json_is_number(item) && json_kind(item) != JSON_BOOL) return bad_key(r, "no_rope_layers", "a list of 1 and 0");
        c->layer[i].rope = json_number(item) != 0 || json_bool(item) ? 0 : NO_ROPE;
    }
    return STATUS_OK;
}

/* head_dim^-0.5, or what the config says instead. */
static Status read_attention_scale(const Reader *r, const ModelConfig *c, double *scale)
{
    double scalar;
    bool scaled = true;
    if (has(r, "scale_attn_weights")) TRY(read_flag(r, "scale_attn_weights", &scaled));
    TRY(read_real(r, "query_pre_attn_scalar", above_zero, scaled ? (double)c->head_dim : 1, &scalar));
    return read_real(r, "attention_multiplier", 0, 1 / sqrt(scalar), scale);
}

/* What each layer has: its window, its table, its scale. */
static Status read_layers(const Reader *r, ModelConfig *c)
{
    int64_t window;
    RopeRule rule = c->family->rope;
    double scale;
    bool inverse;
    TRY(read_attention_scale(r, c, &scale));
    TRY(read_flag(r, "scale_attn_by_inverse_layer_idx", &inverse));
    c->layer = memory_new((size_t)c->num_hidden_layers, sizeof *c->layer);
    if (rule == ROPE_LISTED) TRY(read_listed_ropes(r, c));
    bool typed = c->family->window != WINDOW_NONE && c->family->window != WINDOW_ALL && !is_null(r, "layer_types");
    TRY(read_window(r, c, typed, &window));
    TRY(typed ? read_layer_types(r, c, window) : derive_windows(r, c, window));
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        LayerConfig *layer = &c->layer[i];
        bool none = rule == ROPE_NONE || (rule == ROPE_LISTED && layer->rope == NO_ROPE) || (rule == ROPE_WINDOWS && !layer->window) ||
                    (rule == ROPE_WINDOWS_IF_ANY && window && !layer->window);
        layer->attention_scale = scale / (inverse ? (double)(i + 1) : 1);
        layer->rope = none ? NO_ROPE : c->family->rope_by_layer_type && layer->window ? 1 : 0;
    }
    return STATUS_OK;
}

static Status check_heads(const Reader *r, const ModelConfig *c)
{
    if (c->num_attention_heads % c->num_key_value_heads)
        return fail(STATUS_INPUT, "%s: num_attention_heads %lld is not a multiple of num_key_value_heads %lld", r->keys->path,
                    (long long)c->num_attention_heads, (long long)c->num_key_value_heads);
    if (c->head_dim % 2 && c->family->rope != ROPE_NONE)
        return fail(STATUS_INPUT, "%s: head_dim %lld: rotary positions need an even number", r->keys->path, (long long)c->head_dim);
    return STATUS_OK;
}

static Status read_sizes(const Reader *r, ModelConfig *c)
{
    enum { MOST_TOKENS = 1 << 24 };
    TRY(read_count(r, "vocab_size", MOST_TOKENS, 0, &c->vocab_size));
    TRY(read_count(r, "hidden_size", 1 << 20, 0, &c->hidden_size));
    TRY(read_count(r, "intermediate_size", 1 << 22, c->family->intermediate_times_hidden * c->hidden_size, &c->intermediate_size));
    TRY(read_count(r, "num_hidden_layers", 4096, 0, &c->num_hidden_layers));
    TRY(read_count(r, "num_attention_heads", 1 << 16, 0, &c->num_attention_heads));
    TRY(read_count(r, "num_key_value_heads", 1 << 16, c->num_attention_heads, &c->num_key_value_heads));
    int64_t share = c->hidden_size / c->num_attention_heads;
    if (is_null(r, "head_dim") && c->hidden_size % c->num_attention_heads) return bad_key(r, "hidden_size", "a multiple of num_attention_heads");
    TRY(read_count(r, "head_dim", 1 << 12, share, &c->head_dim));
    if (c->family->head_dim_follows && c->head_dim != share) return bad_key(r, "head_dim", "hidden_size / num_attention_heads");
    TRY(need_same(r, "value_dim", c->head_dim, "the same as attention.key_length"));
    TRY(need_same(r, "head_dim_of_windows", c->head_dim, "the same as attention.key_length"));
    TRY(need_same(r, "value_dim_of_windows", c->head_dim, "the same as attention.key_length"));
    TRY(read_count(r, "max_position_embeddings", INT32_MAX, 0, &c->max_position_embeddings));
    return read_real(r, "rms_norm_eps", 0, NAN, &c->norm_eps);
}

static Status read_flags(const Reader *r, ModelConfig *c)
{
    const Family *f = c->family;
    TRY(read_flag(r, "tie_word_embeddings", &c->tie_word_embeddings));
    TRY(read_named_flag(r, f->qkv_bias, &c->qkv_bias));
    TRY(read_named_flag(r, f->o_bias, &c->o_bias));
    TRY(read_named_flag(r, f->mlp_bias, &c->mlp_bias));
    TRY(read_named_flag(r, f->parallel_residual, &c->parallel_residual));
    TRY(read_named_flag(r, f->qk_norm_key ? f->qk_norm_key : family_norm(f, NORM_Q) ? ALWAYS : NULL, &c->qk_norm));
    return read_act(r, &c->act);
}

/* Multipliers and soft-caps: 1 and 0 where the family has no such key. */
static Status read_scales(const Reader *r, ModelConfig *c)
{
    double scaling = 1, scale = 1;
    TRY(read_real(r, "attn_logit_softcapping", above_zero, 0, &c->attention_softcap));
    TRY(read_real(r, "final_logit_softcapping", above_zero, 0, &c->logit_softcap));
    TRY(read_real(r, "embedding_multiplier", 0, 1, &c->embedding_multiplier));
    TRY(read_real(r, "residual_multiplier", 0, 1, &c->residual_multiplier));
    TRY(read_real(r, "logits_scaling", above_zero, 1, &scaling));
    TRY(read_real(r, "logit_scale", 0, 1, &scale));
    c->logit_multiplier = scale / scaling;
    c->embedding_scale = c->family->scaled_embedding ? (double)sqrtf((float)c->hidden_size) : 1;
    return STATUS_OK;
}

/* Dropouts: 0 where the family has no such key. */
static Status read_dropouts(const Reader *r, ModelConfig *c)
{
    for (DropKind kind = 0; kind < DROP_KINDS; kind++) {
        const char *key = family_dropout(c->family, kind);
        double *p = &c->dropout[kind];
        if (!key || is_null(r, key)) continue;
        *p = json_number(json_get(r->object, key));
        if (!json_is_number(json_get(r->object, key)) || !(*p >= 0 && *p < 1)) return bad_key(r, key, "a number of at least 0 and less than 1");
    }
    return STATUS_OK;
}

static bool same_value(const Json *value, const Json *only)
{
    if (json_is_number(value) && json_is_number(only)) return json_number(value) == json_number(only);
    return json_kind(value) == JSON_NULL || json_equal(value, only);
}

/* Keys that have a value under which the model is another function than the one computed here. */
static Status refuse_others(const Reader *r)
{
    const char *row = r->keys->family->only;
    Json *only = NULL;
    Status status = row ? json_parse(&only, "a family's row", row, strlen(row)) : STATUS_OK;
    CHECK(status == STATUS_OK, "a family's row: %s", status_message());
    for (const Json *item = json_first(only); item && status == STATUS_OK; item = json_next(item)) {
        if (same_value(json_get(r->object, json_key(item)), item)) continue;
        Buffer expected = {0};
        json_print(&expected, item, (JsonStyle){0});
        buffer_add_string(&expected, ", the only one that is supported");
        status = bad_key(r, json_key(item), expected.data);
        buffer_free(&expected);
    }
    json_free(only);
    return status;
}

static Status read_all(ModelConfig *c, const ConfigKeys *keys)
{
    Reader r = { keys, keys->values, "" };
    *c = (ModelConfig){ .family = keys->family, .gguf = keys->gguf, .multimodal = keys->multimodal };
    TRY(read_sizes(&r, c));
    TRY(read_flags(&r, c));
    TRY(read_scales(&r, c));
    TRY(read_dropouts(&r, c));
    TRY(refuse_others(&r));
    TRY(check_heads(&r, c));
    TRY(read_ropes(&r, c));
    return read_layers(&r, c);
}

static Status read_and_free(ModelConfig *c, Status found, ConfigKeys *keys)
{
    *c = (ModelConfig){0};
    Status status = found == STATUS_OK ? read_all(c, keys) : found;
    if (status != STATUS_OK) config_free(c);
    config_keys_free(keys);
    return status;
}

Status config_from_json(ModelConfig *c, const Json *json, const char *path)
{
    ConfigKeys keys;
    Status status = config_keys_from_json(&keys, json, path);
    return read_and_free(c, status, &keys);
}

/* Which biases there are, GGUF says by having them. */
Status config_from_gguf(ModelConfig *c, const Gguf *gguf)
{
    ConfigKeys keys;
    Status status = config_keys_from_gguf(&keys, gguf);
    return read_and_free(c, status, &keys);
}

void config_dropouts(const ModelConfig *c, Buffer *out)
{
    for (DropKind kind = 0; kind < DROP_KINDS; kind++) {
        const char *key = family_dropout(c->family, kind);
        bool said = false;
        for (DropKind other = 0; other < kind; other++) said |= key && c->family->dropout[other] && !strcmp(key, c->family->dropout[other]);
        if (c->dropout[kind] > 0 && !said) buffer_format(out, "%s%s %g", out->len ? ", " : "", family_spelling(c->family, key), c->dropout[kind]);
    }
}

void config_free(ModelConfig *c)
{
    for (int i = 0; i < MAX_ROPES; i++) {
        free(c->rope[i].short_factor);
        free(c->rope[i].long_factor);
    }
    free(c->layer);
    *c = (ModelConfig){0};
}
