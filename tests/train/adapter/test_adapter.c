/* Adapters: which modules PEFT adapts, their ranks and scalings, the config and the tensors it saves, and which of them decay
 * (tests/peers/golden_adapter.py); and what
 * is refused: targets that do not exist, configs that are more than plain LoRA, tensors that do not fit, keys that contradict. */
#include "tests/tiny_model.h"

#include <unistd.h>

#include "train/adapter/folder.h"
#include "train/adapter/module_path.h"

static char root[64];

static int enter_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/graft-test-XXXXXX");
    if (!mkdtemp(root) || chdir(root)) return -1;
    tiny_model_write("2", (TinyModel){ .layers = 2 });
    tiny_model_write("3", (TinyModel){ .layers = 3 });
    tiny_model_write("4", (TinyModel){ .layers = 4 });
    tiny_model_write("2tied", (TinyModel){ .layers = 2, .tied = true });
    tiny_model_write("2biased", (TinyModel){ .layers = 2, .biased = true });
    assert_ok(output_make_folder("adapter"));
    assert_ok(output_make_folder("saved"));
    return 0;
}

static int leave_root(void **state)
{
    (void)state;
    return chdir("/") || output_remove(root) != STATUS_OK;
}

typedef struct { Model model; State state; Adapter adapter; Notices notices; } Opened;

static void close_opened(Opened *o)
{
    adapter_free(&o->adapter);
    state_free(&o->state);
    model_close(&o->model);
    notices_free(&o->notices);
}

/* The config in adapter/adapter_config.json on a model; no values. */
static Status attach(Opened *o, const char *model)
{
    LoraConfig config;
    *o = (Opened){0};
    assert_ok(model_open(&o->model, model));
    TRY(lora_config_read(&config, "adapter/adapter_config.json"));
    return adapter_attach(&o->adapter, &o->state, &o->model, &config, &o->notices);
}

/* `more` as members of adapter_config.json. */
static void write_config(const char *more)
{
    char *text = memory_format("{\"peft_type\": \"LORA\"%s%s}", *more ? ", " : "", more);
    tiny_write("adapter", "adapter_config.json", text);
    free(text);
}

/* ---- against PEFT ---- */

static const char *base_of(const Json *one, char name[16])
{
    const Json *more = json_get(one, "base");
    snprintf(name, 16, "%d%s", (int)json_integer(json_get(one, "layers")), json_get(more, "tie_word_embeddings") ? "tied" : json_get(more, "mlp_bias") ? "biased" : "");
    return name;
}

static void write_options(const Json *options)
{
    Json *json = json_copy(options);
    Buffer text = {0};
    json_set(json, "peft_type", json_new_string("LORA"));
    json_set(json, "base_model_name_or_path", json_new_string("base"));
    json_print(&text, json, (JsonStyle){0});
    tiny_write("adapter", "adapter_config.json", text.data);
    buffer_free(&text);
    json_free(json);
}

static void check_modules(const Opened *o, const Json *one)
{
    const Json *expected = json_first(json_get(one, "adapted"));
    for (int i = 0; i < o->model.modules.n; i++) {
        const Adapted *at = &o->adapter.at[i];
        const char *path = o->model.modules.item[i].path, *wanted = json_string(json_at(expected, 0));
        if (!at->n && (!wanted || strcmp(wanted, path))) continue;
        if (!at->n || !wanted || strcmp(wanted, path)) print_error("%s: %s is adapted %s\n", json_key(one), path, at->n ? "here only" : "by PEFT only");
        assert_true(at->n && wanted && !strcmp(wanted, path));
        assert_int_equal(at->rank, json_integer(json_at(expected, 1)));
        assert_true(at->scale == (float)json_number(json_at(expected, 2)));
        expected = json_next(expected);
    }
    assert_null(expected);
    assert_int_equal(o->adapter.n_adapted, json_count(json_get(one, "adapted")));
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* PEFT keeps names in a set, and one layer or pattern as it was given: lists in order of name, one as a list of one, none as null. */
static char *alike(const char *key, const Json *value)
{
    Buffer text = {0};
    const char *name[64];
    int n = (int)json_count(value), i = 0;
    bool listed = !strcmp(key, "layers_to_transform") || !strcmp(key, "layers_pattern");
    if (json_kind(value) == JSON_ARRAY && !n) buffer_add_string(&text, "null");
    else if (json_kind(value) == JSON_ARRAY && json_string(json_first(value)) && n <= 64) {
        for (const Json *item = json_first(value); item; item = json_next(item)) name[i++] = json_string(item);
        qsort(name, (size_t)n, sizeof *name, by_text);
        for (i = 0; i < n; i++) buffer_format(&text, "%s\"%s\"", i ? ", " : "[", name[i]);
        buffer_add_char(&text, ']');
    } else {
        bool wrapped = listed && json_kind(value) != JSON_ARRAY && json_kind(value) != JSON_NULL;
        if (wrapped) buffer_add_char(&text, '[');
        json_print(&text, value, (JsonStyle){0});
        if (wrapped) buffer_add_char(&text, ']');
    }
    return buffer_take(&text);
}

static void check_saved(const Opened *o, const Json *one)
{
    Json *saved = NULL;
    assert_ok(adapter_folder_save(&o->adapter, "saved"));
    assert_ok(json_read(&saved, "saved/adapter_config.json"));
    const Json *expected = json_get(one, "saved");
    for (const Json *item = json_first(expected); item; item = json_next(item)) {
        const char *key = json_key(item);
        char *wanted = alike(key, item), *found = alike(key, json_get(saved, key));
        if (!json_get(saved, key) || strcmp(wanted, found)) print_error("%s: %s\n", json_key(one), key);
        assert_non_null(json_get(saved, key));
        assert_string_equal(found, wanted);
        free(wanted);
        free(found);
    }
    assert_int_equal(json_count(saved), json_count(expected));
    json_free(saved);
}

static bool decays(const Json *one, const char *name)
{
    bool found = false;
    for (const Json *item = json_first(json_get(one, "decayed")); item; item = json_next(item)) found = found || !strcmp(json_string(item), name);
    return found;
}

static void check_decay(const Opened *o, const Json *one)
{
    int n = 0;
    for (int i = 0; i < o->state.n_params; i++, n += o->state.param[i - 1].decay) {
        const Param *p = &o->state.param[i];
        if (p->decay != decays(one, p->name)) print_error("%s: %s decays %s\n", json_key(one), p->name, p->decay ? "here only" : "in Trainer only");
        assert_int_equal(p->decay, decays(one, p->name));
    }
    assert_int_equal(n, json_count(json_get(one, "decayed")));
}

static void check_tensors(const Json *one)
{
    Safetensors file = {0};
    assert_ok(safetensors_open(&file, "saved/adapter_model.safetensors"));
    const Json *expected = json_get(one, "tensors");
    for (const Json *item = json_first(expected); item; item = json_next(item)) {
        const TensorEntry *t = tensors_find(&file.tensors, json_key(item));
        char shape[TENSOR_SHAPE_TEXT];
        Buffer wanted = {0};
        json_print(&wanted, item, (JsonStyle){0});
        if (!t) print_error("%s: %s is not saved\n", json_key(one), json_key(item));
        assert_non_null(t);
        assert_string_equal(tensor_shape(shape, t->n_dims, t->dims), wanted.data);
        buffer_free(&wanted);
    }
    assert_int_equal(file.tensors.n, json_count(expected));
    safetensors_close(&file);
}

/* What was saved is read to the same: the same sites, the same file. */
static void check_again(const Json *one)
{
    Opened o = {0};
    char model[16];
    assert_ok(model_open(&o.model, base_of(one, model)));
    assert_ok(adapter_folder_open(&o.adapter, &o.state, &o.model, "saved", &o.notices));
    check_modules(&o, one);
    check_saved(&o, one);
    close_opened(&o);
}

static void modules_and_config_are_pefts(void **state)
{
    (void)state;
    Json *golden = NULL;
    assert_ok(json_read(&golden, GRAFT_GOLDEN "/adapter.json"));
    int n = 0;
    for (const Json *one = json_first(json_get(golden, "cases")); one; one = json_next(one), n++) {
        Opened o;
        write_options(json_get(one, "options"));
        char model[16];
        Status status = attach(&o, base_of(one, model));
        if (status != STATUS_OK) print_error("%s: %s\n", json_key(one), status_message());
        assert_int_equal(status, STATUS_OK);
        assert_ok(state_allocate(&o.state));
        adapter_initialize(&o.adapter, 1);
        check_modules(&o, one);
        check_decay(&o, one);
        check_saved(&o, one);
        check_tensors(one);
        check_again(one);
        close_opened(&o);
    }
    assert_true(n >= 55);
    json_free(golden);
}

/* ---- what is refused ---- */

static void refused_by(const char *model, const char *more, const char *message)
{
    Opened o;
    write_config(more);
    Status status = attach(&o, model);
    if (status == STATUS_OK) print_error("accepted: %s\n", more);
    assert_int_equal(status, STATUS_INPUT);
    assert_string_equal(status_message(), message);
    close_opened(&o);
}

static void refused(const char *more, const char *message) { refused_by("2", more, message); }

static void targets_that_match_nothing(void **state)
{
    (void)state;
#define HAS "it has, in each of 2 layers: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj"
#define TOO " (exclude_modules, layers_to_transform and modules_to_save count too)"
    refused("\"target_modules\": [\"query\", \"proj\"]", "target_modules query, proj: no module of this model is adapted; " HAS);
    refused("\"target_modules\": \"q_proj\"", "target_modules q_proj (a regular expression over whole paths): no module of this model is adapted; " HAS);
    refused("\"target_modules\": [\"q_proj\"], \"exclude_modules\": [\"q_proj\"]", "target_modules q_proj: no module of this model is adapted" TOO "; " HAS);
    refused("\"target_modules\": [\"q_proj\"], \"layers_to_transform\": [2]", "target_modules q_proj: no module of this model is adapted" TOO "; " HAS);
    refused("\"target_modules\": [\"q_proj\"], \"layers_to_transform\": [0], \"layers_pattern\": [\"h\"]", "target_modules q_proj: no module of this model is adapted" TOO "; " HAS);
}

#define MUST_BE_GIVEN "lora_target_modules must be given: PEFT knows none for "

static void targets_that_must_be_given(void **state)
{
    (void)state;
    refused_by(GRAFT_GOLDEN "/phi3/longrope", "", MUST_BE_GIVEN "phi3; all-linear, or some of o_proj, qkv_proj, gate_up_proj, down_proj");
    refused_by(GRAFT_GOLDEN "/gemma3/images", "", MUST_BE_GIVEN "gemma3; all-linear, or some of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, "
               "best as an expression: .*language_model\\..*\\.(q_proj|v_proj)");
}

/* Names that other parts of a multimodal model have too are announced; an expression over language_model is none of those. */
static void targets_of_a_text_part(void **state)
{
    (void)state;
    static const struct { const char *targets; int n_notices; } cases[] = {
        { "\"target_modules\": [\"q_proj\"]", 1 }, { "\"target_modules\": \"all-linear\"", 1 },
        { "\"target_modules\": \".*language_model\\\\..*\\\\.(q_proj|v_proj)\"", 0 } };
    for (int i = 0; i < 3; i++) {
        Opened o;
        write_config(cases[i].targets);
        assert_ok(attach(&o, GRAFT_GOLDEN "/gemma3/images"));
        assert_int_equal(o.notices.n, cases[i].n_notices);
        close_opened(&o);
    }
}

static void targets_that_cannot_be_adapted(void **state)
{
    (void)state;
    static const char head[] = "target_modules: lm_head cannot be adapted, in TRL neither: the loss multiplies with its weight directly";
    refused("\"target_modules\": [\"q_proj\", \"lm_head\"]", head);
    refused("\"target_modules\": \".*(q_proj|lm_head)\"", head);
    refused("\"target_modules\": [\"q_proj\", \"norm\"]", "target_modules: model.norm is a norm, and LoRA is for linears and embeddings");
    refused("\"target_modules\": [\"embed_tokens\", \"q_proj\"], \"lora_bias\": true", "lora_bias: not on an embedding, and model.embed_tokens is a target");
    refused("\"lora_bias\": true, \"init_lora_weights\": \"gaussian\"", "lora_bias needs init_lora_weights true or false");
    Opened o;
    write_config("\"target_modules\": [\"q_proj\", \"lm_head\"], \"exclude_modules\": [\"lm_head\"]");
    assert_ok(attach(&o, "2"));
    assert_int_equal(o.adapter.n_adapted, 2);
    close_opened(&o);
}

static void weights_that_cannot_be_trained(void **state)
{
    (void)state;
#define TOKENS "trainable_token_indices: "
    refused("\"trainable_token_indices\": []", TOKENS "expected a list of token ids, or an object from the embedding's name to one, found []");
    refused("\"trainable_token_indices\": [1.5]", TOKENS "expected a list of token ids, or an object from the embedding's name to one, found [1.5]");
    refused("\"trainable_token_indices\": {\"embed_tokens\": 3}", TOKENS "expected a list of token ids, or an object from the embedding's name to one, found 3");
    refused("\"trainable_token_indices\": [64]", TOKENS "token 64 is not in a vocabulary of 64");
    refused("\"trainable_token_indices\": [-1]", TOKENS "token -1 is not in a vocabulary of 64");
    refused("\"trainable_token_indices\": {\"wte\": [1]}", TOKENS "\"wte\" is no embedding of this model");
    refused("\"trainable_token_indices\": {\"lm_head\": [1]}", TOKENS "single rows of lm_head cannot be trained, in TRL neither; modules_to_save trains all of it");
    refused("\"trainable_token_indices\": [1], \"modules_to_save\": [\"embed_tokens\"]", TOKENS "modules_to_save already trains all of model.embed_tokens");
    refused("\"trainable_token_indices\": [1], \"target_modules\": [\"embed_tokens\"]", TOKENS "model.embed_tokens is already a target");
    refused_by("2tied", "\"trainable_token_indices\": [1]", TOKENS "the base ties its head to its embedding, and single rows of a head cannot be trained, in TRL neither");
    refused_by("2tied", "\"target_modules\": [\"embed_tokens\"], \"ensure_weight_tying\": true",
               "ensure_weight_tying puts the embedding's adapter on the head too, and the head cannot be adapted, in TRL neither");
    refused("\"modules_to_save\": [\"proj\"]",
            "model.layers.0.self_attn.q_proj is a target, and trained whole since its name ends as an entry of modules_to_save does: exclude it, or write whole names");
    refused("\"modules_to_save\": [\"model\"]", "target_modules q_proj, v_proj: no module of this model is adapted" TOO "; " HAS);
    refused("\"modules_to_save\": [\"(\"]", "modules_to_save: regular expression \"(^|.*\\.)(($|\\..*)\": end pattern with unmatched parenthesis");
}

static void layers_that_cannot_be_replicated(void **state)
{
    (void)state;
    static const char *const broken[] = { "3", "[3]", "[[0]]", "[[0, 1, 2]]", "[[0, 3]]", "[[-1, 1]]", "[[1, 1]]", "[[0, \"1\"]]" };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char more[100], message[200];
        snprintf(more, sizeof more, "\"layer_replication\": %s", broken[i]);
        snprintf(message, sizeof message, "layer_replication: expected a list of pairs, each a first layer and the one behind the last, of 2 layers, found %s", broken[i]);
        refused(more, message);
    }
    refused("\"layer_replication\": [[0, 2]], \"bias\": \"all\"", "layer_replication: replicas share their biases, which cannot be trained then: bias must be none");
}

static void an_entry_without_module_is_noticed(void **state)
{
    (void)state;
    Opened o;
    write_config("\"target_modules\": [\"q_proj\", \"query\"]");
    assert_ok(attach(&o, "2"));
    assert_int_equal(o.notices.n, 1);
    assert_string_equal(o.notices.line[0], "target_modules: \"query\" is no module of this model");
    close_opened(&o);
}

static void expressions_that_do_not_compile(void **state)
{
    (void)state;
    refused("\"target_modules\": \"(q_proj\"", "target_modules: regular expression \"(q_proj\": end pattern with unmatched parenthesis");
    refused("\"target_modules\": [\"q_proj\"], \"exclude_modules\": \"*\"", "exclude_modules: regular expression \"*\": target of repeat operator is not specified");
    refused("\"target_modules\": [\"q_proj\"], \"rank_pattern\": {\"[a\": 2}", "rank_pattern: regular expression \"(?:.*\\.)?(?:[a)\": premature end of char-class");
    refused("\"target_modules\": [\"q_proj\"], \"alpha_pattern\": {\"a)\": 2}", "alpha_pattern: regular expression \"(?:.*\\.)?(?:a))\": unmatched close parenthesis");
    refused("\"target_modules\": [\"q_proj\"], \"layers_to_transform\": [0], \"layers_pattern\": [\"(\"]",
            "layers_pattern: regular expression \"(?:.*\\.)?(?:()\\.0\\..*\": end pattern with unmatched parenthesis");
    bool matches;
    assert_fails(STATUS_INPUT, "regular expression \"(?:a|a)*b\": takes too long on \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac\"",
                 module_path_matches("(?:a|a)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", &matches));
}

static void configs_that_are_more_than_plain_lora(void **state)
{
    (void)state;
    static const char *const others[][2] = {
        { "use_dora", "true" }, { "target_parameters", "[\"w\"]" }, { "alora_invocation_tokens", "[3]" }, { "use_qalora", "true" }, { "use_bdlora", "{\"a\": 1}" },
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char more[100], message[200];
        snprintf(more, sizeof more, "\"%s\": %s", others[i][0], others[i][1]);
        snprintf(message, sizeof message, "adapter/adapter_config.json: %s: expected null or false, the only ones that are supported, found %s", others[i][0], others[i][1]);
        refused(more, message);
        snprintf(more, sizeof more, "\"%s\": null", others[i][0]);
        Opened o;
        write_config(more);
        assert_ok(attach(&o, "2"));
        close_opened(&o);
    }
    refused("\"peft_type\": \"IA3\"", "adapter/adapter_config.json: peft_type: expected \"LORA\", the only one that is supported, found \"IA3\"");
    refused("\"init_lora_weights\": \"pissa\"", "adapter/adapter_config.json: init_lora_weights: expected true, false or gaussian: others change the base model, "
            "which is not supported; convert the adapter with PEFT first, found \"pissa\"");
}

static void values_that_cannot_be(void **state)
{
    (void)state;
#define FILE_NAME "adapter/adapter_config.json: "
    refused("\"r\": 0", FILE_NAME "r: expected a whole number from 1 to 65536, found 0");
    refused("\"r\": 1.5", FILE_NAME "r: expected a whole number from 1 to 65536, found 1.5");
    refused("\"r\": \"8\"", FILE_NAME "r: expected a whole number from 1 to 65536, found \"8\"");
    refused("\"r\": 65537", FILE_NAME "r: expected a whole number from 1 to 65536, found 65537");
    refused("\"r\": null", FILE_NAME "r: expected a whole number from 1 to 65536, found null");
    refused("\"lora_alpha\": NaN", FILE_NAME "lora_alpha: expected a number from 0 to 1e+09, found NaN");
    refused("\"lora_alpha\": -1", FILE_NAME "lora_alpha: expected a number from 0 to 1e+09, found -1");
    refused("\"lora_dropout\": 1", FILE_NAME "lora_dropout: expected a number from 0 to 0.999999, found 1");
    refused("\"use_rslora\": \"yes\"", FILE_NAME "use_rslora: expected true or false, found \"yes\"");
    refused("\"base_model_name_or_path\": 4", FILE_NAME "base_model_name_or_path: expected a string, found 4");
    refused("\"bias\": \"some\"", FILE_NAME "bias: expected none, all or lora_only, found \"some\"");
    refused("\"modules_to_save\": [4]", FILE_NAME "modules_to_save: expected a list of names, found [4]");
    refused("\"target_modules\": 4", FILE_NAME "target_modules: expected a list of names, found 4");
    refused("\"target_modules\": [4]", FILE_NAME "target_modules: expected a list of names, found [4]");
    refused("\"target_modules\": {}", FILE_NAME "target_modules: expected a list of names, found {}");
    refused("\"layers_to_transform\": [0.5]", FILE_NAME "layers_to_transform: expected a list of layers, found [0.5]");
    refused("\"rank_pattern\": [1]", FILE_NAME "rank_pattern: expected an object, found [1]");
    refused("\"rank_pattern\": {\"a\": 1.5}", FILE_NAME "rank_pattern: expected an object of whole numbers from 1 to 65536, found {\"a\": 1.5}");
    refused("\"rank_pattern\": {\"a\": 0}", FILE_NAME "rank_pattern: expected an object of whole numbers from 1 to 65536, found {\"a\": 0}");
    refused("\"alpha_pattern\": {\"a\": NaN}", FILE_NAME "alpha_pattern: expected an object of numbers above 0, found {\"a\": NaN}");
    refused("\"alpha_pattern\": {\"a\": \"2\"}", FILE_NAME "alpha_pattern: expected an object of numbers above 0, found {\"a\": \"2\"}");
    LoraConfig config;
    tiny_write("adapter", "adapter_config.json", "[]");
    assert_fails(STATUS_INPUT, FILE_NAME "expected an object, found a list", lora_config_read(&config, "adapter/adapter_config.json"));
    tiny_write("adapter", "adapter_config.json", "{}");
    assert_fails(STATUS_INPUT, FILE_NAME "peft_type: expected \"LORA\", the only one that is supported, found nothing", lora_config_read(&config, "adapter/adapter_config.json"));
}

/* ---- the folder's tensors ---- */

typedef void Change(TensorEntry *);
static void left_out(TensorEntry *e) { e->name = ""; }
static void renamed(TensorEntry *e) { e->name = "base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight"; }
static void turned(TensorEntry *e) { int64_t rows = e->dims[0]; e->dims[0] = e->dims[1]; e->dims[1] = rows; }
static void whole_numbers(TensorEntry *e) { e->dtype = DTYPE_I32; }

static Status open_folder(Opened *o)
{
    *o = (Opened){0};
    assert_ok(model_open(&o->model, "2"));
    return adapter_folder_open(&o->adapter, &o->state, &o->model, "saved", &o->notices);
}

/* A good folder, then its first tensor changed, or one more added. */
static void check_folder(Change *change, bool one_more, const char *message)
{
    Opened o;
    Safetensors whole = {0};
    OutputFile out = {0};
    write_config("\"target_modules\": [\"q_proj\"], \"r\": 2");
    assert_ok(attach(&o, "2"));
    assert_ok(state_allocate(&o.state));
    adapter_initialize(&o.adapter, 1);
    assert_ok(adapter_folder_save(&o.adapter, "saved"));
    close_opened(&o);
    assert_ok(safetensors_open(&whole, "saved/adapter_model.safetensors"));
    TensorEntry entry[8];
    int n = whole.tensors.n;
    memcpy(entry, whole.tensors.entry, (size_t)n * sizeof *entry);
    if (one_more) entry[n++] = entry[0];
    if (change) change(&entry[n - 1]);
    if (!entry[n - 1].name[0]) n--;
    assert_ok(output_file_open(&out, "saved/changed"));
    assert_ok(safetensors_write(&out, entry, n, NULL, NULL));
    assert_ok(output_file_commit(&out));
    assert_int_equal(rename("saved/changed", "saved/adapter_model.safetensors"), 0);
    safetensors_close(&whole);
    if (message) assert_fails(STATUS_INPUT, message, open_folder(&o));
    else assert_ok(open_folder(&o));
    close_opened(&o);
}

static void tensors_that_do_not_fit(void **state)
{
    (void)state;
#define TENSORS "saved/adapter_model.safetensors: tensor base_model.model.model.layers."
    check_folder(NULL, false, NULL);
    check_folder(left_out, false, TENSORS "1.self_attn.q_proj.lora_B.weight is missing");
    check_folder(turned, false, TENSORS "1.self_attn.q_proj.lora_B.weight: shape [2, 16], expected [16, 2]");
    check_folder(whole_numbers, false, TENSORS "1.self_attn.q_proj.lora_B.weight: an adapter's weights are F32, F16 or BF16, found I32");
    check_folder(renamed, true, TENSORS "7.self_attn.q_proj.lora_A.weight has no place on this model: the adapter belongs to another base model, or adapts what graft does not");
    assert_int_equal(unlink("saved/adapter_model.safetensors"), 0);
    Opened o;
    assert_fails(STATUS_INPUT, "saved/adapter_model.safetensors: No such file or directory", open_folder(&o));
    close_opened(&o);
}

/* ---- keys of the recipe beside an adapter that goes on ---- */

static void keys_may_only_repeat_the_adapter(void **state)
{
    (void)state;
    static const struct { const char *flag, *message; } cases[] = {
        { "--lora_r=4", NULL }, { "--lora_r=8", "lora_r is 8, but there, which training continues, says r 4; leave the key out" },
        { "--lora_alpha=16", NULL }, { "--lora_alpha=2", "lora_alpha is 2, but there, which training continues, says lora_alpha 16; leave the key out" },
        { "--lora_target_modules=v_proj,q_proj", NULL },
        { "--lora_target_modules=q_proj", "lora_target_modules is q_proj, but there, which training continues, says target_modules q_proj, v_proj; leave the key out" },
        { "--lora_dropout=0.1", NULL }, { "--lora_dropout=0.2", "lora_dropout is 0.2, but there, which training continues, says lora_dropout 0.1; leave the key out" },
        { "--use_rslora=false", "use_rslora is false, but there, which training continues, says use_rslora true; leave the key out" },
        { "--rank_pattern={\"v_proj\":2}", NULL }, { "--rank_pattern={\"v_proj\":3}", "rank_pattern is {\"v_proj\": 3}, but there, which training continues, says rank_pattern {\"v_proj\": 2}; leave the key out" },
        { "--layers_to_transform=1", NULL }, { "--layers_to_transform=0", "layers_to_transform is [0], but there, which training continues, says layers_to_transform [1]; leave the key out" },
        { "--learning_rate=1", NULL },
    };
    LoraConfig config;
    write_config("\"r\": 4, \"lora_alpha\": 16, \"lora_dropout\": 0.1, \"use_rslora\": true, \"target_modules\": [\"q_proj\", \"v_proj\"], \"rank_pattern\": {\"v_proj\": 2}, \"layers_to_transform\": 1");
    assert_ok(lora_config_read(&config, "adapter/adapter_config.json"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Recipe recipe = {0};
        Notices notices = {0};
        char model[] = "--model_name_or_path=m", data[] = "--dataset_name=d", *flag = memory_string(cases[i].flag), *words[] = { model, data, flag };
        assert_ok(recipe_parse(&recipe, 3, words, &notices));
        if (cases[i].message) assert_fails(STATUS_INPUT, cases[i].message, lora_config_check(&config, "there", &recipe));
        else assert_ok(lora_config_check(&config, "there", &recipe));
        recipe_free(&recipe);
        notices_free(&notices);
        free(flag);
    }
    lora_config_free(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_and_config_are_pefts), cmocka_unit_test(targets_that_match_nothing), cmocka_unit_test(targets_that_must_be_given), cmocka_unit_test(targets_of_a_text_part),
        cmocka_unit_test(targets_that_cannot_be_adapted),
        cmocka_unit_test(weights_that_cannot_be_trained),
        cmocka_unit_test(layers_that_cannot_be_replicated), cmocka_unit_test(an_entry_without_module_is_noticed), cmocka_unit_test(expressions_that_do_not_compile), cmocka_unit_test(configs_that_are_more_than_plain_lora),
        cmocka_unit_test(values_that_cannot_be), cmocka_unit_test(tensors_that_do_not_fit), cmocka_unit_test(keys_may_only_repeat_the_adapter),
    };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
