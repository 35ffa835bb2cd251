/* A model and rows small enough for the fast tests: a random llama folder (config.json, model.safetensors) that trains at
 * hundreds of steps a second, and a JSONL file of input_ids. The same seed gives the same bytes. */
#ifndef TESTS_TINY_MODEL_H
#define TESTS_TINY_MODEL_H
#include "tests/testing.h"

#include "data/file/safetensors.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"
#include "kernels/random.h"

/* Zero: 64 tokens, hidden size 16, 2 layers, 64 positions, plain rope, a head of its own, no biases. */
typedef struct { int vocab_size, hidden_size, layers, positions; bool dynamic_rope, tied, biased; double attention_dropout; uint64_t seed; } TinyModel;

enum { TINY_HEADS = 2, TINY_MLP = 24 };

typedef struct { TensorEntry *entry; int n, cap; Random random; } TinyTensors;

static void tiny_tensor(TinyTensors *t, char *name, int rows, int cols)
{
    TensorEntry e = { .name = name, .dtype = DTYPE_F32, .n_dims = cols ? 2 : 1, .dims = { rows, cols } };
    int64_t n = (int64_t)rows * (cols ? cols : 1);
    float *values = memory_new((size_t)n, sizeof *values);
    if (cols) random_normal(&t->random, 0, 0.2, n, values);
    else for (int64_t i = 0; i < n; i++) values[i] = 1;
    e.bytes = values;
    e.n_bytes = n * (int64_t)sizeof *values;
    MEMORY_PUSH(t->entry, t->n, t->cap) = e;
}

static void tiny_layer(TinyTensors *t, int layer, int d, bool biased)
{
    static const struct { const char *name; bool wide_out, wide_in; } linear[] = {
        { "self_attn.q_proj", 0, 0 }, { "self_attn.k_proj", 0, 0 }, { "self_attn.v_proj", 0, 0 }, { "self_attn.o_proj", 0, 0 },
        { "mlp.gate_proj", 1, 0 }, { "mlp.up_proj", 1, 0 }, { "mlp.down_proj", 0, 1 },
    };
    for (size_t i = 0; i < sizeof linear / sizeof *linear; i++) {
        tiny_tensor(t, memory_format("model.layers.%d.%s.weight", layer, linear[i].name), linear[i].wide_out ? TINY_MLP : d, linear[i].wide_in ? TINY_MLP : d);
        if (biased) tiny_tensor(t, memory_format("model.layers.%d.%s.bias", layer, linear[i].name), linear[i].wide_out ? TINY_MLP : d, 0);
    }
    tiny_tensor(t, memory_format("model.layers.%d.input_layernorm.weight", layer), d, 0);
    tiny_tensor(t, memory_format("model.layers.%d.post_attention_layernorm.weight", layer), d, 0);
}

static void tiny_write(const char *dir, const char *name, const char *text)
{
    char *path = memory_format("%s/%s", dir, name);
    assert_ok(output_save(path, text, strlen(text)));
    free(path);
}

static void tiny_weights(const char *dir, const TinyModel *m)
{
    TinyTensors t = {0};
    OutputFile out = {0};
    char *path = memory_format("%s/model.safetensors", dir);
    random_seed(&t.random, m->seed);
    tiny_tensor(&t, memory_string("model.embed_tokens.weight"), m->vocab_size, m->hidden_size);
    if (!m->tied) tiny_tensor(&t, memory_string("lm_head.weight"), m->vocab_size, m->hidden_size);
    tiny_tensor(&t, memory_string("model.norm.weight"), m->hidden_size, 0);
    for (int i = 0; i < m->layers; i++) tiny_layer(&t, i, m->hidden_size, m->biased);
    assert_ok(output_file_open(&out, path));
    assert_ok(safetensors_write(&out, t.entry, t.n, NULL, NULL));
    assert_ok(output_file_commit(&out));
    for (int i = 0; i < t.n; i++) {
        free((char *)t.entry[i].name);
        free((void *)t.entry[i].bytes);
    }
    free(t.entry);
    free(path);
}

static void __attribute__((unused)) tiny_model_write(const char *dir, TinyModel m)
{
    if (!m.vocab_size) m.vocab_size = 64;
    if (!m.hidden_size) m.hidden_size = 16;
    if (!m.layers) m.layers = 2;
    if (!m.positions) m.positions = 64;
    assert_ok(output_make_folder(dir));
    char *config = memory_format(
        "{\"model_type\": \"llama\", \"vocab_size\": %d, \"hidden_size\": %d, \"intermediate_size\": %d, \"num_hidden_layers\": %d, \"num_attention_heads\": %d, "
        "\"num_key_value_heads\": %d, \"max_position_embeddings\": %d, \"rms_norm_eps\": 1e-5, \"hidden_act\": \"silu\", "
        "\"tie_word_embeddings\": %s, \"attention_bias\": %s, \"mlp_bias\": %s, \"rope_theta\": 10000.0, \"attention_dropout\": %g, \"rope_scaling\": %s}",
        m.vocab_size, m.hidden_size, TINY_MLP, m.layers, TINY_HEADS, TINY_HEADS, m.positions, m.tied ? "true" : "false",
        m.biased ? "true" : "false", m.biased ? "true" : "false", m.attention_dropout,
        m.dynamic_rope ? "{\"rope_type\": \"dynamic\", \"factor\": 2.0}" : "null");
    tiny_write(dir, "config.json", config);
    free(config);
    tiny_weights(dir, &m);
}

/* `n` rows of `shortest` to `longest` token ids below `vocab_size`. */
static void __attribute__((unused)) tiny_rows_write(const char *dir, const char *name, int n, int shortest, int longest, int vocab_size, uint64_t seed)
{
    Buffer text = {0};
    Random random;
    random_seed(&random, seed);
    for (int i = 0; i < n; i++) {
        int length = shortest + (int)(random_u32(&random) % (uint32_t)(longest - shortest + 1));
        buffer_add_string(&text, "{\"input_ids\": [");
        for (int k = 0; k < length; k++) buffer_format(&text, "%s%u", k ? ", " : "", random_u32(&random) % (uint32_t)vocab_size);
        buffer_add_string(&text, "]}\n");
    }
    tiny_write(dir, name, text.data);
    buffer_free(&text);
}

#endif
