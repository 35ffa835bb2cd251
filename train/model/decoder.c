#include "train/model/decoder.h"

#include <math.h>

/* Sites of randomness: 0 is the noise on embeddings, a linear's dropout its index + 1. */
enum { NOISE_SITE = 0 };

static Var at_site(Tape *tape, const Forward *f, const Layer *layer, SiteKind kind, Var x)
{
    const Site *site = &layer->site[kind];
    PhiloxKey random = f->random;
    random.site = (uint32_t)site->index + 1;
    return site_forward(tape, f->adapter, site, (SiteContext){ random, f->training }, x);
}

static Var rotated(Tape *tape, const Forward *f, Var x)
{
    const Rope *rope = &f->model->rope;
    int head_dim = (int)f->model->config.head_dim;
    return op_rope(tape, x, &(OpArgs){ .rope = { .cos = rope->cos, .sin = rope->sin, .position = f->batch->position, .head_dim = head_dim,
                                                 .rotary_dim = head_dim } });
}

/* Appends to the layer's part of the cache, where there is one. */
static Var cached(Tape *tape, const Forward *f, int i_layer, float *cache, Var x)
{
    int64_t cols = f->model->config.num_key_value_heads * f->model->config.head_dim;
    return op_append(tape, x, cache + i_layer * f->cache->capacity * cols, f->cache->length, f->cache->capacity);
}

static Var attention(Tape *tape, const Forward *f, const Layer *layer, int i_layer, Var x)
{
    const ModelConfig *c = &f->model->config;
    Var q = rotated(tape, f, at_site(tape, f, layer, SITE_Q, x));
    Var k = rotated(tape, f, at_site(tape, f, layer, SITE_K, x));
    Var v = at_site(tape, f, layer, SITE_V, x);
    if (f->cache) {
        k = cached(tape, f, i_layer, f->cache->k, k);
        v = cached(tape, f, i_layer, f->cache->v, v);
    }
    Var y = op_attention(tape, q, k, v, &(OpArgs){ .attention = {
        .span = f->batch->span, .n_spans = f->batch->n_documents, .longest = f->batch->longest, .n_heads = (int)c->num_attention_heads,
        .n_kv = (int)c->num_key_value_heads, .head_dim = (int)c->head_dim, .scale = (float)(1.0 / sqrt((double)c->head_dim)) } });
    return at_site(tape, f, layer, SITE_O, y);
}

static Var normed(Tape *tape, const Forward *f, const float *w, Var x)
{
    return op_norm(tape, x, &(OpArgs){ .norm = { .w = w, .eps = (float)f->model->config.rms_norm_eps } });
}

static Var feed_forward(Tape *tape, const Forward *f, const Layer *layer, Var x)
{
    Var gate = at_site(tape, f, layer, SITE_GATE, x), up = at_site(tape, f, layer, SITE_UP, x);
    return at_site(tape, f, layer, SITE_DOWN, op_gate(tape, ACT_SILU, gate, up));
}

static void decoder_layer(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    const Forward *f = key->self;
    const Layer *layer = &f->model->layer[key->index];
    Var x = op_add(tape, in[0], attention(tape, f, layer, key->index, normed(tape, f, layer->input_norm, in[0])));
    out[0] = op_add(tape, x, feed_forward(tape, f, layer, normed(tape, f, layer->post_norm, x)));
}

Var decoder_hidden(Tape *tape, const Forward *f)
{
    const Model *m = f->model;
    Var x = op_embedding(tape, &m->embedding, f->batch->ids, f->batch->n_rows);
    if (f->training && f->noise > 0) {
        PhiloxKey random = f->random;
        random.site = NOISE_SITE;
        x = op_noise(tape, x, f->noise, random);
    }
    for (int i = 0; i < m->config.num_hidden_layers; i++) {
        SegmentKey key = { .self = f, .batch = f->batch, .active = f->adapter, .random = f->random, .training = f->training, .index = i };
        Var in = x;
        tape_segment(tape, i < f->n_recomputed ? SEGMENT_RECOMPUTE : SEGMENT_KEEP, decoder_layer, &key, &in, 1, &x, 1);
    }
    return normed(tape, f, m->norm, x);
}
