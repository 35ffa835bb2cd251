#include "train/model/config_keys.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

/* What every family reads, with transformers' defaults; null: there is none, or it follows from others. */
static const char plain[] =
    "{\"vocab_size\": null, \"hidden_size\": null, \"intermediate_size\": null, \"num_hidden_layers\": null, \"num_attention_heads\": null, "
    "\"num_key_value_heads\": null, \"head_dim\": null, \"max_position_embeddings\": 2048, \"rms_norm_eps\": 1e-6, \"hidden_act\": \"silu\", "
    "\"attention_dropout\": 0, \"tie_word_embeddings\": false, \"rope_theta\": 10000, \"rope_scaling\": null, \"rope_parameters\": null, "
    "\"partial_rotary_factor\": null, \"original_max_position_embeddings\": null, \"rotary_dim\": null}";

Json *config_keys_parse(const char *text)
{
    Json *json = NULL;
    Status status = json_parse(&json, "a family's row", text, strlen(text));
    CHECK(status == STATUS_OK, "a family's row: %s", status_message());
    return json;
}

void config_keys_overlay(ConfigKeys *k, const char *text)
{
    if (!text) return;
    Json *json = config_keys_parse(text);
    for (const Json *item = json_first(json); item; item = json_next(item)) json_set(k->values, json_key(item), json_copy(item));
    json_free(json);
}

void config_keys_start(ConfigKeys *k)
{
    k->values = config_keys_parse(plain);
    config_keys_overlay(k, k->family->defaults);
}

/* What the plain decoder calls the key that this family's config.json calls `here`; NULL: it calls another one so, or none. */
static const char *plain_key(const Family *f, const char *here)
{
    const char *plain_name = here;
    for (int i = 0; i < FAMILY_KEYS && f->key[i].key; i++) {
        if (!strcmp(f->key[i].here, here)) return f->key[i].key;
        if (!strcmp(f->key[i].key, here)) plain_name = NULL;
    }
    return plain_name;
}

Status config_keys_unknown(const char *path, const char *what, const char *name, bool gguf)
{
    Buffer list = {0};
    family_list(&list, gguf);
    Status status = fail(STATUS_INPUT, "%s: %s \"%s\" is not supported; supported are: %s", path, what, name, list.data);
    buffer_free(&list);
    return status;
}

static Status no_string(const char *path, const char *key, const Json *value)
{
    Buffer found = {0};
    if (value) json_print(&found, value, (JsonStyle){0});
    else buffer_add_string(&found, "nothing");
    Status status = fail(STATUS_INPUT, "%s: %s: expected a string, found %.80s", path, key, found.data);
    buffer_free(&found);
    return status;
}

/* The family of `json`, or of the text part of a multimodal model, to which `json` then moves. */
static Status find_family(ConfigKeys *k, const Json **json)
{
    const char *name = json_string(json_get(*json, "model_type"));
    if (!name) return no_string(k->path, "model_type", json_get(*json, "model_type"));
    k->family = family_of_model_type(name);
    if (k->family) return STATUS_OK;
    const Json *text = json_get(*json, "text_config");
    k->family = family_of_text(name, json_string(json_get(text, "model_type")));
    if (!k->family || json_kind(text) != JSON_OBJECT) return config_keys_unknown(k->path, "model_type", name, false);
    k->multimodal = true;
    *json = text;
    return STATUS_OK;
}

/* null is the default where that is null; else transformers takes it only for what there may be none of, and rope_parameters. */
static bool may_be_null(const ConfigKeys *k, const char *key)
{
    static const char *const none[] = { "sliding_window", "sliding_window_pattern", "attn_logit_softcapping", "final_logit_softcapping" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (!strcmp(none[i], key)) return true;
    return json_kind(json_get(k->values, key)) == JSON_NULL;
}

static Status take_members(ConfigKeys *k, const Json *json)
{
    for (const Json *item = json_first(json); item; item = json_next(item)) {
        const char *key = plain_key(k->family, json_key(item));
        bool null = json_kind(item) == JSON_NULL;
        if (!key || !json_get(k->values, key) || (null && !strcmp(key, "rope_parameters"))) continue;
        if (null && !may_be_null(k, key))
            return fail(STATUS_INPUT, "%s: %s: expected a value, found null; take it out for the default", k->path, json_key(item));
        json_set(k->values, key, json_copy(item));
    }
    return STATUS_OK;
}

/* TRL's loss scales and caps logits by these keys in any family's config, also where the model does not, as no multimodal one does. */
static Status refuse_trained_scales(const ConfigKeys *k, const Json *json)
{
    static const char *const keys[] = { "logit_scale", "logits_scaling", "output_multiplier", "lm_head_multiplier", "final_logit_softcapping" };
    for (int i = 0; i < 5; i++) {
        const Json *value = json_get(json, keys[i]);
        bool neutral = json_kind(value) == JSON_NULL || (i < 4 && json_is_number(value) && json_number(value) == 1);
        if (!neutral && (k->multimodal || !json_get(k->values, keys[i])))
            return fail(STATUS_INPUT, "%s: %s: models of type %s do not have it, and TRL trains with it all the same; take it out, or give the type that has it",
                        k->path, keys[i], k->multimodal ? k->family->text_of : k->family->model_type);
    }
    return STATUS_OK;
}

Status config_keys_from_json(ConfigKeys *k, const Json *json, const char *path)
{
    *k = (ConfigKeys){ .path = path };
    if (json_kind(json) != JSON_OBJECT) return fail(STATUS_INPUT, "%s: expected an object, found %s", path, json_kind_name(json));
    const Json *own = json;
    TRY(find_family(k, &own));
    k->file = own;
    config_keys_start(k);
    TRY(take_members(k, own));
    const Json *tied = json_get(json, "tie_word_embeddings");        /* a multimodal model's own word counts */
    if (k->multimodal) json_set(k->values, "tie_word_embeddings", tied ? json_copy(tied) : json_new_bool(true));
    return refuse_trained_scales(k, own);
}

void config_keys_spell(const ConfigKeys *k, const char *key, Buffer *out)
{
    if (k->gguf) {
        config_keys_spell_gguf(k, key, out);
        return;
    }
    const char *spelled = family_spelling(k->family, key);
    for (int i = 0; i < FAMILY_KEYS && k->family->key[i].key; i++)
        if (!strcmp(k->family->key[i].key, key) && json_get(k->file, k->family->key[i].here)) spelled = k->family->key[i].here;
    buffer_add_string(out, spelled);
}

void config_keys_free(ConfigKeys *k)
{
    json_free(k->values);
    *k = (ConfigKeys){0};
}

