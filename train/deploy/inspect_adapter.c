/* What `graft inspect` says of adapters and of the training that made them. Sizes of A and B are root mean squares: B starts
 * at zero, on an embedding A does, and an adapter whose every such factor is zero changes nothing, unless it trains weights of the base. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/file/safetensors.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/deploy/inspect.h"


static void put_copy(Json *out, const char *key, const Json *from, const char *name)
{
    const Json *value = json_get(from, name);
    if (json_kind(value) != JSON_NULL) json_set(out, key, json_copy(value));
}

static void put_config(Json *out, const LoraConfig *c)
{
    Json *all = lora_config_to_json(c);
    const char *const shown[] = { "peft_type", "base_model_name_or_path", "r", "lora_alpha", "use_rslora", "lora_dropout", "target_modules", "exclude_modules",
                                  "layers_to_transform", "rank_pattern", "alpha_pattern", "modules_to_save", "trainable_token_indices", "layer_replication" };
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const Json *value = json_get(all, shown[i]);
        bool empty = (json_kind(value) == JSON_OBJECT || json_kind(value) == JSON_ARRAY) && !json_count(value);
        if (!empty) put_copy(out, shown[i], all, shown[i]);
    }
    if (c->bias != TRAIN_BIAS_NONE) put_copy(out, "bias", all, "bias");
    json_free(all);
}

/* The values */

typedef enum { FACTOR_A, FACTOR_B, OTHER, NOT_TRAINED } Part;      /* other: biases, and weights of the base */
typedef struct { double squares[OTHER + 1]; int64_t n[OTHER + 1], modules, zero, broken; } Values;

static bool ends_in(const char *name, const char *end) { return strlen(name) >= strlen(end) && !strcmp(name + strlen(name) - strlen(end), end); }

static Part part_of(const char *name)
{
    static const struct { const char *end; Part part; } parts[] = {
        { ".lora_A.weight", FACTOR_A }, { ".lora_embedding_A", FACTOR_A }, { ".lora_B.weight", FACTOR_B }, { ".lora_embedding_B", FACTOR_B },
        { ".base_layer.weight", NOT_TRAINED }, { ".original_module.weight", NOT_TRAINED }, { ".original_module.bias", NOT_TRAINED } };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (ends_in(name, parts[i].end)) return parts[i].part;
    return OTHER;
}

static void add_tensor(Values *v, const TensorEntry *t, Part which)
{
    int64_t n = t->dims[0] * (t->n_dims == 2 ? t->dims[1] : 1);
    bool starts_at_zero = which == (strstr(t->name, ".lora_embedding_") ? FACTOR_A : FACTOR_B);
    float *values = memory_new((size_t)n, sizeof *values);
    double squares = 0;
    dtype_rows[t->dtype].decode(t->bytes, n, values);
    for (int64_t i = 0; i < n; i++) squares += (double)values[i] * (double)values[i];
    free(values);
    if (!isfinite(squares)) v->broken++;
    v->squares[which] += squares;
    v->n[which] += n;
    v->modules += starts_at_zero;
    v->zero += starts_at_zero && squares == 0;
}

static Status add_tensors(Values *v, const Safetensors *file, const char *path)
{
    for (int i = 0; i < file->tensors.n; i++) {
        const TensorEntry *t = &file->tensors.entry[i];
        Part part = part_of(t->name);
        bool vector = part >= OTHER && t->n_dims == 1;
        if (strncmp(t->name, "base_model.model.", strlen("base_model.model."))) return fail(STATUS_INPUT, "%s: tensor %s is no part of a LoRA adapter", path, t->name);
        if ((t->n_dims != 2 && !vector) || !dtype_rows[t->dtype].decode) {
            char shape[TENSOR_SHAPE_TEXT];
            return fail(STATUS_INPUT, "%s: tensor %s: expected a matrix of F32, F16 or BF16, found %s %s", path, t->name, dtype_rows[t->dtype].name,
                        tensor_shape(shape, t->n_dims, t->dims));
        }
        if (part != NOT_TRAINED) add_tensor(v, t, part);
    }
    return STATUS_OK;
}

static int64_t trained(const Values *v) { return v->n[FACTOR_A] + v->n[FACTOR_B] + v->n[OTHER]; }

static double root_mean_square(const Values *v, Part which) { return v->n[which] ? sqrt(v->squares[which] / (double)v->n[which]) : 0; }

static void put_values(Json *out, const Values *v)
{
    json_set(out, "trainable_parameters", json_new_integer(trained(v)));
    json_set(out, "adapted_modules", json_new_integer(v->modules));
    json_set(out, "rms_of_A", json_new_real(root_mean_square(v, FACTOR_A)));
    json_set(out, "rms_of_B", json_new_real(root_mean_square(v, FACTOR_B)));
    if (v->n[OTHER]) json_set(out, "of_these_not_in_A_or_B", json_new_integer(v->n[OTHER]));
    if (v->broken) json_set(out, "warning", json_new_string("it holds values that are not finite numbers"));
    else if (v->zero == v->modules && !v->n[OTHER]) json_set(out, "warning", json_new_string("every B is zero: it changes nothing, as before training"));
    else if (v->zero) json_set(out, "modules_with_B_zero", json_new_integer(v->zero));
}

static Status put_tensors(Json *report, const char *dir, Values *v)
{
    char *path = memory_format("%s/adapter_model.safetensors", dir);
    Safetensors file = {0};
    Status status = safetensors_open(&file, path);
    if (status == STATUS_OK) status = add_tensors(v, &file, path);
    if (status == STATUS_OK) put_values(report, v);
    safetensors_close(&file);
    free(path);
    return status;
}

/* Where the base model is at hand: does the adapter fit, and which share of all parameters is it? */
static Status put_base(Json *report, const char *dir, const char *base, const Values *v)
{
    if (!base || access(base, F_OK)) return STATUS_OK;
    Model model;
    Adapter adapter = {0};
    State state = {0};
    Notices notices = {0};
    TRY(model_open(&model, base), "base model");
    Status status = adapter_folder_open(&adapter, &state, &model, dir, &notices);
    double share = (double)trained(v);
    if (status == STATUS_OK) json_set(report, "trainable_share", json_new_real(share / (share + (double)model_parameters(&model))));
    adapter_free(&adapter);
    state_free(&state);
    model_close(&model);
    notices_free(&notices);
    return status;
}

static bool is_checkpoint(const char *dir)
{
    char *path = realpath(dir, NULL);
    const char *name = path ? strrchr(path, '/') : NULL;
    bool checkpoint = name && !strncmp(name, "/checkpoint-", strlen("/checkpoint-"));
    free(path);
    return checkpoint;
}

Status inspect_adapter(Json *report, const char *dir)
{
    char *path = memory_format("%s/adapter_config.json", dir);
    LoraConfig config;
    Values values = {0};
    Status status = lora_config_read(&config, path);
    free(path);
    TRY(status);
    json_set(report, "kind", json_new_string(is_checkpoint(dir) ? "checkpoint" : "adapter"));
    put_config(report, &config);
    status = put_tensors(report, dir, &values);
    if (status == STATUS_OK) status = put_base(report, dir, config.base_model_name_or_path, &values);
    lora_config_free(&config);
    return status;
}

/* Training */

/* The newest entry of log_history that has `key`. */
static const Json *newest(const Json *history, const char *key)
{
    const Json *found = NULL;
    for (const Json *entry = json_first(history); entry; entry = json_next(entry))
        if (json_get(entry, key)) found = json_get(entry, key);
    return found;
}

static void put_newest(Json *out, const char *name, const Json *history, const char *key)
{
    if (newest(history, key)) json_set(out, name, json_copy(newest(history, key)));
}

Status inspect_training(Json *report, const char *dir)
{
    char *path = memory_format("%s/trainer_state.json", dir);
    Json *state = NULL;
    Status status = access(path, F_OK) ? STATUS_OK : json_read(&state, path);
    if (state && json_kind(state) != JSON_OBJECT) status = fail(STATUS_INPUT, "%s: expected an object, found %s", path, json_kind_name(state));
    free(path);
    if (state && status == STATUS_OK) {
        const Json *history = json_get(state, "log_history");
        Json *out = json_new_object();
        put_copy(out, "step", state, "global_step");
        put_copy(out, "of_steps", state, "max_steps");
        put_copy(out, "epoch", state, "epoch");
        put_newest(out, "last_loss", history, "loss");
        put_newest(out, "last_eval_loss", history, "eval_loss");
        put_newest(out, "num_tokens", history, "num_tokens");
        put_copy(out, "best_metric", state, "best_metric");
        put_copy(out, "best_step", state, "best_global_step");
        json_set(report, "training", out);
    }
    json_free(state);
    return status;
}
