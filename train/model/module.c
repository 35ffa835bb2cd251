#include "train/model/model.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static int add(Model *m, Module module)
{
    Modules *all = &m->modules;
    module.index = all->n;
    MEMORY_PUSH(all->item, all->n, all->cap) = module;
    return module.index;
}

static int add_matrix(Model *m, ModuleKind kind, int layer, const char *path, const Weight *w, const float *b)
{
    bool turned = kind == MODULE_LINEAR && m->config.family->conv1d;
    return add(m, (Module){ .kind = kind, .layer = layer, .path = path, .w = w, .b = b, .n = w->rows, .turned = turned });
}

static void add_norm(Model *m, int layer, Norm *norm)
{
    if (norm->w) norm->module = add(m, (Module){ .kind = MODULE_NORM, .layer = layer, .path = norm->path, .norm = norm, .b = norm->b, .n = norm->n });
}

void modules_list(Model *m)
{
    modules_free(m);
    add_matrix(m, MODULE_EMBEDDING, -1, m->embedding_path, &m->embedding, NULL);
    if (m->positions.bytes) m->positions_module = add_matrix(m, MODULE_EMBEDDING, -1, m->positions_path, &m->positions, NULL);
    for (int i = 0; i < m->n_sites; i++) {
        Site *site = model_site(m, i);
        site->module = add_matrix(m, MODULE_LINEAR, site->layer, site->path, &site->w, site->b);
    }
    for (int i = 0; i < m->config.num_hidden_layers; i++)
        for (int k = 0; k < NORM_KINDS; k++) add_norm(m, i, &m->layer[i].norm[k]);
    add_norm(m, -1, &m->norm);
    add_matrix(m, MODULE_HEAD, -1, m->head_path, &m->head, m->head_bias);
}

void modules_free(Model *m)
{
    free(m->modules.item);
    m->modules = (Modules){0};
}

void module_weight(const Model *m, const Module *module, float *out)
{
    const Weight *w = module->w;
    float stored_more = m->config.gguf ? m->config.family->norm_offset : 0;
    for (int64_t i = 0; module->norm && i < module->n; i++) out[i] = module->norm->w[i] - stored_more;
    float *line = module->turned ? memory_new((size_t)w->cols, sizeof *line) : NULL;
    for (int64_t row = 0; w && row < w->rows; row++) {
        module_weight_row(module, row, line ? line : out + row * w->cols);
        for (int64_t col = 0; line && col < w->cols; col++) out[col * w->rows + row] = line[col];
    }
    free(line);
}

void module_weight_row(const Module *module, int64_t row, float *out)
{
    const Weight *w = module->w;
    dtype_rows[w->dtype].decode((const char *)w->bytes + weight_stored_row(w, row) * dtype_row_bytes(w->dtype, w->cols), w->cols, out);
}
