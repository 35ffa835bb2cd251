#include "train/model/model.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/model/weights.h"

const Tensors *model_tensors(const Model *m) { return m->gguf.path ? &m->gguf.tensors : &m->folder.tensors; }

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
    TRY_GOTO(failed, status, weights_open(m));
    return STATUS_OK;
failed:
    model_close(m);
    return status;
}

void model_close(Model *m)
{
    weights_close(m);
    free(m->path);
    for (int i = 0; i < MAX_ROPES; i++) rope_free(&m->rope[i]);
    config_free(&m->config);
    safetensors_close(&m->folder);
    gguf_close(&m->gguf);
    *m = (Model){0};
}

Site *model_site(const Model *m, int index)
{
    const Family *f = m->config.family;
    return &m->layer[index / family_sites(f)].site[f->site[index % family_sites(f)].kind];
}

/* The file's layers: replicas of them hold nothing of their own. */
static const Layer *own_layers(const Model *m, int *n)
{
    *n = m->source ? m->n_sources : (int)m->config.num_hidden_layers;
    return m->source ? m->source : m->layer;
}

static int64_t norm_parameters(const Norm *norm) { return (norm->w ? norm->n : 0) + (norm->b ? norm->n : 0); }

static int64_t layer_parameters(const Layer *layer)
{
    int64_t n = 0;
    for (int k = 0; k < NORM_KINDS; k++) n += norm_parameters(&layer->norm[k]);
    for (int k = 0; k < SITE_KINDS; k++) n += layer->site[k].w.rows * layer->site[k].w.cols + (layer->site[k].b ? layer->site[k].w.rows : 0);
    return n;
}

int64_t model_embedding_parameters(const Model *m)
{
    return m->embedding.rows * m->embedding.cols + m->positions.rows * m->positions.cols;
}

int64_t model_parameters(const Model *m)
{
    const ModelConfig *c = &m->config;
    int64_t n = model_embedding_parameters(m) + norm_parameters(&m->norm) + (m->head_bias ? c->vocab_size : 0);
    if (!c->tie_word_embeddings) n += m->head.rows * m->head.cols;
    int n_layers;
    const Layer *layer = own_layers(m, &n_layers);
    for (int i = 0; i < n_layers; i++) n += layer_parameters(&layer[i]);
    return n;
}

Status model_check_length(const Model *m, int64_t longest)
{
    if (!m->positions.bytes || longest <= m->positions.rows) return STATUS_OK;
    return fail(STATUS_INPUT, "%s has %lld learned positions, and %lld tokens stand behind each other; a smaller max_length cuts them", m->path,
                (long long)m->positions.rows, (long long)longest);
}

int64_t model_table_bytes(const Model *m, int64_t positions)
{
    int64_t bytes = 0;
    for (int i = 0; i < m->config.n_ropes; i++) {
        const RopeParameters *p = &m->config.rope[i];
        bytes += positions * p->rotary_dim * (int64_t)sizeof(float) * (p->query_scaling_beta != 0 ? 2 : 1);
    }
    return bytes;
}

void model_reserve_positions(Model *m, int64_t positions)
{
    for (int i = 0; i < m->config.n_ropes; i++) rope_reserve(&m->rope[i], positions);
}

void model_meet(Model *m, int64_t longest)
{
    for (int i = 0; i < m->config.n_ropes; i++) rope_meet(&m->rope[i], longest);
}

int64_t model_seen(const Model *m)
{
    int64_t seen = 0;
    for (int i = 0; i < m->config.n_ropes; i++) seen = m->rope[i].seen > seen ? m->rope[i].seen : seen;
    return seen;
}

void model_restore_seen(Model *m, int64_t seen)
{
    for (int i = 0; i < m->config.n_ropes; i++) rope_restore(&m->rope[i], seen);
}

/* A multimodal file holds more than the text part: its images' tensors are never touched. */
static int64_t text_bytes(const Model *m, const TensorEntry *t)
{
    return !m->config.multimodal || strstr(t->name, "language_model") || !strncmp(t->name, m->head_path, strlen(m->head_path)) ? t->n_bytes : 0;
}

int64_t model_weight_bytes(const Model *m)
{
    int64_t bytes = 0;
    for (int i = 0; i < model_tensors(m)->n; i++) bytes += text_bytes(m, &model_tensors(m)->entry[i]);
    return bytes;
}

int64_t model_copied_bytes(const Model *m)
{
    int64_t bytes = 0;
    int n_layers;
    const Layer *layer = own_layers(m, &n_layers);
    for (int i = 0; i < n_layers; i++)
        for (int k = 0; k < SITE_KINDS; k++) {
            const Site *site = &layer[i].site[k];
            if (site->copy) bytes += site->w.rows * dtype_row_bytes(site->w.dtype, site->w.cols);
        }
    return bytes;
}

void model_dtypes(const Model *m, Buffer *out)
{
    int64_t bytes[DTYPE_COUNT] = {0};
    for (int i = 0; i < model_tensors(m)->n; i++) bytes[model_tensors(m)->entry[i].dtype] += text_bytes(m, &model_tensors(m)->entry[i]);
    for (bool first = true;; first = false) {
        int most = 0;
        for (int d = 1; d < DTYPE_COUNT; d++)
            if (bytes[d] > bytes[most]) most = d;
        if (!bytes[most]) return;
        buffer_format(out, "%s%s", first ? "" : ", ", dtype_rows[most].name);
        bytes[most] = 0;
    }
}
