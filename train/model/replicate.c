/* A deeper model of the same layers (PEFT's layer_replication). A replica is a layer like any other, with a name and a number of its
 * own, so that adapters tell it from its source; it reads the source's matrices and has copies of its vectors. */
#include "train/model/model.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/model/weights.h"

/* "model.layers.3.mlp" as "model.layers.7.mlp". */
static char *renumbered(const Model *m, const char *path, int layer)
{
    if (!path) return NULL;
    size_t skip = strlen(m->base) + strlen(m->config.family->name.layers) + 2;
    return memory_format("%.*s%d%s", (int)skip, path, layer, path + skip + strspn(path + skip, "0123456789"));
}

static float *copied(const float *from, int64_t n) { return from ? memory_copy(from, (size_t)n, sizeof *from) : NULL; }

static Layer replica(const Model *m, const Layer *from, int layer)
{
    Layer to = *from;
    for (int i = 0; i < NORM_KINDS; i++) {
        Norm *norm = &to.norm[i];
        norm->path = renumbered(m, norm->path, layer);
        norm->w = copied(norm->w, norm->n);
        norm->b = copied(norm->b, norm->n);
    }
    for (int i = 0; i < SITE_KINDS; i++) {
        Site *site = &to.site[i];
        site->path = renumbered(m, site->path, layer);
        site->b = copied(site->b, site->w.rows);
        site->copy = NULL;
        site->index += (layer - site->layer) * family_sites(m->config.family);
        site->layer = layer;
    }
    return to;
}

static bool all_alike(const ModelConfig *c)
{
    for (int i = 1; i < c->num_hidden_layers; i++)
        if (c->layer[i].window != c->layer[0].window || c->layer[i].rope != c->layer[0].rope) return false;
    return true;
}

static void close_unused(Model *m, const LayerRange *range, int n_ranges)
{
    for (int i = 0; i < m->n_sources; i++) {
        bool used = false;
        for (int r = 0; r < n_ranges; r++) used = used || (i >= range[r].begin && i < range[r].end);
        if (!used) weights_close_layer(&m->source[i]);
    }
}

static void take_layers(Model *m, Layer *layer, int n)
{
    ModelConfig *c = &m->config;
    m->source = m->layer;
    m->n_sources = (int)c->num_hidden_layers;
    m->layer = layer;
    m->n_sites = n * family_sites(c->family);
    c->layer = memory_grow(c->layer, (size_t)n, sizeof *c->layer);
    for (int i = 1; i < n; i++) c->layer[i] = c->layer[0];
    c->num_hidden_layers = n;
    modules_list(m);
}

Status model_replicate(Model *m, const LayerRange *range, int n_ranges)
{
    int n = 0, to = 0;
    CHECK(!m->source, "layers are replicated once");
    if (!all_alike(&m->config)) return fail(STATUS_INPUT, "layer_replication: the layers of this model are not alike (windows, positions), and which a replica would be is not defined");
    for (int i = 0; i < n_ranges; i++) n += (int)(range[i].end - range[i].begin);
    Layer *layer = memory_new((size_t)n, sizeof *layer);
    for (int i = 0; i < n_ranges; i++)
        for (int64_t from = range[i].begin; from < range[i].end; from++, to++) layer[to] = replica(m, &m->layer[from], to);
    take_layers(m, layer, n);
    close_unused(m, range, n_ranges);
    return STATUS_OK;
}
