/* What `graft inspect` says of base models and of files of tensors. */
#include <stdlib.h>
#include <unistd.h>

#include "data/file/safetensors.h"
#include "data/text/chat_template.h"
#include "kernels/memory.h"
#include "train/deploy/end_tokens.h"
#include "train/model/model.h"
#include "train/deploy/inspect.h"

static void put_string(Json *out, const char *key, const char *value) { json_set(out, key, json_new_string(value)); }
static void put_integer(Json *out, const char *key, int64_t value) { json_set(out, key, json_new_integer(value)); }
static void put_real(Json *out, const char *key, double value) { json_set(out, key, json_new_real(value)); }
static void put_bool(Json *out, const char *key, bool value) { json_set(out, key, json_new_bool(value)); }

static Json *put_section(Json *out, const char *key)
{
    Json *section = json_new_object();
    json_set(out, key, section);
    return section;
}

static void put_sizes(Json *out, const ModelConfig *c)
{
    Json *s = put_section(out, "sizes");
    put_integer(s, "num_hidden_layers", c->num_hidden_layers);
    put_integer(s, "hidden_size", c->hidden_size);
    put_integer(s, "intermediate_size", c->intermediate_size);
    put_integer(s, "num_attention_heads", c->num_attention_heads);
    put_integer(s, "num_key_value_heads", c->num_key_value_heads);
    put_integer(s, "head_dim", c->head_dim);
    put_integer(s, "vocab_size", c->vocab_size);
    put_bool(s, "tie_word_embeddings", c->tie_word_embeddings);
    put_bool(s, "qkv_bias", c->qkv_bias);
    put_bool(s, "o_bias", c->o_bias);
    put_bool(s, "mlp_bias", c->mlp_bias);
}

static void put_rope(Json *s, const Model *m, int table)
{
    const Rope *rope = &m->rope[table];
    const RopeParameters *p = &rope->parameters;
    put_real(s, "rope_theta", p->theta);
    put_string(s, "rope_type", rope->freq_factors ? "factors in the file (rope_freqs)" : rope_type_names[p->type]);
    if (p->rotary_dim != m->config.head_dim) put_integer(s, "rotary_dim", p->rotary_dim);
    if (p->type != ROPE_TYPE_DEFAULT) put_real(s, "factor", p->factor);
    if (p->type >= ROPE_TYPE_LLAMA3) put_real(s, "original_max_position_embeddings", p->original_max_position_embeddings);
}

static int count_windows(const ModelConfig *c, int32_t *window)
{
    int n = 0;
    for (int64_t i = 0; i < c->num_hidden_layers; i++)
        if (c->layer[i].window) *window = c->layer[i].window, n++;
    return n;
}

static void put_positions(Json *out, const Model *m)
{
    const ModelConfig *c = &m->config;
    int32_t window = 0;
    int n_windows = count_windows(c, &window);
    Json *s = put_section(out, "positions");
    put_integer(s, "max_position_embeddings", c->max_position_embeddings);
    if (m->positions.bytes) put_string(s, "kind", "learned");
    if (c->n_ropes) put_rope(s, m, 0);
    if (c->n_ropes > 1) put_rope(put_section(s, "layers with a window"), m, 1);
    if (!n_windows) return;
    put_integer(s, "sliding_window", window);
    put_integer(s, "layers_with_a_window", n_windows);
}

static void put_part(Json *out, const Tokenizer *t, const char *key, TokenPart part)
{
    if (!tokenizer_part(t, part)) return;
    char *text = memory_format("%s (%d)", tokenizer_part(t, part), tokenizer_part_id(t, part));
    put_string(out, key, text);
    free(text);
}

/* A template that cannot be parsed is an error here as it is where it is used. */
static Status put_template(Json *out, const char *source, const char *tool_use)
{
    ChatTemplate *t = NULL;
    put_bool(out, "chat_template", source != NULL);
    if (!source) return STATUS_OK;
    TRY(chat_template_open(&t, "chat template", source));
    put_bool(out, "chat_template_marks_generation", chat_template_marks_generation(t));
    if (tool_use) put_bool(out, "chat_template_tool_use", true);
    Status status = tool_use ? chat_template_add_tool_use(t, "chat template tool_use", tool_use) : STATUS_OK;
    chat_template_close(t);
    return status;
}

static void put_ends(Json *out, const EndTokens *ends, const Tokenizer *t)
{
    Json *list = json_new_array();
    for (int i = 0; i < ends->n; i++) {
        const char *token = tokenizer_token(t, ends->id[i]);
        char *text = memory_format("%s (%d)", token ? token : "?", ends->id[i]);
        json_push(list, json_new_string(text));
        free(text);
    }
    json_set(out, "end_tokens", list);
}

static Status put_open_tokenizer(Json *out, const Tokenizer *t, const Model *model)
{
    Json *s = put_section(out, "tokenizer");
    EndTokens ends;
    put_string(s, "kind", tokenizer_kind(t));
    put_integer(s, "tokens", tokenizer_size(t));
    put_part(s, t, "bos_token", TOKEN_BOS);
    put_part(s, t, "eos_token", TOKEN_EOS);
    put_part(s, t, "pad_token", TOKEN_PAD);
    put_part(s, t, "unk_token", TOKEN_UNK);
    TRY(end_tokens_find(&ends, model->path, t));
    put_ends(s, &ends, t);
    end_tokens_free(&ends);
    return put_template(s, tokenizer_chat_template(t), tokenizer_tool_template(t));
}

static bool has_tokenizer(const Model *model)
{
    if (model->gguf.path) return gguf_find(&model->gguf, "tokenizer.ggml.model") != NULL;
    char *file = memory_format("%s/tokenizer.json", model->path);
    bool there = !access(file, F_OK);
    free(file);
    return there;
}

/* A model may have none: rows of tokens can be trained all the same. */
static Status put_tokenizer(Json *out, const Model *model)
{
    if (!has_tokenizer(model)) {
        json_set(out, "tokenizer", json_new_null());
        return STATUS_OK;
    }
    Tokenizer *t = NULL;
    Notices notices = {0};
    Status status = tokenizer_open(&t, model->path, &notices);
    if (status == STATUS_OK) status = put_open_tokenizer(out, t, model);
    tokenizer_close(t);
    notices_free(&notices);
    return status;
}

static void put_weights(Json *out, const Model *model)
{
    Buffer dtypes = {0};
    model_dtypes(model, &dtypes);
    put_integer(out, "parameters", model_parameters(model));
    put_integer(out, "bytes", model_weight_bytes(model));
    put_string(out, "dtypes", dtypes.data);
    buffer_free(&dtypes);
}

static void put_name(Json *out, const Gguf *gguf)
{
    const GgufValue *value = gguf_find(gguf, "general.name");
    if (!value) return;
    char *name = gguf_copy_string(value, 0);
    put_string(out, "name", name);
    free(name);
}

Status inspect_model(Json *report, const char *path)
{
    Model model;
    TRY(model_open(&model, path));
    put_string(report, "kind", model.gguf.path ? "base model (GGUF)" : "base model");
    if (model.gguf.path) put_name(report, &model.gguf);
    put_string(report, "architecture", model.config.family->model_type);
    if (model.config.multimodal) put_string(report, "text_part_of", model.config.family->text_of);
    put_weights(report, &model);
    put_sizes(report, &model.config);
    put_positions(report, &model);
    Status status = put_tokenizer(report, &model);
    model_close(&model);
    return status;
}

static int64_t elements(const TensorEntry *t)
{
    int64_t n = 1;
    for (int i = 0; i < t->n_dims; i++) n *= t->dims[i];
    return n;
}

Status inspect_tensors(Json *report, const char *path)
{
    Safetensors file = {0};
    TRY(safetensors_open(&file, path));
    int64_t n = 0, bytes = 0;
    Json *list = json_new_object();
    for (int i = 0; i < file.tensors.n; i++) {
        const TensorEntry *t = &file.tensors.entry[i];
        char shape[TENSOR_SHAPE_TEXT], *text = memory_format("%s %s", dtype_rows[t->dtype].name, tensor_shape(shape, t->n_dims, t->dims));
        n += elements(t);
        bytes += t->n_bytes;
        put_string(list, t->name, text);
        free(text);
    }
    put_string(report, "kind", "tensors (safetensors)");
    put_integer(report, "tensors", file.tensors.n);
    put_integer(report, "elements", n);
    put_integer(report, "bytes", bytes);
    json_set(report, "contents", list);
    safetensors_close(&file);
    return STATUS_OK;
}
