#include "train/model/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static void mark_read(const Model *m, const TensorEntry *t)
{
    if (t) m->tensor_read[t - model_tensors(m)->entry] = true;
}

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
    mark_read(m, t);
    *out = t;
    return STATUS_OK;
}

static float *decoded(const TensorEntry *t, int64_t n)
{
    float *out = memory_new((size_t)n, sizeof *out);
    dtype_rows[t->dtype].decode(t->bytes, n, out);
    return out;
}

static Status need_vector(const Model *m, const char *name, int64_t n, float **out)
{
    const TensorEntry *t;
    TRY(need(m, name, n, 0, &t));
    *out = decoded(t, n);
    return STATUS_OK;
}

static Status need_weight(const Model *m, const char *name, int64_t rows, int64_t cols, Weight *out)
{
    const TensorEntry *t;
    TRY(need(m, name, rows, cols, &t));
    *out = (Weight){ .name = t->name, .dtype = t->dtype, .bytes = t->bytes, .rows = rows, .cols = cols };
    return STATUS_OK;
}

/* The file's name of a tensor: of a layer (in the formats' own spelling of modules), or of the whole model where layer is -1. */
enum { NAME_TEXT = 256 };
static const char *tensor_name(const Model *m, int layer, const char *hf, const char *gguf, const char *suffix, char out[NAME_TEXT])
{
    const char *base = m->tensor_base, *dot = *base ? "." : "", *layers = m->config.family->name.layers;
    if (m->gguf.path && layer >= 0) snprintf(out, NAME_TEXT, "blk.%d.%s%s", layer, gguf, suffix);
    else if (m->gguf.path) snprintf(out, NAME_TEXT, "%s%s", gguf, suffix);
    else if (layer >= 0) snprintf(out, NAME_TEXT, "%s%s%s.%d.%s%s", base, dot, layers, layer, hf, suffix);
    else snprintf(out, NAME_TEXT, "%s%s%s%s", base, dot, hf, suffix);
    return out;
}

/* [out, in] of a site. */
static void site_shape(const ModelConfig *c, SiteKind kind, int64_t *out, int64_t *in)
{
    int64_t q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim;
    const int64_t shape[SITE_KINDS][2] = {
        [SITE_Q] = { q, c->hidden_size }, [SITE_K] = { kv, c->hidden_size }, [SITE_V] = { kv, c->hidden_size },
        [SITE_QKV] = { q + 2 * kv, c->hidden_size }, [SITE_O] = { c->hidden_size, q },
        [SITE_GATE] = { c->intermediate_size, c->hidden_size }, [SITE_UP] = { c->intermediate_size, c->hidden_size },
        [SITE_GATE_UP] = { 2 * c->intermediate_size, c->hidden_size }, [SITE_DOWN] = { c->hidden_size, c->intermediate_size },
    };
    *out = shape[kind][0];
    *in = shape[kind][1];
}

/* A GGUF's bias in the order of the matrix's rows; a weight stays as it is stored. */
static void put_in_order(const Weight *w, float *b)
{
    if (w->order == ROWS_IN_ORDER) return;
    float *stored = memory_copy(b, (size_t)w->rows, sizeof *b);
    for (int64_t i = 0; i < w->rows; i++) b[i] = stored[weight_stored_row(w, i)];
    free(stored);
}

static void set_order(const ModelConfig *c, SiteKind kind, Weight *w)
{
    const Family *f = c->family;
    bool paired = c->gguf && f->gguf_pairs_heads && (kind == SITE_Q || kind == SITE_K);
    if (paired) w->order = ROWS_PAIRED;
    if (c->gguf && f->qkv_by_head && kind == SITE_QKV) w->order = ROWS_SPLIT;
    w->heads = (int32_t)(kind == SITE_K ? c->num_key_value_heads : c->num_attention_heads);
}

/* from [cols, rows] to [rows, cols], in squares, of which both sides' lines stay in cache; a copy of constant size is an instruction. */
static void transpose(const char *from, int64_t rows, int64_t cols, int64_t size, char *to)
{
    enum { SIDE = 32 };
    for (int64_t row = 0; row < rows; row += SIDE)
        for (int64_t col = 0; col < cols; col += SIDE)
            for (int64_t r = row; r < rows && r < row + SIDE; r++)
                for (int64_t c = col; c < cols && c < col + SIDE; c++) {
                    if (size == 4) memcpy(to + (r * cols + c) * 4, from + (c * rows + r) * 4, 4);
                    else memcpy(to + (r * cols + c) * 2, from + (c * rows + r) * 2, 2);
                }
}

/* Conv1D stores [in, out]: a copy the right way round. */
static Status transposed_weight(const Model *m, const char *name, int64_t rows, int64_t cols, Site *site)
{
    TRY(need_weight(m, name, cols, rows, &site->w));
    int64_t size = dtype_row_bytes(site->w.dtype, 1);
    char *to = memory_new((size_t)(rows * cols), (size_t)size);
    transpose(site->w.bytes, rows, cols, size, to);
    site->copy = to;
    site->w.bytes = to;
    site->w.rows = rows;
    site->w.cols = cols;
    return STATUS_OK;
}

/* Rows of a fused attn_qkv, where a GGUF file has that instead of q, k and v. */
static Status part_of_fused(const Model *m, int layer, SiteKind kind, const char *suffix, int64_t cols, TensorEntry *out, bool *found)
{
    char name[NAME_TEXT];
    const ModelConfig *c = &m->config;
    int64_t q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim;
    *found = m->gguf.path && kind <= SITE_V && tensors_find(model_tensors(m), tensor_name(m, layer, "", "attn_qkv", suffix, name));
    if (!*found) return STATUS_OK;
    const TensorEntry *t;
    TRY(need(m, name, q + 2 * kv, cols, &t));
    *out = *t;
    int64_t first = kind == SITE_Q ? 0 : kind == SITE_K ? q : q + kv;
    out->bytes = (const char *)t->bytes + first * dtype_row_bytes(t->dtype, cols ? cols : 1);
    return STATUS_OK;
}

static Status open_site_weight(const Model *m, const SiteName *name, Site *site)
{
    char tensor[NAME_TEXT];
    TensorEntry part;
    bool fused;
    int64_t out, in;
    site_shape(&m->config, site->kind, &out, &in);
    tensor_name(m, site->layer, name->module, name->gguf, ".weight", tensor);
    if (!tensors_find(model_tensors(m), tensor)) {
        TRY(part_of_fused(m, site->layer, site->kind, ".weight", in, &part, &fused));
        if (fused) site->w = (Weight){ .name = part.name, .dtype = part.dtype, .bytes = part.bytes, .rows = out, .cols = in };
        if (fused) return STATUS_OK;
    }
    if (m->config.family->conv1d && !m->gguf.path) return transposed_weight(m, tensor, out, in, site);
    return need_weight(m, tensor, out, in, &site->w);
}

/* Whether a site has a bias says the config, or a GGUF by having it. */
static Status open_site_bias(const Model *m, const SiteName *name, Site *site)
{
    const ModelConfig *c = &m->config;
    char tensor[NAME_TEXT];
    TensorEntry part;
    bool fused, biased = site->kind <= SITE_QKV ? c->qkv_bias : site->kind == SITE_O ? c->o_bias : c->mlp_bias;
    tensor_name(m, site->layer, name->module, name->gguf, ".bias", tensor);
    bool there = tensors_find(model_tensors(m), tensor) != NULL;
    if (!there && m->gguf.path) {
        TRY(part_of_fused(m, site->layer, site->kind, ".bias", 0, &part, &fused));
        if (fused) site->b = decoded(&part, site->w.rows);
    } else if (biased || m->gguf.path) {
        TRY(need_vector(m, tensor, site->w.rows, &site->b));
    }
    if (site->b) put_in_order(&site->w, site->b);
    return STATUS_OK;
}

static Status open_site(Model *m, int layer, int position)
{
    const SiteName *name = &m->config.family->site[position];
    Site *site = &m->layer[layer].site[name->kind];
    site->kind = name->kind;
    site->layer = layer;
    site->index = layer * family_sites(m->config.family) + position;
    site->path = memory_format("%s.%s.%d.%s", m->base, m->config.family->name.layers, layer, name->module);
    TRY(open_site_weight(m, name, site));
    set_order(&m->config, site->kind, &site->w);
    return open_site_bias(m, name, site);
}

/* Its elements: of all columns, of one head, of every head. */
static void shape_norm(const ModelConfig *c, NormKind kind, Norm *norm)
{
    int64_t heads = kind == NORM_Q ? c->num_attention_heads : c->num_key_value_heads;
    QkNormKind how = c->family->qk_norm;
    norm->width = kind < NORM_Q ? c->hidden_size : how == QK_NORM_WHOLE ? heads * c->head_dim : c->head_dim;
    norm->each = kind >= NORM_Q && how == QK_NORM_EACH;
    norm->n = norm->each ? heads * c->head_dim : norm->width;
}

/* stablelm keeps a vector for each head, in a module of its own. */
static Status need_vectors(const Model *m, int layer, const char *module, const char *suffix, const Norm *norm, float **out)
{
    const char *number = strstr(module, "%d");
    *out = memory_new((size_t)norm->n, sizeof **out);
    for (int64_t h = 0; h < norm->n / norm->width; h++) {
        char tensor[NAME_TEXT], one[NAME_TEXT / 2];
        const TensorEntry *t;
        snprintf(one, sizeof one, "%.*s%lld%s", (int)(number - module), module, (long long)h, number + 2);
        TRY(need(m, tensor_name(m, layer, one, "", suffix, tensor), norm->width, 0, &t));
        dtype_rows[t->dtype].decode(t->bytes, norm->width, *out + h * norm->width);
    }
    return STATUS_OK;
}

static Status read_norm(const Model *m, int layer, const char *hf, const char *gguf, const char *suffix, const Norm *norm, float **out)
{
    char tensor[NAME_TEXT];
    const TensorEntry *t;
    if (!m->gguf.path && strstr(hf, "%d")) return need_vectors(m, layer, hf, suffix, norm, out);
    tensor_name(m, layer, hf, gguf, suffix, tensor);
    if (!norm->each) return need_vector(m, tensor, norm->n, out);
    TRY(need(m, tensor, norm->n / norm->width, norm->width, &t));
    *out = decoded(t, norm->n);
    return STATUS_OK;
}

static Status open_norm(Model *m, int layer, const NormName *name)
{
    const Family *f = m->config.family;
    bool qk = name->kind >= NORM_Q, one_norm = f->one_norm_if_parallel && m->config.parallel_residual && name->kind == NORM_MLP_IN;
    if ((qk && !m->config.qk_norm) || one_norm) return STATUS_OK;
    Norm *norm = &m->layer[layer].norm[name->kind];
    shape_norm(&m->config, name->kind, norm);
    norm->path = memory_format("%s.%s.%d.%s", m->base, f->name.layers, layer, name->module);
    TRY(read_norm(m, layer, name->module, name->gguf, ".weight", norm, &norm->w));
    return (qk ? f->qk_norm_bias : f->norm_bias) ? read_norm(m, layer, name->module, name->gguf, ".bias", norm, &norm->b) : STATUS_OK;
}

static Status open_layer(Model *m, int layer)
{
    const Family *f = m->config.family;
    for (int i = 0; i < FAMILY_NORMS && f->norm[i].module; i++) TRY(open_norm(m, layer, &f->norm[i]));
    for (int i = 0; i < family_sites(f); i++) TRY(open_site(m, layer, i));
    return STATUS_OK;
}

/* Below which name the file keeps the decoder: its module's, none, or what multimodal models called it. */
static void find_base(Model *m)
{
    static const char *const others[] = { "", "language_model.model", "model.language_model" };
    const Family *f = m->config.family;
    m->base = memory_string(m->config.multimodal ? "model.language_model" : f->name.base);
    m->tensor_base = m->base;
    for (size_t i = 0; i <= sizeof others / sizeof *others && !m->gguf.path; i++) {
        char name[NAME_TEXT];
        if (tensors_find(model_tensors(m), tensor_name(m, -1, f->name.embedding, "", ".weight", name))) return;
        m->tensor_base = i < sizeof others / sizeof *others ? others[i] : m->base;
    }
}

static Status open_embeddings(Model *m)
{
    const ModelConfig *c = &m->config;
    const Family *f = c->family;
    char name[NAME_TEXT];
    m->embedding_path = memory_format("%s.%s", m->base, f->name.embedding);
    TRY(need_weight(m, tensor_name(m, -1, f->name.embedding, "token_embd", ".weight", name), c->vocab_size, c->hidden_size, &m->embedding));
    if (!f->name.positions) return STATUS_OK;
    m->positions_path = memory_format("%s.%s", m->base, f->name.positions);
    return need_weight(m, tensor_name(m, -1, f->name.positions, "position_embd", ".weight", name), c->max_position_embeddings, c->hidden_size, &m->positions);
}

/* The head stands beside the base: language_model.lm_head beside language_model.model. */
static void head_name(const Model *m, const char *suffix, char out[NAME_TEXT])
{
    bool inside = !strcmp(m->tensor_base, "language_model.model");
    const char *own = m->config.family->name.head_tensor;
    snprintf(out, NAME_TEXT, "%s%s", own ? own : "", suffix);
    if (own && tensors_find(model_tensors(m), out)) return;
    if (m->gguf.path) snprintf(out, NAME_TEXT, "output%s", suffix);
    else snprintf(out, NAME_TEXT, "%s%s%s", inside ? "language_model." : "", m->config.family->name.head, suffix);
}

/* A head that is said to be tied and stands in the file with other numbers is not tied: transformers takes the file's. */
static bool has_own_head(Model *m, const char *name)
{
    const TensorEntry *head = tensors_find(model_tensors(m), name);
    mark_read(m, head);
    bool same = !head || (head->n_bytes == tensors_find(model_tensors(m), m->embedding.name)->n_bytes && !memcmp(head->bytes, m->embedding.bytes, (size_t)head->n_bytes));
    m->config.tie_word_embeddings = m->config.tie_word_embeddings && same;
    return !m->config.tie_word_embeddings;
}

static Status open_head(Model *m)
{
    const ModelConfig *c = &m->config;
    const Family *f = c->family;
    char name[NAME_TEXT];
    m->head_path = memory_string(f->name.head);
    m->head = m->embedding;
    head_name(m, ".weight", name);
    if (has_own_head(m, name)) TRY(need_weight(m, name, c->vocab_size, c->hidden_size, &m->head));
    head_name(m, ".bias", name);
    if (f->head_bias) TRY(need_vector(m, name, c->vocab_size, &m->head_bias));
    m->norm = (Norm){ .path = memory_format("%s.%s", m->base, f->name.norm), .width = c->hidden_size, .n = c->hidden_size };
    TRY(read_norm(m, -1, f->name.norm, "output_norm", ".weight", &m->norm, &m->norm.w));
    return f->norm_bias ? read_norm(m, -1, f->name.norm, "output_norm", ".bias", &m->norm, &m->norm.b) : STATUS_OK;
}

static Status open_ropes(Model *m)
{
    float *factors = NULL;
    bool given = m->gguf.path && tensors_find(model_tensors(m), "rope_freqs.weight");
    if (given && m->config.n_ropes == 1) TRY(need_vector(m, "rope_freqs.weight", m->config.rope[0].rotary_dim / 2, &factors));
    for (int i = 0; i < m->config.n_ropes; i++) rope_init(&m->rope[i], &m->config.rope[i], m->config.max_position_embeddings, factors);
    free(factors);
    return STATUS_OK;
}

/* A GGUF says only by its tensors that a model has a bias, a norm or a gate more: one that nothing reads is another model.
 * A folder may hold such, and transformers does not read them either. */
static Status refuse_unread(const Model *m)
{
    static const char *const of_config[] = { "rope_factors_long.weight", "rope_factors_short.weight" };
    bool longrope = m->config.rope[0].type == ROPE_TYPE_LONGROPE;
    for (int i = 0; longrope && i < 2; i++) mark_read(m, tensors_find(model_tensors(m), of_config[i]));
    for (int i = 0; m->gguf.path && i < model_tensors(m)->n; i++)
        if (!m->tensor_read[i])
            return fail(STATUS_INPUT, "%s: tensor %s: a model of %s with %lld layers has no such tensor", m->path, model_tensors(m)->entry[i].name,
                        m->config.family->architecture, (long long)m->config.num_hidden_layers);
    return STATUS_OK;
}

Status weights_open(Model *m)
{
    const ModelConfig *c = &m->config;
    m->tensor_read = memory_new((size_t)model_tensors(m)->n, sizeof *m->tensor_read);
    find_base(m);
    TRY(open_embeddings(m));
    TRY(open_head(m));
    m->layer = memory_new((size_t)c->num_hidden_layers, sizeof *m->layer);
    m->n_sites = (int)c->num_hidden_layers * family_sites(c->family);
    for (int i = 0; i < c->num_hidden_layers; i++) TRY(open_layer(m, i));
    modules_list(m);
    TRY(open_ropes(m));
    return refuse_unread(m);
}

static void close_norm(Norm *norm)
{
    free(norm->path);
    free(norm->w);
    free(norm->b);
}

void weights_close_layer(Layer *layer)
{
    for (int i = 0; i < NORM_KINDS; i++) close_norm(&layer->norm[i]);
    for (int i = 0; i < SITE_KINDS; i++) {
        free(layer->site[i].path);
        free(layer->site[i].b);
        free(layer->site[i].copy);
    }
    *layer = (Layer){0};
}

void weights_close(Model *m)
{
    for (int i = 0; m->layer && i < m->config.num_hidden_layers; i++) weights_close_layer(&m->layer[i]);
    for (int i = 0; i < m->n_sources; i++) weights_close_layer(&m->source[i]);
    free(m->layer);
    free(m->source);
    close_norm(&m->norm);
    free(m->head_bias);
    free(m->tensor_read);
    free(m->embedding_path);
    free(m->positions_path);
    modules_free(m);
    free(m->head_path);
    free(m->base);
}
