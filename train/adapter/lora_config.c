#include "train/adapter/lora_config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static Words copy_words(const Words *from)
{
    Words to = { .item = memory_new((size_t)from->n, sizeof *to.item), .n = from->n, .pattern = from->pattern };
    for (int i = 0; i < from->n; i++) to.item[i] = memory_string(from->item[i]);
    return to;
}

static Json *copy_json(const Json *value) { return value && json_kind(value) != JSON_NULL ? json_copy(value) : NULL; }

void lora_config_from_recipe(LoraConfig *c, const Recipe *r)
{
    *c = (LoraConfig){
        .base_model_name_or_path = memory_string(r->model_name_or_path), .r = r->lora_r, .lora_alpha = r->lora_alpha, .lora_dropout = r->lora_dropout,
        .use_rslora = r->use_rslora, .init = r->init_lora_weights, .target_modules = copy_words(&r->lora_target_modules),
        .exclude_modules = copy_words(&r->exclude_modules), .layers_pattern = copy_words(&r->layers_pattern),
        .layers_to_transform = { memory_copy(r->layers_to_transform.item, (size_t)r->layers_to_transform.n, sizeof(int64_t)), r->layers_to_transform.n },
        .rank_pattern = copy_json(r->rank_pattern), .alpha_pattern = copy_json(r->alpha_pattern), .lora_bias = r->lora_bias, .bias = r->bias,
        .modules_to_save = copy_words(&r->lora_modules_to_save), .ensure_weight_tying = r->ensure_weight_tying, .fan_in_fan_out = r->fan_in_fan_out,
        .trainable_token_indices = copy_json(r->trainable_token_indices), .layer_replication = copy_json(r->layer_replication),
    };
}

static Status bad(const char *path, const char *key, const Json *value, const char *expected)
{
    Buffer found = {0};
    if (value) json_print(&found, value, (JsonStyle){0});
    else buffer_add_string(&found, "nothing");
    Status status = fail(STATUS_INPUT, "%s: %s: expected %s, found %.80s", path, key, expected, found.data);
    buffer_free(&found);
    return status;
}

/* A list of strings, or one string: a regular expression where `may_be_pattern`, else a list of one. */
static Status read_words(const Json *json, const char *path, const char *key, bool may_be_pattern, Words *out)
{
    const Json *value = json_get(json, key);
    if (json_kind(value) == JSON_NULL) return STATUS_OK;
    bool one = json_kind(value) == JSON_STRING;
    if (!one && json_kind(value) != JSON_ARRAY) return bad(path, key, value, "a list of names");
    out->n = one ? 1 : (int)json_count(value);
    out->pattern = one && may_be_pattern;
    out->item = memory_new((size_t)out->n, sizeof *out->item);
    int i = 0;
    for (const Json *item = one ? value : json_first(value); item && i < out->n; item = json_next(item)) {
        if (!json_string(item)) return bad(path, key, value, "a list of names");
        out->item[i++] = memory_string(json_string(item));
    }
    return STATUS_OK;
}

static Status read_integers(const Json *json, const char *path, const char *key, Integers *out)
{
    const Json *value = json_get(json, key);
    if (json_kind(value) == JSON_NULL) return STATUS_OK;
    bool one = json_kind(value) == JSON_INTEGER;
    if (!one && json_kind(value) != JSON_ARRAY) return bad(path, key, value, "a list of layers");
    out->n = one ? 1 : (int)json_count(value);
    out->item = memory_new((size_t)out->n, sizeof *out->item);
    int i = 0;
    for (const Json *item = one ? value : json_first(value); item && i < out->n; item = json_next(item)) {
        if (json_kind(item) != JSON_INTEGER) return bad(path, key, value, "a list of layers");
        out->item[i++] = json_integer(item);
    }
    return STATUS_OK;
}

static Status read_number(const Json *json, const char *path, const char *key, double least, double most, double fallback, double *out)
{
    const Json *value = json_get(json, key);
    char expected[64];
    snprintf(expected, sizeof expected, "a number from %g to %g", least, most);
    *out = value ? json_number(value) : fallback;
    if (value && (!json_is_number(value) || !isfinite(*out) || *out < least || *out > most)) return bad(path, key, value, expected);
    return STATUS_OK;
}

enum { MAX_RANK = 65536 };

static bool is_rank(const Json *value) { return json_kind(value) == JSON_INTEGER && json_integer(value) >= 1 && json_integer(value) <= MAX_RANK; }

static Status read_rank(const Json *json, const char *path, int64_t *out)
{
    const Json *value = json_get(json, "r");
    *out = value ? json_integer(value) : 8;
    return !value || is_rank(value) ? STATUS_OK : bad(path, "r", value, "a whole number from 1 to 65536");
}

static Status read_flag(const Json *json, const char *path, const char *key, bool *out)
{
    const Json *value = json_get(json, key);
    *out = json_bool(value);
    return json_kind(value) == JSON_NULL || json_kind(value) == JSON_BOOL ? STATUS_OK : bad(path, key, value, "true or false");
}

static Status read_pattern_map(const Json *json, const char *path, const char *key, bool integer, Json **out)
{
    const Json *value = json_get(json, key);
    if (json_kind(value) == JSON_NULL) return STATUS_OK;
    if (json_kind(value) != JSON_OBJECT) return bad(path, key, value, "an object");
    for (const Json *item = json_first(value); item; item = json_next(item))
        if (integer ? !is_rank(item) : !json_is_number(item) || !(json_number(item) > 0) || !isfinite(json_number(item)))
            return bad(path, key, value, integer ? "an object of whole numbers from 1 to 65536" : "an object of numbers above 0");
    *out = json_copy(value);
    return STATUS_OK;
}

static Status read_init(const Json *json, const char *path, LoraInit *out)
{
    const Json *value = json_get(json, "init_lora_weights");
    const char *name = json_string(value);
    *out = LORA_INIT_TRUE;
    if (name && !strcmp(name, "gaussian")) *out = LORA_INIT_GAUSSIAN;
    else if (json_kind(value) == JSON_BOOL) *out = json_bool(value) ? LORA_INIT_TRUE : LORA_INIT_FALSE;
    else if (value) return bad(path, "init_lora_weights", value, "true, false or gaussian: others change the base model, which is not supported; convert the adapter with PEFT first");
    return STATUS_OK;
}

static const char *const biases[] = { [TRAIN_BIAS_NONE] = "none", [TRAIN_BIAS_ALL] = "all", [TRAIN_BIAS_LORA_ONLY] = "lora_only" };

static Status read_bias(const Json *json, const char *path, TrainBias *out)
{
    const Json *value = json_get(json, "bias");
    *out = TRAIN_BIAS_NONE;
    if (json_kind(value) == JSON_NULL) return STATUS_OK;
    for (size_t i = 0; i < sizeof biases / sizeof *biases; i++)
        if (json_string(value) && !strcmp(json_string(value), biases[i])) {
            *out = (TrainBias)i;
            return STATUS_OK;
        }
    return bad(path, "bias", value, "none, all or lora_only");
}

/* Keys that make an adapter another function than LoRA's, with the values that do not. */
static Status refuse_others(const Json *json, const char *path)
{
    static const char *const keys[] = { "use_dora", "target_parameters", "alora_invocation_tokens", "arrow_config", "use_bdlora", "use_qalora", "kasa_config", "velora_config", "monteclora_config" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const Json *value = json_get(json, keys[i]);
        bool neutral = json_kind(value) == JSON_NULL || (json_kind(value) == JSON_BOOL && !json_bool(value)) ||
                       ((json_kind(value) == JSON_ARRAY || json_kind(value) == JSON_OBJECT) && !json_count(value));
        if (!neutral) return bad(path, keys[i], value, "null or false, the only ones that are supported");
    }
    return STATUS_OK;
}

static Status read_all(LoraConfig *c, const Json *json, const char *path)
{
    if (json_kind(json) != JSON_OBJECT) return fail(STATUS_INPUT, "%s: expected an object, found %s", path, json_kind_name(json));
    const char *type = json_string(json_get(json, "peft_type"));
    if (!type || strcmp(type, "LORA")) return bad(path, "peft_type", json_get(json, "peft_type"), "\"LORA\", the only one that is supported");
    TRY(refuse_others(json, path));
    TRY(read_rank(json, path, &c->r));
    TRY(read_number(json, path, "lora_alpha", 0, 1e9, 8, &c->lora_alpha));
    TRY(read_number(json, path, "lora_dropout", 0, 0.999999, 0, &c->lora_dropout));
    TRY(read_flag(json, path, "use_rslora", &c->use_rslora));
    TRY(read_init(json, path, &c->init));
    TRY(read_words(json, path, "target_modules", true, &c->target_modules));
    TRY(read_words(json, path, "exclude_modules", true, &c->exclude_modules));
    TRY(read_words(json, path, "layers_pattern", false, &c->layers_pattern));
    TRY(read_integers(json, path, "layers_to_transform", &c->layers_to_transform));
    TRY(read_pattern_map(json, path, "rank_pattern", true, &c->rank_pattern));
    TRY(read_pattern_map(json, path, "alpha_pattern", false, &c->alpha_pattern));
    TRY(read_flag(json, path, "lora_bias", &c->lora_bias));
    TRY(read_bias(json, path, &c->bias));
    TRY(read_words(json, path, "modules_to_save", false, &c->modules_to_save));
    TRY(read_flag(json, path, "ensure_weight_tying", &c->ensure_weight_tying));
    TRY(read_flag(json, path, "fan_in_fan_out", &c->fan_in_fan_out));
    c->trainable_token_indices = copy_json(json_get(json, "trainable_token_indices"));
    c->layer_replication = copy_json(json_get(json, "layer_replication"));
    const Json *base = json_get(json, "base_model_name_or_path");
    if (json_kind(base) != JSON_NULL && !json_string(base)) return bad(path, "base_model_name_or_path", base, "a string");
    c->base_model_name_or_path = memory_string(json_string(base));
    return STATUS_OK;
}

Status lora_config_from_json(LoraConfig *c, const Json *json, const char *path)
{
    *c = (LoraConfig){0};
    Status status = read_all(c, json, path);
    if (status != STATUS_OK) lora_config_free(c);
    return status;
}

Status lora_config_read(LoraConfig *c, const char *path)
{
    Json *json = NULL;
    *c = (LoraConfig){0};
    TRY(json_read(&json, path));
    Status status = lora_config_from_json(c, json, path);
    json_free(json);
    return status;
}

static Json *words_to_json(const Words *words)
{
    if (!words->n) return json_new_null();
    if (words->pattern) return json_new_string(words->item[0]);
    Json *list = json_new_array();
    for (int i = 0; i < words->n; i++) json_push(list, json_new_string(words->item[i]));
    return list;
}

static Json *json_or_null(const Json *value) { return value ? json_copy(value) : json_new_null(); }

static Json *integers_to_json(const Integers *integers)
{
    if (!integers->n) return json_new_null();
    Json *list = json_new_array();
    for (int i = 0; i < integers->n; i++) json_push(list, json_new_integer(integers->item[i]));
    return list;
}

static Json *number_to_json(double x) { return x == floor(x) && fabs(x) < 1e15 ? json_new_integer((int64_t)x) : json_new_real(x); }

static Json *init_to_json(LoraInit init) { return init == LORA_INIT_GAUSSIAN ? json_new_string("gaussian") : json_new_bool(init == LORA_INIT_TRUE); }

Json *lora_config_to_json(const LoraConfig *c)
{
    static const char *const nulls[] = { "alora_invocation_tokens", "arrow_config", "auto_mapping", "corda_config", "eva_config", "kasa_config",
        "lora_ga_config", "megatron_config", "monteclora_config", "revision", "target_parameters", "use_bdlora", "velora_config" };
    static const char *const falses[] = { "use_dora", "use_qalora" };
    Json *json = json_new_object();
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) json_set(json, nulls[i], json_new_null());
    for (size_t i = 0; i < sizeof falses / sizeof *falses; i++) json_set(json, falses[i], json_new_bool(false));
    json_set(json, "alpha_pattern", c->alpha_pattern ? json_copy(c->alpha_pattern) : json_new_object());
    json_set(json, "base_model_name_or_path", json_new_string(c->base_model_name_or_path));
    json_set(json, "bias", json_new_string(biases[c->bias]));
    json_set(json, "ensure_weight_tying", json_new_bool(c->ensure_weight_tying));
    json_set(json, "exclude_modules", words_to_json(&c->exclude_modules));
    json_set(json, "fan_in_fan_out", json_new_bool(c->fan_in_fan_out));
    json_set(json, "inference_mode", json_new_bool(true));
    json_set(json, "init_lora_weights", init_to_json(c->init));
    json_set(json, "layer_replication", json_or_null(c->layer_replication));
    json_set(json, "layers_pattern", words_to_json(&c->layers_pattern));
    json_set(json, "layers_to_transform", integers_to_json(&c->layers_to_transform));
    json_set(json, "loftq_config", json_new_object());
    json_set(json, "lora_alpha", number_to_json(c->lora_alpha));
    json_set(json, "lora_bias", json_new_bool(c->lora_bias));
    json_set(json, "lora_dropout", json_new_real(c->lora_dropout));
    json_set(json, "megatron_core", json_new_string("megatron.core"));
    json_set(json, "modules_to_save", words_to_json(&c->modules_to_save));
    json_set(json, "peft_type", json_new_string("LORA"));
    json_set(json, "peft_version", json_new_string("0.21.2"));
    json_set(json, "qalora_group_size", json_new_integer(16));
    json_set(json, "r", json_new_integer(c->r));
    json_set(json, "rank_pattern", c->rank_pattern ? json_copy(c->rank_pattern) : json_new_object());
    json_set(json, "target_modules", words_to_json(&c->target_modules));
    json_set(json, "task_type", json_new_string("CAUSAL_LM"));
    json_set(json, "trainable_token_indices", json_or_null(c->trainable_token_indices));
    json_set(json, "use_rslora", json_new_bool(c->use_rslora));
    return json;
}

static void free_words(Words *words)
{
    for (int i = 0; i < words->n; i++) free(words->item[i]);
    free(words->item);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* A value as text, lists of names in order of name: PEFT saves them in any order. */
static char *comparable(Json *config, const char *key)
{
    const Json *value = json_get(config, key);
    int n = (int)json_count(value);
    Buffer text = {0};
    if (json_kind(value) != JSON_ARRAY || !n || json_kind(json_first(value)) != JSON_STRING) {
        json_print(&text, value, (JsonStyle){ .sort_keys = true });
        return buffer_take(&text);
    }
    const char **name = memory_new((size_t)n, sizeof *name);
    int i = 0;
    for (const Json *item = json_first(value); item; item = json_next(item)) name[i++] = json_string(item);
    qsort(name, (size_t)n, sizeof *name, by_text);
    for (i = 0; i < n; i++) buffer_format(&text, "%s%s", i ? ", " : "", name[i]);
    free(name);
    return buffer_take(&text);
}

Status lora_config_check(const LoraConfig *c, const char *path, const Recipe *r)
{
    static const char *const keys[][2] = {
        { "lora_r", "r" }, { "lora_alpha", "lora_alpha" }, { "lora_dropout", "lora_dropout" }, { "use_rslora", "use_rslora" },
        { "lora_target_modules", "target_modules" }, { "exclude_modules", "exclude_modules" }, { "layers_pattern", "layers_pattern" },
        { "layers_to_transform", "layers_to_transform" }, { "rank_pattern", "rank_pattern" }, { "alpha_pattern", "alpha_pattern" }, { "bias", "bias" },
        { "lora_bias", "lora_bias" }, { "lora_modules_to_save", "modules_to_save" }, { "ensure_weight_tying", "ensure_weight_tying" },
        { "trainable_token_indices", "trainable_token_indices" }, { "layer_replication", "layer_replication" } };
    LoraConfig asked;
    lora_config_from_recipe(&asked, r);
    Json *ours = lora_config_to_json(&asked), *theirs = lora_config_to_json(c);
    Status status = STATUS_OK;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && status == STATUS_OK; i++) {
        if (!json_get(r->given, keys[i][0])) continue;
        char *mine = comparable(ours, keys[i][1]), *saved = comparable(theirs, keys[i][1]);
        if (strcmp(mine, saved))
            status = fail(STATUS_INPUT, "%s is %s, but %s, which training continues, says %s %s; leave the key out", keys[i][0], mine, path, keys[i][1], saved);
        free(mine);
        free(saved);
    }
    json_free(ours);
    json_free(theirs);
    lora_config_free(&asked);
    return status;
}

void lora_config_free(LoraConfig *c)
{
    free(c->base_model_name_or_path);
    free_words(&c->target_modules);
    free_words(&c->exclude_modules);
    free_words(&c->layers_pattern);
    free_words(&c->modules_to_save);
    free(c->layers_to_transform.item);
    json_free(c->rank_pattern);
    json_free(c->alpha_pattern);
    json_free(c->trainable_token_indices);
    json_free(c->layer_replication);
    *c = (LoraConfig){0};
}
