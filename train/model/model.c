#include "train/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

const Tensors *model_tensors(const Model *m) { return m->gguf.path ? &m->gguf.tensors : &m->folder.tensors; }

/* A tensor that must be there with this shape; cols 0: a vector. */
static Status need(const Model *m, const char *name, int64_t rows, int64_t cols, const TensorEntry **out)
{
    const TensorEntry *t = tensors_find(model_tensors(m), name);
    if (!t) return fail(STATUS_INPUT, "%s: tensor %s is missing", m->path, name);
    int64_t expected[2] = { rows, cols };
    int n_dims = cols ? 2 : 1;
    if (t->n_dims != n_dims || memcmp(t->dims, expected, (size_t)n_dims * sizeof *expected)) {
        char found[TENSOR_SHAPE_TEXT], wanted[TENSOR_SHAPE_TEXT];
        return fail(STATUS_INPUT, "%s: tensor %s: shape %s, expected %s", t->file, name, tensor_shape(found, t->n_dims, t->dims),
                    tensor_shape(wanted, n_dims, expected));
    }
    if (!dtype_rows[t->dtype].decode)
        return fail(STATUS_INPUT, "%s: tensor %s: a weight cannot be %s", t->file, name, dtype_rows[t->dtype].name);
    *out = t;
    return STATUS_OK;
}

static Status need_vector(const Model *m, const char *name, int64_t n, float **out)
{
    const TensorEntry *t;
    TRY(need(m, name, n, 0, &t));
    *out = memory_new((size_t)n, sizeof **out);
    dtype_rows[t->dtype].decode(t->bytes, n, *out);
    return STATUS_OK;
}

static Status need_weight(const Model *m, const char *name, int64_t rows, int64_t cols, Weight *out)
{
    const TensorEntry *t;
    TRY(need(m, name, rows, cols, &t));
    *out = (Weight){ .name = t->name, .dtype = t->dtype, .bytes = t->bytes, .rows = rows, .cols = cols };
    return STATUS_OK;
}

/* A layer's tensor in either format's spelling. */
static const char *layer_name(const Model *m, int layer, const char *hf, const char *gguf, const char *suffix, char out[160])
{
    if (m->gguf.path) snprintf(out, 160, "blk.%d.%s%s", layer, gguf, suffix);
    else snprintf(out, 160, "model.layers.%d.%s%s", layer, hf, suffix);
    return out;
}

/* [out, in] of a site. */
static void site_shape(const ModelConfig *c, SiteKind kind, int64_t *out, int64_t *in)
{
    int64_t q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim;
    const int64_t shape[SITE_KINDS][2] = {
        [SITE_Q] = { q, c->hidden_size }, [SITE_K] = { kv, c->hidden_size }, [SITE_V] = { kv, c->hidden_size }, [SITE_O] = { c->hidden_size, q },
        [SITE_GATE] = { c->intermediate_size, c->hidden_size }, [SITE_UP] = { c->intermediate_size, c->hidden_size },
        [SITE_DOWN] = { c->hidden_size, c->intermediate_size },
    };
    *out = shape[kind][0];
    *in = shape[kind][1];
}

/* GGUF's llama converter interleaves the halves of each head of q and k; a bias is put back in order here, a weight stays. */
static void unpair(float *b, int64_t n, int64_t n_heads)
{
    float *stored = memory_copy(b, (size_t)n, sizeof *b);
    int64_t head_dim = n / n_heads;
    for (int64_t i = 0; i < n; i++) {
        int64_t in_head = i % head_dim;
        b[i] = stored[i - in_head + 2 * (in_head % (head_dim / 2)) + in_head / (head_dim / 2)];
    }
    free(stored);
}

static Status open_site(Model *m, int layer, SiteKind kind)
{
    const ModelConfig *c = &m->config;
    const SiteName *name = &c->family->site[kind];
    Site *site = &m->layer[layer].site[kind];
    char tensor[160];
    int64_t out, in;
    site_shape(c, kind, &out, &in);
    site->kind = kind;
    site->layer = layer;
    site->index = layer * SITE_KINDS + (int)kind;
    site->path = memory_format("model.layers.%d.%s", layer, name->module);
    TRY(need_weight(m, layer_name(m, layer, name->module, name->gguf, ".weight", tensor), out, in, &site->w));
    bool attention = kind <= SITE_O, paired = m->gguf.path && c->family->gguf_pairs_heads && kind <= SITE_K;
    int64_t heads = kind == SITE_Q ? c->num_attention_heads : c->num_key_value_heads;
    if (paired) site->w.paired_heads = (int32_t)heads;
    layer_name(m, layer, name->module, name->gguf, ".bias", tensor);
    bool biased = attention ? c->attention_bias : c->mlp_bias;
    if (m->gguf.path) biased = tensors_find(model_tensors(m), tensor) != NULL;
    if (!biased) return STATUS_OK;
    TRY(need_vector(m, tensor, out, &site->b));
    if (paired) unpair(site->b, out, heads);
    return STATUS_OK;
}

static Status open_layer(Model *m, int i)
{
    char tensor[160];
    Layer *layer = &m->layer[i];
    TRY(need_vector(m, layer_name(m, i, "input_layernorm", "attn_norm", ".weight", tensor), m->config.hidden_size, &layer->input_norm));
    TRY(need_vector(m, layer_name(m, i, "post_attention_layernorm", "ffn_norm", ".weight", tensor), m->config.hidden_size, &layer->post_norm));
    for (int kind = 0; kind < SITE_KINDS; kind++) TRY(open_site(m, i, (SiteKind)kind));
    return STATUS_OK;
}

static Status open_weights(Model *m)
{
    const ModelConfig *c = &m->config;
    bool gguf = m->gguf.path != NULL;
    TRY(need_weight(m, gguf ? "token_embd.weight" : "model.embed_tokens.weight", c->vocab_size, c->hidden_size, &m->embedding));
    m->head = m->embedding;
    if (!c->tie_word_embeddings) TRY(need_weight(m, gguf ? "output.weight" : "lm_head.weight", c->vocab_size, c->hidden_size, &m->head));
    TRY(need_vector(m, gguf ? "output_norm.weight" : "model.norm.weight", c->hidden_size, &m->norm));
    m->layer = memory_new((size_t)c->num_hidden_layers, sizeof *m->layer);
    m->n_sites = (int)c->num_hidden_layers * SITE_KINDS;
    for (int i = 0; i < c->num_hidden_layers; i++) TRY(open_layer(m, i));
    float *factors = NULL;
    if (gguf && tensors_find(model_tensors(m), "rope_freqs.weight")) TRY(need_vector(m, "rope_freqs.weight", c->head_dim / 2, &factors));
    rope_init(&m->rope, c, factors);
    free(factors);
    return STATUS_OK;
}

static Status open_folder(Model *m)
{
    char *path = memory_format("%s/config.json", m->path);
    Json *json = NULL;
    Status status;
    TRY_GOTO(done, status, json_read(&json, path));
    TRY_GOTO(done, status, config_from_json(&m->config, json, path));
    TRY_GOTO(done, status, safetensors_open_model(&m->folder, m->path));
done:
    json_free(json);
    free(path);
    return status;
}

static Status open_gguf(Model *m)
{
    TRY(gguf_open(&m->gguf, m->path));
    return config_from_gguf(&m->config, &m->gguf);
}

Status model_open(Model *m, const char *path)
{
    *m = (Model){ .path = memory_string(path) };
    Status status;
    TRY_GOTO(failed, status, gguf_is_named(path) ? open_gguf(m) : open_folder(m));
    TRY_GOTO(failed, status, open_weights(m));
    return STATUS_OK;
failed:
    model_close(m);
    return status;
}

void model_close(Model *m)
{
    for (int i = 0; m->layer && i < m->config.num_hidden_layers; i++) {
        free(m->layer[i].input_norm);
        free(m->layer[i].post_norm);
        for (int k = 0; k < SITE_KINDS; k++) {
            free(m->layer[i].site[k].path);
            free(m->layer[i].site[k].b);
        }
    }
    free(m->layer);
    free(m->norm);
    free(m->path);
    rope_free(&m->rope);
    safetensors_close(&m->folder);
    gguf_close(&m->gguf);
    *m = (Model){0};
}

Site *model_site(const Model *m, int index) { return &m->layer[index / SITE_KINDS].site[index % SITE_KINDS]; }

int64_t model_parameters(const Model *m)
{
    const ModelConfig *c = &m->config;
    int64_t n = c->vocab_size * c->hidden_size * (c->tie_word_embeddings ? 1 : 2) + c->hidden_size * (1 + 2 * c->num_hidden_layers);
    for (int i = 0; i < m->n_sites; i++) {
        const Site *site = model_site(m, i);
        n += site->w.rows * site->w.cols + (site->b ? site->w.rows : 0);
    }
    return n;
}

int64_t model_weight_bytes(const Model *m)
{
    int64_t bytes = 0;
    for (int i = 0; i < model_tensors(m)->n; i++) bytes += model_tensors(m)->entry[i].n_bytes;
    return bytes;
}

void model_dtypes(const Model *m, Buffer *out)
{
    int64_t bytes[DTYPE_COUNT] = {0};
    for (int i = 0; i < model_tensors(m)->n; i++) bytes[model_tensors(m)->entry[i].dtype] += model_tensors(m)->entry[i].n_bytes;
    for (bool first = true;; first = false) {
        int most = 0;
        for (int d = 1; d < DTYPE_COUNT; d++)
            if (bytes[d] > bytes[most]) most = d;
        if (!bytes[most]) return;
        buffer_format(out, "%s%s", first ? "" : ", ", dtype_rows[most].name);
        bytes[most] = 0;
    }
}
