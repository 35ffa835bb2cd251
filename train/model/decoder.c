#include "train/model/decoder.h"

#include "train/adapter/forward.h"

/* Sites of randomness: 0 is the noise on embeddings, an adapted linear's dropout its index + 1. The base model's dropouts come behind,
 * layer by layer, each layer's by kind and last the heads of its probabilities. */
enum { NOISE_SITE = 0, BASE_SITES = 1 << 20 };

/* The base model's own dropout. That of the embeddings is layer 0's. */
static Dropout dropout(const Forward *f, DropKind kind, int layer)
{
    const ModelConfig *c = &f->model->config;
    Dropout drop = { f->training ? (float)c->dropout[kind] : 0, f->random };
    drop.key.site = BASE_SITES + (uint32_t)layer * (uint32_t)(DROP_PROBABILITIES + c->num_attention_heads) + kind;
    return drop;
}

static Var dropped(Tape *tape, Dropout drop, Var x) { return drop.p > 0 ? op_dropout(tape, x, drop) : x; }

/* A layer's norms and linears, on one forward. */
typedef struct { Tape *tape; const Forward *f; const Layer *layer; int index; } At;

static Var linear(const At *at, SiteKind kind, Var x)
{
    const Site *site = &at->layer->site[kind];
    PhiloxKey random = at->f->random;
    random.site = (uint32_t)site->index + 1;
    return adapter_linear(at->tape, at->f->adapter, site, (SiteContext){ random, at->f->training }, x);
}

/* x itself where the family has no such norm. */
static Var normed(Tape *tape, const Forward *f, const Norm *norm, Var x)
{
    const ModelConfig *c = &f->model->config;
    if (!norm->w) return x;
    float offset = c->gguf ? 0 : c->family->norm_offset;
    return adapter_norm(tape, f->adapter, norm, &(OpArgs){ .norm = { .w = norm->w, .b = norm->b, .eps = (float)c->norm_eps, .offset = offset,
                                                                     .width = norm->width, .center = c->family->layer_norm, .each = norm->each } }, x);
}

static Var norm(const At *at, NormKind kind, Var x) { return normed(at->tape, at->f, &at->layer->norm[kind], x); }

/* Queries and keys: their norm, then their rotation. */
static Var placed(const At *at, NormKind kind, Var x)
{
    const Model *m = at->f->model;
    const LayerConfig *layer = &m->config.layer[at->index];
    x = norm(at, kind, x);
    if (layer->rope == NO_ROPE) return x;
    const Rope *rope = &m->rope[layer->rope];
    bool query = kind == NORM_Q;
    return op_rope(at->tape, x, &(OpArgs){ .rope = { .cos = query ? rope->query_cos : rope->cos, .sin = query ? rope->query_sin : rope->sin,
        .position = at->f->batch->position, .head_dim = (int)m->config.head_dim, .rotary_dim = (int)rope->parameters.rotary_dim,
        .interleaved = m->config.family->rope_interleaved } });
}

/* Appended to the layer's part of the cache. */
static Var cached(const At *at, float *cache, Var x)
{
    const ModelConfig *c = &at->f->model->config;
    const Cache *all = at->f->cache;
    return op_append(at->tape, x, cache + at->index * all->capacity * c->num_key_value_heads * c->head_dim, all->length, all->capacity);
}

typedef struct { Var q, k, v; } Qkv;

static Qkv fused_qkv(const At *at, Var x)
{
    const ModelConfig *c = &at->f->model->config;
    int64_t d = c->head_dim, q = c->num_attention_heads * d, kv = c->num_key_value_heads * d;
    Var all = linear(at, SITE_QKV, x);
    if (c->family->qkv_by_head)
        return (Qkv){ op_columns(at->tape, all, 0, d, 3 * d), op_columns(at->tape, all, d, d, 3 * d), op_columns(at->tape, all, 2 * d, d, 3 * d) };
    return (Qkv){ op_columns(at->tape, all, 0, q, 0), op_columns(at->tape, all, q, kv, 0), op_columns(at->tape, all, q + kv, kv, 0) };
}

static Qkv project(const At *at, Var x)
{
    if (at->layer->site[SITE_QKV].path) return fused_qkv(at, x);
    Var q = linear(at, SITE_Q, x), k = linear(at, SITE_K, x);
    return (Qkv){ q, k, linear(at, SITE_V, x) };
}

static Var attention(const At *at, Var x)
{
    const ModelConfig *c = &at->f->model->config;
    const Batch *b = at->f->batch;
    Qkv p = project(at, x);
    Var q = placed(at, NORM_Q, p.q), k = placed(at, NORM_K, p.k), v = p.v;
    if (at->f->cache) {
        k = cached(at, at->f->cache->k, k);
        v = cached(at, at->f->cache->v, v);
    }
    Var y = op_attention(at->tape, q, k, v, &(OpArgs){ .attention = {
        .span = b->span, .n_spans = b->n_documents, .longest = b->longest, .n_heads = (int)c->num_attention_heads, .n_kv = (int)c->num_key_value_heads,
        .head_dim = (int)c->head_dim, .scale = (float)c->layer[at->index].attention_scale, .softcap = (float)c->attention_softcap,
        .window = c->layer[at->index].window, .drop = dropout(at->f, DROP_PROBABILITIES, at->index) } });
    return dropped(at->tape, dropout(at->f, DROP_ATTENTION_OUT, at->index), linear(at, SITE_O, y));
}

static Var activated(const At *at, Var x)
{
    Act act = at->f->model->config.act;
    const Site *site = at->layer->site;
    if (site[SITE_GATE_UP].path) return op_gate_packed(at->tape, act, linear(at, SITE_GATE_UP, x));
    if (!site[SITE_GATE].path) return op_act(at->tape, act, linear(at, SITE_UP, x));
    Var gate = linear(at, SITE_GATE, x), up = linear(at, SITE_UP, x);
    return op_gate(at->tape, act, gate, up);
}

static Var mlp(const At *at, Var x)
{
    Var y = linear(at, SITE_DOWN, activated(at, x));
    return dropped(at->tape, dropout(at->f, DROP_MLP_OUT, at->index), y);
}

static void decoder_layer(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    const Forward *f = key->self;
    const ModelConfig *c = &f->model->config;
    At at = { tape, f, &f->model->layer[key->index], key->index };
    float m = (float)c->residual_multiplier;
    Var x = in[0], a = norm(&at, NORM_ATTENTION_IN, x);
    Var from_attention = norm(&at, NORM_ATTENTION_OUT, attention(&at, a));
    if (c->parallel_residual) {
        Var from_mlp = mlp(&at, at.layer->norm[NORM_MLP_IN].w ? norm(&at, NORM_MLP_IN, x) : a);
        out[0] = op_add(tape, op_add(tape, x, from_attention), from_mlp);
        return;
    }
    x = op_add_scaled(tape, x, from_attention, m);
    out[0] = op_add_scaled(tape, x, norm(&at, NORM_MLP_OUT, mlp(&at, norm(&at, NORM_MLP_IN, x))), m);
}

static Var scaled(Tape *tape, Var x, double by) { return by == 1 ? x : op_scale(tape, x, (float)by); }

static Var embedded(Tape *tape, const Forward *f)
{
    const Model *m = f->model;
    Var x = scaled(tape, adapter_embedding(tape, f->adapter, &m->embedding, 0, f->batch->ids, f->batch->n_rows), m->config.embedding_scale);
    if (f->training && f->noise > 0) {
        PhiloxKey random = f->random;
        random.site = NOISE_SITE;
        x = op_noise(tape, x, f->noise, random);
    }
    x = scaled(tape, x, m->config.embedding_multiplier);
    if (m->positions.bytes)
        x = op_add(tape, x, adapter_embedding(tape, f->adapter, &m->positions, m->positions_module, f->batch->position, f->batch->n_rows));
    return dropped(tape, dropout(f, DROP_EMBEDDING, 0), x);
}

Var decoder_hidden(Tape *tape, const Forward *f)
{
    const Model *m = f->model;
    Var x = embedded(tape, f);
    for (int i = 0; i < m->config.num_hidden_layers; i++) {
        SegmentKey key = { .self = f, .batch = f->batch, .active = f->adapter, .random = f->random, .training = f->training, .index = i };
        Var in = x;
        tape_segment(tape, i < f->n_recomputed ? SEGMENT_RECOMPUTE : SEGMENT_KEEP, decoder_layer, &key, &in, 1, &x, 1);
    }
    return scaled(tape, normed(tape, f, &m->norm, x), m->config.logit_multiplier);
}

Var decoder_logits(Tape *tape, const Forward *f)
{
    const Model *m = f->model;
    Var z = adapter_logits(tape, f->adapter, m, decoder_hidden(tape, f));
    return m->config.logit_softcap > 0 ? op_softcap(tape, z, (float)m->config.logit_softcap) : z;
}
