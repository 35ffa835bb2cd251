#include "train/model/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/model/config_parts.h"

/* A flag that the family's row names: ALWAYS, the key, or NULL for never. */
static Status read_named_flag(const ConfigReader *r, const char *key, bool *out)
{
    *out = key == ALWAYS;
    return !key || key == ALWAYS ? STATUS_OK : reader_flag(r, key, out);
}

static Status read_act(const ConfigReader *r, Act *out)
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
    return reader_bad(r, "hidden_act", "silu, gelu, gelu_new, gelu_pytorch_tanh, relu or relu2");
}

static Status check_heads(const ConfigReader *r, const ModelConfig *c)
{
    if (c->num_attention_heads % c->num_key_value_heads)
        return fail(STATUS_INPUT, "%s: num_attention_heads %lld is not a multiple of num_key_value_heads %lld", r->keys->path,
                    (long long)c->num_attention_heads, (long long)c->num_key_value_heads);
    if (c->head_dim % 2 && c->family->rope != ROPE_NONE)
        return fail(STATUS_INPUT, "%s: head_dim %lld: rotary positions need an even number", r->keys->path, (long long)c->head_dim);
    return STATUS_OK;
}

static Status read_sizes(const ConfigReader *r, ModelConfig *c)
{
    enum { MOST_TOKENS = 1 << 24 };
    TRY(reader_count(r, "vocab_size", MOST_TOKENS, 0, &c->vocab_size));
    TRY(reader_count(r, "hidden_size", 1 << 20, 0, &c->hidden_size));
    TRY(reader_count(r, "intermediate_size", 1 << 22, c->family->intermediate_times_hidden * c->hidden_size, &c->intermediate_size));
    TRY(reader_count(r, "num_hidden_layers", 4096, 0, &c->num_hidden_layers));
    TRY(reader_count(r, "num_attention_heads", 1 << 16, 0, &c->num_attention_heads));
    TRY(reader_count(r, "num_key_value_heads", 1 << 16, c->num_attention_heads, &c->num_key_value_heads));
    int64_t share = c->hidden_size / c->num_attention_heads;
    if (reader_is_null(r, "head_dim") && c->hidden_size % c->num_attention_heads) return reader_bad(r, "hidden_size", "a multiple of num_attention_heads");
    TRY(reader_count(r, "head_dim", 1 << 12, share, &c->head_dim));
    if (c->family->head_dim_follows && c->head_dim != share) return reader_bad(r, "head_dim", "hidden_size / num_attention_heads");
    TRY(reader_same_count(r, "value_dim", c->head_dim, "the same as attention.key_length"));
    TRY(reader_same_count(r, "head_dim_of_windows", c->head_dim, "the same as attention.key_length"));
    TRY(reader_same_count(r, "value_dim_of_windows", c->head_dim, "the same as attention.key_length"));
    TRY(reader_count(r, "max_position_embeddings", INT32_MAX, 0, &c->max_position_embeddings));
    return reader_real(r, "rms_norm_eps", 0, NAN, &c->norm_eps);
}

static Status read_flags(const ConfigReader *r, ModelConfig *c)
{
    const Family *f = c->family;
    TRY(reader_flag(r, "tie_word_embeddings", &c->tie_word_embeddings));
    TRY(read_named_flag(r, f->qkv_bias, &c->qkv_bias));
    TRY(read_named_flag(r, f->o_bias, &c->o_bias));
    TRY(read_named_flag(r, f->mlp_bias, &c->mlp_bias));
    TRY(read_named_flag(r, f->parallel_residual, &c->parallel_residual));
    TRY(read_named_flag(r, f->qk_norm_key ? f->qk_norm_key : family_norm(f, NORM_Q) ? ALWAYS : NULL, &c->qk_norm));
    return read_act(r, &c->act);
}

/* Multipliers and soft-caps: 1 and 0 where the family has no such key. */
static Status read_scales(const ConfigReader *r, ModelConfig *c)
{
    double scaling = 1, scale = 1;
    TRY(reader_real(r, "attn_logit_softcapping", READER_ABOVE_ZERO, 0, &c->attention_softcap));
    TRY(reader_real(r, "final_logit_softcapping", READER_ABOVE_ZERO, 0, &c->logit_softcap));
    TRY(reader_real(r, "embedding_multiplier", 0, 1, &c->embedding_multiplier));
    TRY(reader_real(r, "residual_multiplier", 0, 1, &c->residual_multiplier));
    TRY(reader_real(r, "logits_scaling", READER_ABOVE_ZERO, 1, &scaling));
    TRY(reader_real(r, "logit_scale", 0, 1, &scale));
    c->logit_multiplier = scale / scaling;
    c->embedding_scale = c->family->scaled_embedding ? (double)sqrtf((float)c->hidden_size) : 1;
    return STATUS_OK;
}

/* Dropouts: 0 where the family has no such key. */
static Status read_dropouts(const ConfigReader *r, ModelConfig *c)
{
    for (DropKind kind = 0; kind < DROP_KINDS; kind++) {
        const char *key = family_dropout(c->family, kind);
        double *p = &c->dropout[kind];
        if (!key || reader_is_null(r, key)) continue;
        *p = json_number(json_get(r->object, key));
        if (!json_is_number(json_get(r->object, key)) || !(*p >= 0 && *p < 1)) return reader_bad(r, key, "a number of at least 0 and less than 1");
    }
    return STATUS_OK;
}

static bool same_value(const Json *value, const Json *only)
{
    if (json_is_number(value) && json_is_number(only)) return json_number(value) == json_number(only);
    return json_kind(value) == JSON_NULL || json_equal(value, only);
}

/* Keys that have a value under which the model is another function than the one computed here. */
static Status refuse_others(const ConfigReader *r)
{
    const char *row = r->keys->family->only;
    Json *only = row ? config_keys_parse(row) : NULL;
    Status status = STATUS_OK;
    for (const Json *item = json_first(only); item && status == STATUS_OK; item = json_next(item)) {
        if (same_value(json_get(r->object, json_key(item)), item)) continue;
        Buffer expected = {0};
        json_print(&expected, item, (JsonStyle){0});
        buffer_add_string(&expected, ", the only one that is supported");
        status = reader_bad(r, json_key(item), expected.data);
        buffer_free(&expected);
    }
    json_free(only);
    return status;
}

static Status read_all(ModelConfig *c, const ConfigKeys *keys)
{
    ConfigReader r = { keys, keys->values, "" };
    *c = (ModelConfig){ .family = keys->family, .gguf = keys->gguf, .multimodal = keys->multimodal };
    TRY(read_sizes(&r, c));
    TRY(read_flags(&r, c));
    TRY(read_scales(&r, c));
    TRY(read_dropouts(&r, c));
    TRY(refuse_others(&r));
    TRY(check_heads(&r, c));
    TRY(config_read_ropes(&r, c));
    return config_read_layers(&r, c);
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
