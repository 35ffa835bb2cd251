/* The parameters of rotary positions out of a model's keys: rope_parameters, the older rope_scaling, GGUF's rope.*. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/model/config_parts.h"

static Status read_yarn(const ConfigReader *config, const ConfigReader *r, RopeParameters *rope)
{
    TRY(reader_real(r, "attention_factor", 0, -1, &rope->attention_factor));
    TRY(reader_real(r, "beta_fast", 0, 32, &rope->beta_fast));
    TRY(reader_real(r, "beta_slow", 0, 1, &rope->beta_slow));
    TRY(reader_real(r, "mscale", 0, 0, &rope->mscale));
    TRY(reader_real(r, "mscale_all_dim", 0, 0, &rope->mscale_all_dim));
    rope->truncate = true;
    if (!reader_is_null(r, "truncate")) TRY(reader_flag(r, "truncate", &rope->truncate));
    if (!rope->truncate && r->keys->family->rope_by_layer_type) return reader_bad(r, "truncate", "true, as transformers does not read it here");
    if (rope->beta_fast == 0) rope->beta_fast = 32;
    if (rope->beta_slow == 0) rope->beta_slow = 1;
    return rope->theta > 1 ? STATUS_OK : reader_bad(reader_is_null(r, "rope_theta") ? config : r, "rope_theta", "a number above 1, which yarn needs");
}

static Status read_llama3(const ConfigReader *r, RopeParameters *rope)
{
    TRY(reader_real(r, "low_freq_factor", READER_ABOVE_ZERO, NAN, &rope->low_freq_factor));
    TRY(reader_real(r, "high_freq_factor", READER_ABOVE_ZERO, NAN, &rope->high_freq_factor));
    return rope->high_freq_factor > rope->low_freq_factor ? STATUS_OK : reader_bad(r, "high_freq_factor", "a number above low_freq_factor");
}

/* One factor for each frequency. */
static Status read_factors(const ConfigReader *r, const char *key, int64_t n, float **out)
{
    const Json *list = json_get(r->object, key);
    char expected[64];
    snprintf(expected, sizeof expected, "a list of %lld numbers above 0", (long long)n);
    if (json_kind(list) != JSON_ARRAY || json_count(list) != n) return reader_bad(r, key, expected);
    *out = memory_new((size_t)n, sizeof **out);
    int64_t i = 0;
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        (*out)[i] = (float)json_number(item);
        if (!json_is_number(item) || !((*out)[i] > 0) || !isfinite((*out)[i])) return reader_bad(r, key, expected);
        i++;
    }
    return STATUS_OK;
}

static Status read_longrope(const ConfigReader *r, RopeParameters *rope)
{
    TRY(reader_real(r, "attention_factor", 0, -1, &rope->attention_factor));
    TRY(read_factors(r, "short_factor", rope->rotary_dim / 2, &rope->short_factor));
    return read_factors(r, "long_factor", rope->rotary_dim / 2, &rope->long_factor);
}

const char *const rope_type_names[ROPE_TYPES] = { "default", "linear", "dynamic", "llama3", "yarn", "longrope" };

static Status read_rope_type(const ConfigReader *r, RopeType *type)
{
    const char *key = reader_has(r, "rope_type") ? "rope_type" : "type", *name = json_string(json_get(r->object, key));
    bool only_longrope = r->keys->family->only_longrope && !r->keys->gguf;
    *type = ROPE_TYPE_DEFAULT;
    if (reader_is_null(r, key)) return STATUS_OK;
    if (only_longrope && name && (!strcmp(name, "su") || !strcmp(name, "yarn"))) name = "longrope";
    for (int i = 0; name && i < ROPE_TYPES; i++)
        if (!strcmp(name, rope_type_names[i]) && (!only_longrope || i == ROPE_TYPE_DEFAULT || i == ROPE_TYPE_LONGROPE)) {
            *type = (RopeType)i;
            return STATUS_OK;
        }
    return reader_bad(r, key, only_longrope ? "default or longrope" : "default, linear, dynamic, llama3, yarn or longrope");
}

/* How many columns of a head turn: transformers rounds down, and where that is odd the last pair goes beyond. */
static Status read_rotary_dim(const ConfigReader *config, const ConfigReader *r, const ModelConfig *c, int64_t *out)
{
    double factor;
    *out = c->head_dim;
    if (c->gguf) {
        TRY(reader_count(config, "rotary_dim", 1 << 12, c->head_dim, out));
        TRY(reader_same_count(config, "rotary_dim_of_windows", *out, "the same as rope.dimension_count"));
        bool fits = c->family->partial_rotary ? *out <= c->head_dim && *out % 2 == 0 : *out == c->head_dim;
        return fits ? STATUS_OK : reader_bad(config, "rotary_dim", c->family->partial_rotary ? "an even number of a head's columns" : "the size of a head");
    }
    const ConfigReader *from = reader_has(r, "partial_rotary_factor") ? r : config;
    TRY(reader_real(from, "partial_rotary_factor", 0, 1, &factor));
    if (!c->family->partial_rotary && factor != 1) return reader_bad(from, "partial_rotary_factor", "1, the only one that is supported");
    *out = factor <= 1 ? (int64_t)((double)c->head_dim * factor) : 0;
    if (*out >= 2 && *out % 2 == 0) return STATUS_OK;
    char *expected = memory_format("a share of a head's %lld columns (head_dim, or hidden_size / num_attention_heads) that is an even number of them",
                                   (long long)c->head_dim);
    Status status = reader_bad(from, "partial_rotary_factor", expected);
    free(expected);
    return status;
}

/* transformers derives what is missing, and fails at null. */
static Status check_rope_members(const ConfigReader *r)
{
    static const char *const derived[] = { "rope_type", "rope_theta", "original_max_position_embeddings" };
    for (const Json *item = json_first(r->object); item; item = json_next(item))
        if (json_kind(item) == JSON_OBJECT) return reader_bad(r, json_key(item), "a number");
    for (size_t i = 0; i < sizeof derived / sizeof *derived; i++)
        if (reader_has(r, derived[i]) && reader_is_null(r, derived[i]) && !r->keys->gguf) return reader_bad(r, derived[i], "a value");
    return STATUS_OK;
}

/* One table's parameters out of `r`; `theta` where it has none. */
static Status read_rope(const ConfigReader *config, const ConfigReader *r, const ModelConfig *c, double theta, RopeParameters *rope)
{
    double original = (double)c->max_position_embeddings;
    TRY(check_rope_members(r));
    TRY(reader_real(r, "rope_theta", READER_ABOVE_ZERO, theta, &rope->theta));
    TRY(read_rope_type(r, &rope->type));
    TRY(read_rotary_dim(config, r, c, &rope->rotary_dim));
    bool scaled = rope->type == ROPE_TYPE_LLAMA3 || rope->type == ROPE_TYPE_YARN || rope->type == ROPE_TYPE_LONGROPE;
    bool query_scaling = c->family->query_scaling && !c->gguf;       /* its keys must be there; GGUF has them where they are used */
    TRY(reader_real(r, "original_max_position_embeddings", 1, query_scaling && !scaled ? NAN : original, &rope->original_max_position_embeddings));
    TRY(reader_real(config, "original_max_position_embeddings", 1, rope->original_max_position_embeddings, &rope->original_max_position_embeddings));
    if (rope->original_max_position_embeddings > INT32_MAX)
        return reader_bad(reader_has(r, "original_max_position_embeddings") ? r : config, "original_max_position_embeddings", "a number of positions that can be");
    bool derives = rope->type == ROPE_TYPE_LONGROPE || (rope->type == ROPE_TYPE_YARN && (reader_has(r, "factor") || c->gguf));      /* yarn: from null */
    double derived = derives ? original / rope->original_max_position_embeddings : NAN;
    if (rope->type != ROPE_TYPE_DEFAULT) TRY(reader_real(r, "factor", READER_ABOVE_ZERO, derived, &rope->factor));
    if (c->family->query_scaling) TRY(reader_real(r, "llama_4_scaling_beta", 0, query_scaling ? NAN : 0, &rope->query_scaling_beta));
    switch (rope->type) {
    case ROPE_TYPE_LLAMA3: return read_llama3(r, rope);
    case ROPE_TYPE_YARN: return read_yarn(config, r, rope);
    case ROPE_TYPE_LONGROPE: return read_longrope(r, rope);
    case ROPE_TYPE_DYNAMIC: return rope->rotary_dim > 2 ? STATUS_OK : reader_bad(config, "head_dim", "more than 2, which dynamic rotary positions need");
    default: return STATUS_OK;
    }
}

/* rope_parameters, or the older rope_scaling beside rope_theta; transformers reads both, scaling first. */
static Status read_one_rope(const ConfigReader *config, ModelConfig *c)
{
    bool old = !reader_is_null(config, "rope_scaling");
    const char *key = old ? "rope_scaling" : "rope_parameters";
    ConfigReader r = { config->keys, json_get(config->object, key), c->gguf ? "" : old ? "rope_scaling." : "rope_parameters." };
    double theta;
    if (!reader_is_null(config, key) && json_kind(r.object) != JSON_OBJECT) return reader_bad(config, key, "an object");
    TRY(reader_real(config, "rope_theta", READER_ABOVE_ZERO, 10000, &theta));
    c->n_ropes = 1;
    return read_rope(config, &r, c, theta, &c->rope[0]);
}

/* rope_parameters of two tables: an object, or null, for each; rope_scaling is for files that have none. */
static Status check_rope_types(const ConfigReader *config, const Json *both, const char *const keys[2])
{
    ConfigReader r = { config->keys, both, "rope_parameters." };
    if (json_kind(both) == JSON_NULL) return STATUS_OK;
    if (json_kind(both) != JSON_OBJECT) return reader_bad(config, "rope_parameters", "an object");
    if (!reader_is_null(config, "rope_scaling")) return reader_bad(config, "rope_scaling", "null, as rope_parameters is there");
    for (const Json *item = json_first(both); item; item = json_next(item)) {
        const char *key = json_key(item);
        if (strcmp(key, keys[0]) && strcmp(key, keys[1])) return reader_bad(&r, key, "only full_attention and sliding_attention here");
        if (json_kind(item) != JSON_OBJECT && json_kind(item) != JSON_NULL) return reader_bad(&r, key, "an object");
    }
    return STATUS_OK;
}

/* Tables 0, of layers that see everything, and 1, of layers with a window. rope_scaling, the older key, means the first. */
static Status read_two_ropes(const ConfigReader *config, ModelConfig *c)
{
    static const char *const keys[] = { "full_attention", "sliding_attention" }, *const thetas[] = { "rope_theta", "rope_local_base_freq" };
    static const char *const prefixes[] = { "rope_parameters.full_attention.", "rope_parameters.sliding_attention." };
    bool old = !reader_is_null(config, "rope_scaling");
    const Json *both = json_get(config->object, "rope_parameters");
    if (!c->gguf) TRY(check_rope_types(config, both, keys));
    for (int i = 0; i < 2; i++) {
        bool scaled = i == 0 && (old || c->gguf);
        ConfigReader r = { config->keys, scaled ? json_get(config->object, old ? "rope_scaling" : "rope_parameters") : json_get(both, keys[i]),
                     c->gguf ? "" : scaled ? "rope_scaling." : prefixes[i] };
        double theta;
        if (scaled && old && reader_has(&r, "type") && !reader_has(&r, "rope_type")) return reader_bad(&r, "type", "to be called rope_type, as transformers reads no other here");
        TRY(reader_real(config, thetas[i], READER_ABOVE_ZERO, i ? c->rope[0].theta : 10000, &theta));
        TRY(read_rope(config, &r, c, theta, &c->rope[i]));
    }
    c->n_ropes = 2;
    return STATUS_OK;
}

Status config_read_ropes(const ConfigReader *config, ModelConfig *c)
{
    double of_windows;
    if (c->family->rope == ROPE_NONE) return STATUS_OK;
    TRY(c->family->rope_by_layer_type ? read_two_ropes(config, c) : read_one_rope(config, c));
    TRY(reader_real(config, "rope_theta_of_windows", READER_ABOVE_ZERO, c->rope[0].theta, &of_windows));
    return of_windows == c->rope[0].theta ? STATUS_OK : reader_bad(config, "rope_theta_of_windows", "the same as rope.freq_base");
}
