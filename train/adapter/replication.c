#include "train/adapter/replication.h"

#include <stdlib.h>

#include "kernels/memory.h"

enum { MAX_LAYERS = 1 << 14 };

static Status bad(const Json *found, int64_t n_layers)
{
    Buffer text = {0};
    json_print(&text, found, (JsonStyle){0});
    Status status = fail(STATUS_INPUT, "layer_replication: expected a list of pairs, each a first layer and the one behind the last, of %lld layers, found %.80s",
                         (long long)n_layers, text.data);
    buffer_free(&text);
    return status;
}

static bool is_range(const Json *item, int64_t n_layers, LayerRange *out)
{
    const Json *begin = json_at(item, 0), *end = json_at(item, 1);
    if (json_kind(item) != JSON_ARRAY || json_count(item) != 2 || json_kind(begin) != JSON_INTEGER || json_kind(end) != JSON_INTEGER) return false;
    *out = (LayerRange){ json_integer(begin), json_integer(end) };
    return out->begin >= 0 && out->begin < out->end && out->end <= n_layers;
}

static Status apply(const Json *given, Model *m, LayerRange *range)
{
    int64_t n_layers = m->config.num_hidden_layers, total = 0;
    int n = 0;
    for (const Json *item = json_first(given); item; item = json_next(item), n++) {
        if (!is_range(item, n_layers, &range[n])) return bad(given, n_layers);
        total += range[n].end - range[n].begin;
        if (total > MAX_LAYERS) return fail(STATUS_INPUT, "layer_replication: more than %d layers", MAX_LAYERS);
    }
    return model_replicate(m, range, n);
}

Status replication_apply(const LoraConfig *c, Model *m)
{
    const Json *given = c->layer_replication;
    if (given && json_kind(given) != JSON_ARRAY) return bad(given, m->config.num_hidden_layers);
    if (!json_count(given)) return STATUS_OK;
    if (c->bias != TRAIN_BIAS_NONE) return fail(STATUS_INPUT, "layer_replication: replicas share their biases, which cannot be trained then: bias must be none");
    LayerRange *range = memory_new((size_t)json_count(given), sizeof *range);
    Status status = apply(given, m, range);
    free(range);
    return status;
}
