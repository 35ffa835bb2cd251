#include "train/adapter/folder.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/safetensors.h"
#include "kernels/memory.h"

static Status save_config(const Adapter *adapter, const char *dir)
{
    Json *json = lora_config_to_json(&adapter->config);
    Status status = json_save(json, dir, "adapter_config.json", (JsonStyle){ .indent = 2, .sort_keys = true, .ascii = true });
    json_free(json);
    return status;
}

static Status save_tensors(const Adapter *adapter, const char *dir)
{
    const State *state = adapter->state;
    TensorEntry *entry = memory_new((size_t)state->n_params, sizeof *entry);
    for (int i = 0; i < state->n_params; i++) {
        const Param *p = &state->param[i];
        entry[i] = (TensorEntry){ .name = p->name, .dtype = DTYPE_F32, .n_dims = 2, .dims = { p->rows, p->cols }, .bytes = state->value + p->offset,
                                  .n_bytes = p->rows * p->cols * (int64_t)sizeof(float) };
    }
    char *path = memory_format("%s/adapter_model.safetensors", dir);
    Status status = safetensors_save(path, entry, state->n_params);
    free(path);
    free(entry);
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
    if (t->n_dims != 2 || t->dims[0] != p->rows || t->dims[1] != p->cols) {
        char found[TENSOR_SHAPE_TEXT];
        return fail(STATUS_INPUT, "%s: tensor %s: shape %s, expected [%lld, %lld]", path, p->name, tensor_shape(found, t->n_dims, t->dims),
                    (long long)p->rows, (long long)p->cols);
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

/* A tensor that no parameter takes means another base model or another config: never passed over. */
static Status refuse_leftover(const State *state, const Safetensors *file, const char *path)
{
    for (int i = 0; file->tensors.n != state->n_params && i < file->tensors.n; i++)
        if (!has_param(state, file->tensors.entry[i].name))
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
    status = refuse_leftover(state, &file, path);
done:
    safetensors_close(&file);
    free(path);
    return status;
}

Status adapter_folder_open(Adapter *adapter, State *state, const Model *model, const char *dir, Notices *notices)
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
