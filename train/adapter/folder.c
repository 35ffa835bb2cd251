#include "train/adapter/folder.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/safetensors.h"
#include "kernels/memory.h"
#include "train/adapter/param_tensors.h"

static Status save_config(const Adapter *adapter, const char *dir)
{
    Json *json = lora_config_to_json(&adapter->config);
    Status status = json_save(json, dir, "adapter_config.json", (JsonStyle){ .indent = 2, .sort_keys = true, .ascii = true });
    json_free(json);
    return status;
}

static Status save_tensors(const Adapter *adapter, const char *dir)
{
    ParamTensors tensors = param_tensors_values(adapter);
    char *path = memory_format("%s/adapter_model.safetensors", dir);
    Status status = safetensors_save(path, tensors.entry, tensors.n);
    free(path);
    param_tensors_free(&tensors);
    return status;
}

Status adapter_folder_save(const Adapter *adapter, const char *dir)
{
    TRY(save_config(adapter, dir));
    return save_tensors(adapter, dir);
}

static Status load_param(const Param *p, const Safetensors *file, const char *path, float *value)
{
    const TensorEntry *t = tensors_find(&file->tensors, p->name);
    if (!t) return fail(STATUS_INPUT, "%s: tensor %s is missing", path, p->name);
    int64_t expected[2] = { p->vector ? p->cols : p->rows, p->cols };
    int n_dims = p->vector ? 1 : 2;
    if (t->n_dims != n_dims || memcmp(t->dims, expected, (size_t)n_dims * sizeof *expected)) {
        char found[TENSOR_SHAPE_TEXT], wanted[TENSOR_SHAPE_TEXT];
        return fail(STATUS_INPUT, "%s: tensor %s: shape %s, expected %s", path, p->name, tensor_shape(found, t->n_dims, t->dims),
                    tensor_shape(wanted, n_dims, expected));
    }
    if (t->dtype != DTYPE_F32 && t->dtype != DTYPE_F16 && t->dtype != DTYPE_BF16)
        return fail(STATUS_INPUT, "%s: tensor %s: an adapter's weights are F32, F16 or BF16, found %s", path, p->name, dtype_rows[t->dtype].name);
    dtype_rows[t->dtype].decode(t->bytes, p->rows * p->cols, value);
    return STATUS_OK;
}

static bool has_param(const State *state, const char *name)
{
    for (int i = 0; i < state->n_params; i++)
        if (!strcmp(state->param[i].name, name)) return true;
    return false;
}

/* What PEFT writes of a module beside its parameters: the base's own weights, the shared one, with bias "all" those of a trained copy. */
static bool is_copy(const Adapter *adapter, const Module *module, const char *suffix)
{
    const Adapted *at = &adapter->at[module->index];
    if (at->n) return !strcmp(suffix, "base_layer.weight");
    if (at->weight == NO_PARAM) return false;
    return !strcmp(suffix, "weight") || !strcmp(suffix, "original_module.bias") || !strcmp(suffix, "modules_to_save.bias");
}

static bool may_be_there(const Adapter *adapter, const char *name)
{
    static const char prefix[] = "base_model.model.";
    size_t skip = strlen(prefix);
    if (has_param(adapter->state, name)) return true;
    for (int i = 0; !strncmp(name, prefix, skip) && i < adapter->modules.n; i++) {
        const Module *module = &adapter->modules.item[i];
        size_t n = strlen(module->path);
        if (!strncmp(name + skip, module->path, n) && name[skip + n] == '.' && is_copy(adapter, module, name + skip + n + 1)) return true;
    }
    return false;
}

/* A tensor that no parameter takes means another base model or another config: never passed over. */
static Status refuse_leftover(const Adapter *adapter, const Safetensors *file, const char *path)
{
    for (int i = 0; file->tensors.n != adapter->state->n_params && i < file->tensors.n; i++)
        if (!may_be_there(adapter, file->tensors.entry[i].name))
            return fail(STATUS_INPUT, "%s: tensor %s has no place on this model: the adapter belongs to another base model, or adapts what graft does not", path, file->tensors.entry[i].name);
    return STATUS_OK;
}

Status adapter_folder_load(const Adapter *adapter, const char *dir)
{
    char *path = memory_format("%s/adapter_model.safetensors", dir);
    Safetensors file = {0};
    Status status;
    TRY_GOTO(done, status, safetensors_open(&file, path));
    const State *state = adapter->state;
    for (int i = 0; i < state->n_params; i++) TRY_GOTO(done, status, load_param(&state->param[i], &file, path, state->value + state->param[i].offset));
    status = refuse_leftover(adapter, &file, path);
done:
    safetensors_close(&file);
    free(path);
    return status;
}

Status adapter_folder_open(Adapter *adapter, State *state, Model *model, const char *dir, Notices *notices)
{
    char *path = memory_format("%s/adapter_config.json", dir);
    LoraConfig config;
    Status status = lora_config_read(&config, path);
    free(path);
    TRY(status);
    TRY(adapter_attach(adapter, state, model, &config, notices));
    TRY(state_allocate(state));
    return adapter_folder_load(adapter, dir);
}
