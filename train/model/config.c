#include "train/model/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reading one key: where it stands and how it is called in messages. */
typedef struct { const Json *object; const char *path, *prefix; } Reader;

static Status bad_key(const Reader *r, const char *key, const char *expected)
{
    const Json *value = json_get(r->object, key);
    Buffer found = {0};
    if (value) json_print(&found, value, (JsonStyle){0});
    else buffer_add_string(&found, "nothing");
    Status status = fail(STATUS_INPUT, "%s: %s%s: expected %s, found %.80s", r->path, r->prefix, key, expected, found.data);
    buffer_free(&found);
    return status;
}

static bool is_null(const Reader *r, const char *key) { return json_kind(json_get(r->object, key)) == JSON_NULL; }

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

static Status read_yarn(const Reader *r, RopeParameters *rope)
{
    TRY(read_real(r, "attention_factor", 0, -1, &rope->attention_factor));
    TRY(read_real(r, "beta_fast", 0, 32, &rope->beta_fast));
    TRY(read_real(r, "beta_slow", 0, 1, &rope->beta_slow));
    TRY(read_real(r, "mscale", 0, 0, &rope->mscale));
    TRY(read_real(r, "mscale_all_dim", 0, 0, &rope->mscale_all_dim));
    rope->truncate = true;
    if (!is_null(r, "truncate")) TRY(read_flag(r, "truncate", &rope->truncate));
    if (rope->beta_fast == 0) rope->beta_fast = 32;
    if (rope->beta_slow == 0) rope->beta_slow = 1;
    return STATUS_OK;
}

static Status rope_type(const Reader *r, RopeType *type)
{
    static const char *const names[] = { "default", "linear", "dynamic", "llama3", "yarn" };
    const char *key = json_get(r->object, "rope_type") ? "rope_type" : "type", *name = json_string(json_get(r->object, key));
    *type = ROPE_DEFAULT;
    if (is_null(r, key)) return STATUS_OK;
    for (int i = 0; name && i < 5; i++)
        if (!strcmp(name, names[i])) {
            *type = (RopeType)i;
            return STATUS_OK;
        }
    return bad_key(r, key, "default, linear, dynamic, llama3 or yarn");
}

/* rope_parameters, or the older rope_scaling beside rope_theta; transformers reads both, scaling first. */
static Status read_rope(const Reader *config, ModelConfig *c)
{
    bool old = !is_null(config, "rope_scaling");
    const char *key = old ? "rope_scaling" : "rope_parameters";
    Reader r = { json_get(config->object, key), config->path, old ? "rope_scaling." : "rope_parameters." };
    if (!is_null(config, key) && json_kind(r.object) != JSON_OBJECT) return bad_key(config, key, "an object");
    RopeParameters *rope = &c->rope;
    double theta, original = (double)c->max_position_embeddings;
    TRY(read_real(config, "rope_theta", 1e-30, 10000, &theta));
    TRY(read_real(&r, "rope_theta", 1e-30, theta, &rope->theta));
    TRY(rope_type(&r, &rope->type));
    if (!is_null(&r, "partial_rotary_factor") && json_number(json_get(r.object, "partial_rotary_factor")) != 1)
        return bad_key(&r, "partial_rotary_factor", "1, the only one that is supported");
    TRY(read_real(&r, "original_max_position_embeddings", 1, original, &rope->original_max_position_embeddings));
    TRY(read_real(config, "original_max_position_embeddings", 1, rope->original_max_position_embeddings, &rope->original_max_position_embeddings));
    double derived = rope->type == ROPE_YARN ? original / rope->original_max_position_embeddings : NAN;
    if (rope->type != ROPE_DEFAULT) TRY(read_real(&r, "factor", 1e-30, derived, &rope->factor));
    if (rope->type == ROPE_LLAMA3) {
        TRY(read_real(&r, "low_freq_factor", 1e-30, NAN, &rope->low_freq_factor));
        TRY(read_real(&r, "high_freq_factor", 1e-30, NAN, &rope->high_freq_factor));
        if (rope->high_freq_factor <= rope->low_freq_factor) return bad_key(&r, "high_freq_factor", "a number above low_freq_factor");
    }
    if (rope->type != ROPE_YARN) return STATUS_OK;
    if (rope->theta <= 1) return bad_key(is_null(&r, "rope_theta") ? config : &r, "rope_theta", "a number above 1, which yarn needs");
    return read_yarn(&r, rope);
}

static Status check_heads(const ModelConfig *c, const char *path)
{
    if (c->num_attention_heads % c->num_key_value_heads)
        return fail(STATUS_INPUT, "%s: num_attention_heads %lld is not a multiple of num_key_value_heads %lld", path,
                    (long long)c->num_attention_heads, (long long)c->num_key_value_heads);
    if (c->head_dim % 2 || (c->rope.type == ROPE_DYNAMIC && c->head_dim <= 2))
        return fail(STATUS_INPUT, "%s: head_dim %lld: rotary positions need an even number%s", path, (long long)c->head_dim,
                    c->rope.type == ROPE_DYNAMIC ? " above 2" : "");
    return STATUS_OK;
}

static Status read_model_type(const Reader *r, const Family **family)
{
    const char *name = json_string(json_get(r->object, "model_type"));
    if (!name) return bad_key(r, "model_type", "a string");
    *family = family_of_model_type(name);
    if (*family) return STATUS_OK;
    Buffer list = {0};
    family_list(&list, false);
    Status status = fail(STATUS_INPUT, "%s: model_type \"%s\" is not supported; supported are: %s", r->path, name, list.data);
    buffer_free(&list);
    return status;
}

Status config_from_json(ModelConfig *c, const Json *json, const char *path)
{
    Reader r = { json, path, "" };
    *c = (ModelConfig){0};
    if (json_kind(json) != JSON_OBJECT) return fail(STATUS_INPUT, "%s: expected an object, found %s", path, json_kind_name(json));
    TRY(read_model_type(&r, &c->family));
    enum { MOST = 1 << 24 };
    TRY(read_count(&r, "vocab_size", MOST, 0, &c->vocab_size));
    TRY(read_count(&r, "hidden_size", 1 << 20, 0, &c->hidden_size));
    TRY(read_count(&r, "intermediate_size", 1 << 22, 0, &c->intermediate_size));
    TRY(read_count(&r, "num_hidden_layers", 4096, 0, &c->num_hidden_layers));
    TRY(read_count(&r, "num_attention_heads", 1 << 16, 0, &c->num_attention_heads));
    TRY(read_count(&r, "num_key_value_heads", 1 << 16, c->num_attention_heads, &c->num_key_value_heads));
    if (is_null(&r, "head_dim") && c->hidden_size % c->num_attention_heads) return bad_key(&r, "hidden_size", "a multiple of num_attention_heads");
    TRY(read_count(&r, "head_dim", 1 << 12, c->hidden_size / c->num_attention_heads, &c->head_dim));
    TRY(read_count(&r, "max_position_embeddings", INT32_MAX, 2048, &c->max_position_embeddings));
    TRY(read_real(&r, "rms_norm_eps", 0, 1e-6, &c->rms_norm_eps));
    TRY(read_flag(&r, "attention_bias", &c->attention_bias));
    TRY(read_flag(&r, "mlp_bias", &c->mlp_bias));
    TRY(read_flag(&r, "tie_word_embeddings", &c->tie_word_embeddings));
    const char *act = json_string(json_get(json, "hidden_act"));
    if (!is_null(&r, "hidden_act") && (!act || (strcmp(act, "silu") && strcmp(act, "swish")))) return bad_key(&r, "hidden_act", "silu, the only one that is supported");
    const Json *dropout = json_get(json, "attention_dropout");
    if (!is_null(&r, "attention_dropout") && (!json_is_number(dropout) || json_number(dropout) != 0))
        return bad_key(&r, "attention_dropout", "0, the only one that is supported");
    TRY(read_rope(&r, c));
    return check_heads(c, path);
}

/* GGUF keys stand behind the architecture's name. */
static const GgufValue *find(const Gguf *gguf, const Family *family, const char *name)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", family->architecture, name);
    return gguf_find(gguf, key);
}

static Status gguf_bad_key(const Gguf *gguf, const Family *family, const char *name, const char *expected)
{
    const GgufValue *value = find(gguf, family, name);
    char found[40] = "nothing";
    bool one = value && !gguf_is_list(value);
    if (one && gguf_kind(value) == GGUF_INTEGER) snprintf(found, sizeof found, "%lld", (long long)gguf_integer(value, 0));
    else if (one && gguf_kind(value) == GGUF_REAL) snprintf(found, sizeof found, "%g", gguf_real(value, 0));
    else if (value) snprintf(found, sizeof found, "%s", gguf_kind_name(value));
    return fail(STATUS_INPUT, "%s: %s.%s: expected %s, found %s", gguf->path, family->architecture, name, expected, found);
}

static Status gguf_count_key(const Gguf *gguf, const Family *family, const char *name, int64_t most, int64_t fallback, int64_t *out)
{
    const GgufValue *value = find(gguf, family, name);
    *out = fallback;
    if (!value && fallback) return STATUS_OK;
    *out = gguf_integer(value, 0);
    if (!value || gguf_is_list(value) || gguf_kind(value) != GGUF_INTEGER || *out < 1 || *out > most)
        return gguf_bad_key(gguf, family, name, "a whole number above 0 and of a size that can be");
    return STATUS_OK;
}

static Status gguf_real_key(const Gguf *gguf, const Family *family, const char *name, double fallback, double *out)
{
    const GgufValue *value = find(gguf, family, name);
    *out = fallback;
    if (!value && isfinite(fallback)) return STATUS_OK;
    *out = gguf_real(value, 0);
    if (!value || gguf_is_list(value) || !isfinite(*out) || *out <= 0)
        return gguf_bad_key(gguf, family, name, "a number above 0");
    return STATUS_OK;
}

/* What would make it another function than the one computed here: a key may be there with the value that does not. */
static Status gguf_refuse_others(const Gguf *gguf, const ModelConfig *c)
{
    const struct { const char *name; double neutral; } keys[] = {
        { "expert_count", 0 }, { "rope.dimension_count", (double)c->head_dim }, { "rope.scaling.attn_factor", 1 }, { "rope.scaling.yarn_ext_factor", 1 },
        { "rope.scaling.yarn_attn_factor", 1 }, { "rope.scaling.yarn_beta_fast", 32 }, { "rope.scaling.yarn_beta_slow", 1 },
        { "rope.scaling.yarn_log_multiplier", 0 } };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const GgufValue *value = find(gguf, c->family, keys[i].name);
        char expected[64];
        snprintf(expected, sizeof expected, "%g, the only one that is supported", keys[i].neutral);
        if (value && (gguf_is_list(value) || gguf_real(value, 0) != keys[i].neutral)) return gguf_bad_key(gguf, c->family, keys[i].name, expected);
    }
    return STATUS_OK;
}

static Status gguf_rope(const Gguf *gguf, ModelConfig *c)
{
    RopeParameters *rope = &c->rope;
    TRY(gguf_real_key(gguf, c->family, "rope.freq_base", 10000, &rope->theta));
    const GgufValue *type = find(gguf, c->family, "rope.scaling.type");
    GgufString name = type ? gguf_string(type, 0) : (GgufString){ "none", 4 };
    bool linear = name.n == 6 && !memcmp(name.bytes, "linear", 6), yarn = name.n == 4 && !memcmp(name.bytes, "yarn", 4);
    if (!linear && !yarn && !(name.n == 4 && !memcmp(name.bytes, "none", 4)))
        return fail(STATUS_INPUT, "%s: %s.rope.scaling.type \"%.*s\" is not supported; supported are: none, linear, yarn", gguf->path,
                    c->family->architecture, (int)name.n, name.bytes);
    if (!linear && !yarn) return STATUS_OK;
    rope->type = linear ? ROPE_LINEAR : ROPE_YARN;
    TRY(gguf_real_key(gguf, c->family, "rope.scaling.factor", NAN, &rope->factor));
    TRY(gguf_real_key(gguf, c->family, "rope.scaling.original_context_length", (double)c->max_position_embeddings, &rope->original_max_position_embeddings));
    rope->attention_factor = -1;
    rope->beta_fast = 32;
    rope->beta_slow = 1;
    rope->truncate = true;
    return STATUS_OK;
}

Status config_from_gguf(ModelConfig *c, const Gguf *gguf)
{
    *c = (ModelConfig){0};
    const GgufValue *value;
    TRY(gguf_need(&value, gguf, "general.architecture", GGUF_STRING));
    char *name = gguf_copy_string(value, 0);
    c->family = family_of_architecture(name);
    if (!c->family) {
        Buffer list = {0};
        family_list(&list, true);
        Status status = fail(STATUS_INPUT, "%s: architecture \"%s\" is not supported; supported are: %s", gguf->path, name, list.data);
        buffer_free(&list);
        free(name);
        return status;
    }
    free(name);
    const Family *f = c->family;
    const TensorEntry *embedding = tensors_find(&gguf->tensors, "token_embd.weight");
    if (!embedding) return fail(STATUS_INPUT, "%s: tensor token_embd.weight is missing", gguf->path);
    c->vocab_size = embedding->dims[0];
    TRY(gguf_count_key(gguf, f, "embedding_length", 1 << 20, 0, &c->hidden_size));
    TRY(gguf_count_key(gguf, f, "feed_forward_length", 1 << 22, 0, &c->intermediate_size));
    TRY(gguf_count_key(gguf, f, "block_count", 4096, 0, &c->num_hidden_layers));
    TRY(gguf_count_key(gguf, f, "attention.head_count", 1 << 16, 0, &c->num_attention_heads));
    TRY(gguf_count_key(gguf, f, "attention.head_count_kv", 1 << 16, c->num_attention_heads, &c->num_key_value_heads));
    int64_t head_dim = c->hidden_size / c->num_attention_heads;
    TRY(gguf_count_key(gguf, f, "attention.key_length", 1 << 12, head_dim ? head_dim : 1, &c->head_dim));
    TRY(gguf_count_key(gguf, f, "context_length", INT32_MAX, 2048, &c->max_position_embeddings));
    TRY(gguf_real_key(gguf, f, "attention.layer_norm_rms_epsilon", NAN, &c->rms_norm_eps));
    c->tie_word_embeddings = !tensors_find(&gguf->tensors, "output.weight");
    c->attention_bias = tensors_find(&gguf->tensors, "blk.0.attn_q.bias") != NULL;
    c->mlp_bias = tensors_find(&gguf->tensors, "blk.0.ffn_gate.bias") != NULL;
    TRY(gguf_refuse_others(gguf, c));
    TRY(gguf_rope(gguf, c));
    return check_heads(c, gguf->path);
}
