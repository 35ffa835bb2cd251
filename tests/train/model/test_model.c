/* Opening a model: what is missing, misshaped or of no float type is said by name; and a GGUF file that holds a folder's
 * tensors as llama.cpp's converter stores them (the halves of q's and k's heads interleaved) trains with the folder's bits. */
#include "tests/tiny_model.h"

#include <unistd.h>

#include "kernels/layout.h"
#include "train/adapter/folder.h"
#include "train/run/step.h"

static char root[64];

static int enter_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/graft-test-XXXXXX");
    return !mkdtemp(root) || chdir(root) ? -1 : 0;
}

static int leave_root(void **state)
{
    (void)state;
    return chdir("/") || output_remove(root) != STATUS_OK;
}

/* ---- folders ---- */

typedef void Change(TensorEntry *);

/* The tiny model with one tensor changed; a name set to "" is left out. */
static void write_changed(const char *name, Change *change)
{
    Safetensors whole = {0};
    OutputFile out = {0};
    tiny_model_write("model", (TinyModel){0});
    assert_ok(safetensors_open(&whole, "model/model.safetensors"));
    int n = 0;
    TensorEntry *entry = memory_new((size_t)whole.tensors.n, sizeof *entry);
    for (int i = 0; i < whole.tensors.n; i++) {
        entry[n] = whole.tensors.entry[i];
        if (!strcmp(entry[n].name, name)) change(&entry[n]);
        n += entry[n].name[0] != 0;
    }
    assert_ok(output_file_open(&out, "changed"));
    assert_ok(safetensors_write(&out, entry, n, NULL, NULL));
    assert_ok(output_file_commit(&out));
    free(entry);
    safetensors_close(&whole);
    assert_int_equal(rename("changed", "model/model.safetensors"), 0);
}

static void left_out(TensorEntry *e) { e->name = ""; }
static void turned(TensorEntry *e) { int64_t rows = e->dims[0]; e->dims[0] = e->dims[1]; e->dims[1] = rows; }
static void flat(TensorEntry *e) { e->dims[0] *= e->dims[1]; e->n_dims = 1; }
static void deep(TensorEntry *e) { e->dims[2] = 1; e->n_dims = 3; }
static void whole_numbers(TensorEntry *e) { e->dtype = DTYPE_I32; }

static void tensors_that_do_not_fit(void **state)
{
    (void)state;
    static const struct { const char *name; Change *change; const char *message; } cases[] = {
        { "model.embed_tokens.weight", left_out, "model: tensor model.embed_tokens.weight is missing" },
        { "lm_head.weight", left_out, "model: tensor lm_head.weight is missing" },
        { "model.norm.weight", left_out, "model: tensor model.norm.weight is missing" },
        { "model.layers.1.input_layernorm.weight", left_out, "model: tensor model.layers.1.input_layernorm.weight is missing" },
        { "model.layers.1.post_attention_layernorm.weight", left_out, "model: tensor model.layers.1.post_attention_layernorm.weight is missing" },
        { "model.layers.0.self_attn.q_proj.weight", left_out, "model: tensor model.layers.0.self_attn.q_proj.weight is missing" },
        { "model.layers.1.mlp.down_proj.weight", left_out, "model: tensor model.layers.1.mlp.down_proj.weight is missing" },
        { "model.layers.0.mlp.up_proj.weight", turned, "model/model.safetensors: tensor model.layers.0.mlp.up_proj.weight: shape [16, 24], expected [24, 16]" },
        { "model.layers.0.mlp.gate_proj.weight", flat, "model/model.safetensors: tensor model.layers.0.mlp.gate_proj.weight: shape [384], expected [24, 16]" },
        { "lm_head.weight", deep, "model/model.safetensors: tensor lm_head.weight: shape [64, 16, 1], expected [64, 16]" },
        { "model.embed_tokens.weight", turned, "model/model.safetensors: tensor model.embed_tokens.weight: shape [16, 64], expected [64, 16]" },
        { "model.layers.1.self_attn.v_proj.weight", whole_numbers, "model/model.safetensors: tensor model.layers.1.self_attn.v_proj.weight: a weight cannot be I32" },
        { "model.norm.weight", whole_numbers, "model/model.safetensors: tensor model.norm.weight: a weight cannot be I32" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Model model;
        write_changed(cases[i].name, cases[i].change);
        assert_fails(STATUS_INPUT, cases[i].message, model_open(&model, "model"));
        assert_true(!model.path && !model.layer && !model.folder.n_files);
    }
}

static void config_and_tensors_must_agree(void **state)
{
    (void)state;
    static const char config[] = "{\"model_type\": \"llama\", \"vocab_size\": 64, \"hidden_size\": 16, \"intermediate_size\": 24, \"num_hidden_layers\": %s, \"num_attention_heads\": %s, "
                                 "\"tie_word_embeddings\": %s, \"attention_bias\": %s}";
    static const char *const cases[][5] = {
        { "3", "2", "false", "false", "model: tensor model.layers.2.input_layernorm.weight is missing" },
        { "2", "2, \"num_key_value_heads\": 1", "false", "false", "model/model.safetensors: tensor model.layers.0.self_attn.k_proj.weight: shape [16, 16], expected [8, 16]" },
        { "2", "2", "false", "true", "model: tensor model.layers.0.self_attn.q_proj.bias is missing" },
        { "2", "2", "true", "false", NULL }, { "1", "2", "false", "false", NULL },
    };
    tiny_model_write("model", (TinyModel){0});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Model model;
        char *text = memory_format(config, cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
        tiny_write("model", "config.json", text);
        if (cases[i][4]) assert_fails(STATUS_INPUT, cases[i][4], model_open(&model, "model"));
        else assert_ok(model_open(&model, "model"));
        model_close(&model);
        free(text);
    }
}

/* What model_open finds in a folder of the golden models. */
static void numbers_of_a_model(void **state)
{
    (void)state;
    Model m;
    Buffer dtypes = {0};
    assert_ok(model_open(&m, GRAFT_GOLDEN "/llama/llama3"));
    assert_true(m.folder.n_files == 3 && m.n_sites == 14 && m.head.bytes != m.embedding.bytes);
    int64_t attention = 2 * 32 * 32 + 2 * 16 * 32, mlp = 3 * 32 * 48, norms = 5 * 32;
    assert_int_equal(model_parameters(&m), 2 * 80 * 32 + 2 * (attention + mlp) + norms);
    assert_int_equal(model_weight_bytes(&m), 4 * model_parameters(&m));
    model_dtypes(&m, &dtypes);
    assert_string_equal(dtypes.data, "F32");
    assert_string_equal(model_site(&m, 13)->path, "model.layers.1.mlp.down_proj");
    assert_true(model_site(&m, 13)->layer == 1 && model_site(&m, 13)->index == 13 && !model_site(&m, 13)->b);
    model_close(&m);
    assert_ok(model_open(&m, GRAFT_GOLDEN "/llama/tied"));
    assert_true(m.head.bytes == m.embedding.bytes && model_site(&m, 0)->b && !model_site(&m, 4)->b);
    model_close(&m);
    assert_ok(model_open(&m, GRAFT_GOLDEN "/gemma3/images"));
    assert_int_equal(model_weight_bytes(&m), 4 * model_parameters(&m));
    assert_true(model_tensors(&m)->n > m.n_sites + 2 && m.config.multimodal);
    assert_string_equal(model_site(&m, 0)->path, "model.language_model.layers.0.self_attn.q_proj");
    assert_string_equal(m.head_path, "lm_head");
    model_close(&m);
    buffer_free(&dtypes);
}

/* ---- GGUF ---- */

enum { U32 = 4, F32 = 6, BOOL = 7, STRING = 8 };
typedef struct { const char *key; uint32_t type; double number; const char *text; } Meta;
enum { MAX_META = 24 };
typedef struct { Meta item[MAX_META]; int n; } Metas;

static void set_meta(Metas *metas, Meta meta)
{
    int i = 0;
    while (i < metas->n && strcmp(metas->item[i].key, meta.key)) i++;
    metas->item[i] = meta;
    if (i == metas->n) metas->n++;
}

static Metas metas_of(const ModelConfig *c)
{
    Metas metas = {0};
    const Meta all[] = {
        { "general.architecture", STRING, 0, "llama" }, { "llama.context_length", U32, (double)c->max_position_embeddings, NULL }, { "llama.embedding_length", U32, (double)c->hidden_size, NULL },
        { "llama.block_count", U32, (double)c->num_hidden_layers, NULL }, { "llama.feed_forward_length", U32, (double)c->intermediate_size, NULL },
        { "llama.attention.head_count", U32, (double)c->num_attention_heads, NULL }, { "llama.attention.head_count_kv", U32, (double)c->num_key_value_heads, NULL },
        { "llama.attention.key_length", U32, (double)c->head_dim, NULL }, { "llama.rope.dimension_count", U32, (double)c->head_dim, NULL },
        { "llama.attention.layer_norm_rms_epsilon", F32, c->norm_eps, NULL }, { "llama.rope.freq_base", F32, c->rope[0].theta, NULL },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) set_meta(&metas, all[i]);
    if (c->rope[0].type == ROPE_TYPE_LINEAR) {
        set_meta(&metas, (Meta){ "llama.rope.scaling.type", STRING, 0, "linear" });
        set_meta(&metas, (Meta){ "llama.rope.scaling.factor", F32, c->rope[0].factor, NULL });
    }
    return metas;
}

static void add(Buffer *out, uint64_t x, size_t n) { buffer_add(out, &x, n); }

static void add_text(Buffer *out, const char *text)
{
    add(out, strlen(text), 8);
    buffer_add_string(out, text);
}

static void add_metas(Buffer *out, const Metas *metas)
{
    for (int i = 0; i < metas->n; i++) {
        const Meta *meta = &metas->item[i];
        float real = (float)meta->number;
        add_text(out, meta->key);
        add(out, meta->type, 4);
        if (meta->type == STRING) add_text(out, meta->text);
        else if (meta->type == F32) buffer_add(out, &real, 4);
        else add(out, (uint64_t)(int64_t)meta->number, meta->type == BOOL ? 1 : 4);
    }
}

/* model.layers.3.self_attn.q_proj.weight -> blk.3.attn_q.weight */
static char *gguf_name(const char *name)
{
    static const char *const names[][2] = {
        { "model.embed_tokens.", "token_embd." }, { "lm_head.", "output." }, { "model.norm.", "output_norm." }, { "input_layernorm.", "attn_norm." },
        { "post_attention_layernorm.", "ffn_norm." }, { "self_attn.q_proj.", "attn_q." }, { "self_attn.k_proj.", "attn_k." }, { "self_attn.v_proj.", "attn_v." },
        { "self_attn.o_proj.", "attn_output." }, { "mlp.gate_proj.", "ffn_gate." }, { "mlp.up_proj.", "ffn_up." }, { "mlp.down_proj.", "ffn_down." },
    };
    int layer = -1, skipped = 0;
    if (sscanf(name, "model.layers.%d.%n", &layer, &skipped) == 1) name += skipped;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i][0]);
        if (strncmp(name, names[i][0], n)) continue;
        return layer < 0 ? memory_format("%s%s", names[i][1], name + n) : memory_format("blk.%d.%s%s", layer, names[i][1], name + n);
    }
    print_error("%s\n", name);
    abort();
}

/* Row h, half, i of a head moves to h, i, half: reshape(heads, 2, d / 2, in).swapaxes(1, 2). */
static void add_tensor_bytes(Buffer *out, const TensorEntry *e, int64_t heads)
{
    int64_t row_bytes = e->n_bytes / e->dims[0], d = heads ? e->dims[0] / heads : 0;
    if (!heads) buffer_add(out, e->bytes, (size_t)e->n_bytes);
    for (int64_t h = 0; h < heads; h++)
        for (int64_t i = 0; i < d / 2; i++)
            for (int64_t half = 0; half < 2; half++)
                buffer_add(out, (const char *)e->bytes + (h * d + half * d / 2 + i) * row_bytes, (size_t)row_bytes);
}

static int64_t heads_of(const char *name, const ModelConfig *c)
{
    return strstr(name, "q_proj") ? c->num_attention_heads : strstr(name, "k_proj") ? c->num_key_value_heads : 0;
}

/* The tensors that one of the file holds: itself, or, fused, those of k and v behind q's. */
static int parts_of(const Model *m, const TensorEntry *e, bool fused, const TensorEntry *part[3])
{
    static const char *const projections[] = { "q_proj", "k_proj", "v_proj" };
    const char *q = strstr(e->name, "q_proj");
    part[0] = e;
    for (int i = 1; fused && q && i < 3; i++) {
        char *name = memory_format("%.*s%s%s", (int)(q - e->name), e->name, projections[i], q + strlen("q_proj"));
        part[i] = tensors_find(&m->folder.tensors, name);
        assert_non_null(part[i]);
        free(name);
    }
    return fused && q ? 3 : 1;
}

static void add_tensor(Buffer *head, Buffer *data, const Model *m, const TensorEntry *e, bool fused)
{
    const TensorEntry *part[3];
    int n = parts_of(m, e, fused, part);
    char *name = gguf_name(e->name), *q = strstr(name, "attn_q.");
    char *written = n == 3 ? memory_format("%.*sattn_qkv.%s", (int)(q - name), name, q + strlen("attn_q.")) : memory_string(name);
    int64_t rows = 0;
    for (int i = 0; i < n; i++) rows += part[i]->dims[0];
    add_text(head, written);
    add(head, (uint64_t)e->n_dims, 4);
    for (int k = e->n_dims - 1; k >= 0; k--) add(head, (uint64_t)(k ? e->dims[k] : rows), 8);
    add(head, e->dtype == DTYPE_F32 ? 0 : e->dtype == DTYPE_F16 ? 1 : 30, 4);
    add(head, data->len, 8);
    for (int i = 0; i < n; i++) add_tensor_bytes(data, part[i], heads_of(part[i]->name, &m->config));
    while (data->len % 32) buffer_add_char(data, 0);
    free(name);
    free(written);
}

static bool is_in_fused(const char *name) { return strstr(name, "k_proj") || strstr(name, "v_proj"); }

/* The tensors of a folder as a GGUF file with this metadata; fused: q, k and v as one. */
static void write_gguf_as(const char *path, const Model *m, const Metas *metas, bool fused)
{
    const Tensors *t = &m->folder.tensors;
    Buffer head = {0}, data = {0};
    int n = 0;
    for (int i = 0; i < t->n; i++) n += !fused || !is_in_fused(t->entry[i].name);
    buffer_add_string(&head, "GGUF");
    add(&head, 3, 4);
    add(&head, (uint64_t)n, 8);
    add(&head, (uint64_t)metas->n, 8);
    add_metas(&head, metas);
    for (int i = 0; i < t->n; i++)
        if (!fused || !is_in_fused(t->entry[i].name)) add_tensor(&head, &data, m, &t->entry[i], fused);
    while (head.len % 32) buffer_add_char(&head, 0);
    buffer_add(&head, data.data, data.len);
    assert_ok(output_save(path, head.data, head.len));
    buffer_free(&head);
    buffer_free(&data);
}

static void write_gguf(const char *path, const Model *m, const Metas *metas) { write_gguf_as(path, m, metas, false); }

/* One forward and backward over two documents. */
static SftResult one_step(Model *model, State *state, Adapter *adapter)
{
    static const int32_t ids[] = { 5, 9, 33, 4, 60, 7, 7, 21, 50, 3, 12 };
    Examples examples = {0};
    Batch batch;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Step step;
    int64_t index[] = { 0, 1 };
    examples_add(&examples, ids, ids, 11);
    examples_add(&examples, ids + 4, ids + 4, 6);
    Batch capacity = batch_capacity(&examples, 2, (Padding){0});
    batch_init(&batch, &capacity);
    batch_collate(&batch, &examples, index, 2, (Padding){0});
    Forward f = { .model = model, .batch = &batch, .adapter = adapter, .training = true };
    step_init(&step, &backend, &f, (StepKind){ .gradient = true });
    void *arena = memory_try(layout_bytes(step.layout));
    layout_place(step.layout, arena);
    model_reserve_positions(model, batch.longest);
    model_meet(model, batch.longest);
    state_zero_grad(state, &backend);
    SftResult result;
    assert_ok(step_run(&step, &f, batch.n_scored, &result));
    step_free(&step);
    free(arena);
    batch_free(&batch);
    examples_free(&examples);
    pool_close(pool);
    return result;
}

static void a_gguf_file_computes_what_its_folder_does(void **unused)
{
    (void)unused;
    static const char *const names[] = { "gqa", "tied", "bias", "linear", "gqa", "bias" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {       /* the last two with q, k and v as one tensor */
        char *dir = memory_format("%s/llama/%s", GRAFT_GOLDEN, names[i]), *adapter_dir = memory_format("%s/adapter_in", dir);
        Model model[2];
        State state[2] = {{0}};
        Adapter adapter[2] = {{0}};
        SftResult result[2];
        Notices notices = {0};
        assert_ok(model_open(&model[0], dir));
        Metas metas = metas_of(&model[0].config);
        write_gguf_as("same.gguf", &model[0], &metas, i >= 4);
        assert_ok(model_open(&model[1], "same.gguf"));
        assert_int_equal(model_parameters(&model[1]), model_parameters(&model[0]));
        for (int k = 0; k < 2; k++) {
            assert_ok(adapter_folder_open(&adapter[k], &state[k], &model[k], adapter_dir, &notices));
            result[k] = one_step(&model[k], &state[k], &adapter[k]);
        }
        if (result[0].loss != result[1].loss) print_error("%s: %.9g from the folder, %.9g from GGUF\n", names[i], result[0].loss, result[1].loss);
        assert_memory_equal(&result[0], &result[1], sizeof result[0]);
        assert_memory_equal(state[0].grad, state[1].grad, (size_t)state[0].n * sizeof(float));
        for (int k = 0; k < 2; k++) {
            adapter_free(&adapter[k]);
            state_free(&state[k]);
            model_close(&model[k]);
        }
        notices_free(&notices);
        free(dir);
        free(adapter_dir);
    }
}

/* The old name of the factor, which counts where the new one is absent; beside the type "none" there must be no factor. */
static void the_older_name_of_the_scaling(void **state)
{
    (void)state;
    Model folder, model;
    assert_ok(model_open(&folder, GRAFT_GOLDEN "/llama/gqa"));
    Metas metas = metas_of(&folder.config);
    set_meta(&metas, (Meta){ "llama.rope.scale_linear", F32, 4, NULL });
    write_gguf("old.gguf", &folder, &metas);
    assert_ok(model_open(&model, "old.gguf"));
    assert_true(model.config.rope[0].type == ROPE_TYPE_LINEAR && model.config.rope[0].factor == 4);
    model_close(&model);
    set_meta(&metas, (Meta){ "llama.rope.scaling.type", STRING, 0, "none" });
    write_gguf("old.gguf", &folder, &metas);
    assert_fails(STATUS_INPUT, "old.gguf: llama.rope.scale_linear: expected 1 beside rope.scaling.type none, found 4.0", model_open(&model, "old.gguf"));
    set_meta(&metas, (Meta){ "llama.rope.scaling.factor", F32, 0, NULL });
    write_gguf("old.gguf", &folder, &metas);
    assert_ok(model_open(&model, "old.gguf"));
    assert_true(model.config.rope[0].type == ROPE_TYPE_DEFAULT);
    model_close(&model);
    model_close(&folder);
}

static void metadata_that_cannot_be(void **state)
{
    (void)state;
    static const struct { Meta meta; const char *message; } cases[] = {
        { { "general.architecture", U32, 3, NULL }, "key general.architecture is an integer, expected a string" },
        { { "general.architecture", STRING, 0, "mamba" }, "architecture \"mamba\" is not supported; supported are: llama, " },
        { { "llama.embedding_length", U32, 0, NULL }, "llama.embedding_length: expected a whole number above 0 and of a size that can be, found 0" },
        { { "llama.block_count", STRING, 0, "2" }, "llama.block_count: expected a whole number above 0 and of a size that can be, found \"2\"" },
        { { "llama.block_count", U32, 3, NULL }, "tensor blk.2.attn_norm.weight is missing" },
        { { "llama.attention.head_count", F32, 4, NULL }, "llama.attention.head_count: expected a whole number above 0 and of a size that can be, found 4" },
        { { "llama.attention.head_count_kv", U32, 3, NULL }, "num_attention_heads 4 is not a multiple of num_key_value_heads 3" },
        { { "llama.attention.key_length", U32, 6, NULL }, "llama.rope.dimension_count: expected the size of a head, found 8" },
        { { "llama.attention.layer_norm_rms_epsilon", F32, -1, NULL }, "llama.attention.layer_norm_rms_epsilon: expected a number of at least 0, found -1" },
        { { "llama.rope.freq_base", STRING, 0, "x" }, "llama.rope.freq_base: expected a number above 0, found \"x\"" },
        { { "llama.rope.scaling.type", STRING, 0, "magic" }, "llama.rope.scaling.type: expected none, linear, yarn or longrope, found \"magic\"" },
        { { "llama.rope.scaling.type", STRING, 0, "longrope" },
          "llama.rope.scaling.type: expected another type where tensor rope_factors_long.weight is missing, found \"longrope\"" },
        { { "llama.rope.scaling.yarn_beta_fast", F32, 16, NULL }, "llama.rope.scaling.yarn_beta_fast: expected 32, the only one that is supported, found 16" },
        { { "llama.rope.scaling.attn_factor", F32, 1.5, NULL }, "llama.rope.scaling.attn_factor: expected 1, the only one that is supported, found 1.5" },
        { { "llama.attention.causal", BOOL, 0, NULL }, "llama.attention.causal: expected true, the only one that is supported, found false" },
        { { "llama.attention.sliding_window", U32, 4096, NULL }, "llama.attention.sliding_window: expected 0, the only one that is supported, found 4096" },
        { { "llama.attention.value_length", U32, 4, NULL }, "llama.attention.value_length: expected the same as attention.key_length, found 4" },
        { { "llama.rope.dimension_count_swa", U32, 4, NULL }, "llama.rope.dimension_count_swa: expected the same as rope.dimension_count, found 4" },
        { { "llama.block_count", U32, 1, NULL }, "tensor blk.1.attn_k.weight: a model of llama with 1 layers has no such tensor" },
        { { "llama.expert_count", U32, 8, NULL }, "llama.expert_count: expected 0, the only one that is supported, found 8" },
        { { "llama.feed_forward_length", U32, 40, NULL }, "tensor blk.0.ffn_gate.weight: shape [48, 32], expected [40, 32]" },
    };
    Model folder, model;
    assert_ok(model_open(&folder, GRAFT_GOLDEN "/llama/gqa"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Metas metas = metas_of(&folder.config);
        set_meta(&metas, cases[i].meta);
        write_gguf("bad.gguf", &folder, &metas);
        char *message = memory_format("bad.gguf: %s", cases[i].message);
        assert_int_equal(model_open(&model, "bad.gguf"), STATUS_INPUT);
        assert_memory_equal(status_message(), message, strlen(message));
        assert_null(model.path);
        free(message);
    }
    model_close(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_that_do_not_fit), cmocka_unit_test(config_and_tensors_must_agree), cmocka_unit_test(numbers_of_a_model),
        cmocka_unit_test(a_gguf_file_computes_what_its_folder_does), cmocka_unit_test(the_older_name_of_the_scaling),
        cmocka_unit_test(metadata_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
