/* `graft generate` from its arguments to its text. */
#include "tests/train/deploy/tiny_chat.h"

#include "data/text/utf8.h"
#include "train/deploy/generate.h"

typedef struct { char dir[64], model[96], adapter[96], path[96]; } World;

static int setup(void **state)
{
    World *w = memory_new(1, sizeof *w);
    chat_folder(w->dir);
    snprintf(w->model, sizeof w->model, "%s/model", w->dir);
    snprintf(w->adapter, sizeof w->adapter, "%s/adapter", w->dir);
    chat_model_write(w->model, 64);
    chat_adapter_write(w->adapter, w->model);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    World *w = *state;
    assert_ok(output_remove(w->dir));
    free(w);
    return 0;
}

/* A file of this test's folder. */
static char *put(World *w, const char *name, const char *text)
{
    tiny_write(w->dir, name, text);
    snprintf(w->path, sizeof w->path, "%s/%s", w->dir, name);
    return w->path;
}

/* Space-separated arguments; "+" stands for a blank. Opens, and runs where `text` is wanted. */
static Status run(Generation *g, const char *line, Buffer *text)
{
    char copy[1024], *argv[32], *rest = copy;
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; (word = strsep(&rest, " "));) {
        for (char *c = word; *c; c++)
            if (*c == '+') *c = ' ';
        argv[argc++] = word;
    }
    *g = (Generation){0};
    Status status = generation_open(g, argc, argv);
    if (status != STATUS_OK || !text) return status;
    char *written;
    size_t n;
    FILE *out = open_memstream(&written, &n);
    status = generation_run(g, out);
    fclose(out);
    buffer_add(text, written, n);
    free(written);
    return status;
}

/* The text that these arguments give; `n_tokens` gets what was read. */
static char *text_of(const char *line, int64_t *n_tokens)
{
    Generation g;
    Buffer text = {0};
    assert_ok(run(&g, line, &text));
    if (n_tokens) *n_tokens = g.prompt.n;
    generation_close(&g);
    return buffer_take(&text);
}

static char *line_of(char out[512], const char *format, ...) __attribute__((format(printf, 2, 3)));
static char *line_of(char out[512], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(out, 512, format, args);
    va_end(args);
    return out;
}

static void same_text(const char *a, const char *b, bool wanted)
{
    char *x = text_of(a, NULL), *y = text_of(b, NULL);
    assert_int_equal(!strcmp(x, y), wanted);
    free(x);
    free(y);
}

static void threads_and_runs_do_not_show(void **state)
{
    World *w = *state;
    char one[512], other[512];
    const char *how[] = { "", " --temperature 1.5", " --top_k 5 --top_p 0.9", " --repetition_penalty 1.2" };
    for (int i = 0; i < 4; i++)
        for (int threads = 1; threads <= 3; threads++)
            same_text(line_of(one, "--model_name_or_path %s --prompt hello --threads 1%s", w->model, how[i]),
                      line_of(other, "--model_name_or_path %s --prompt hello --threads %d%s", w->model, threads, how[i]), true);
    same_text(line_of(one, "--model_name_or_path %s --prompt hello --top_k 0", w->model),
              line_of(other, "--model_name_or_path %s --prompt hello --top_k 0 --seed 43", w->model), false);
}

static void text_is_whole_characters_and_one_newline(void **state)
{
    World *w = *state;
    char line[512];
    for (int seed = 0; seed < 5; seed++) {
        Generation g;
        Buffer text = {0};
        size_t broken;
        assert_ok(run(&g, line_of(line, "--model_name_or_path %s --prompt hello --temperature 3 --top_k 0 --seed %d", w->model, seed), &text));
        assert_int_equal(utf8_valid(text.data, text.len, &broken), text.len);
        assert_int_equal(text.data[text.len - 1], '\n');
        buffer_free(&text);
        generation_close(&g);
    }
}

/* The text is a beginning of the other. */
static void begins(const char *whole, const char *part)
{
    assert_true(strlen(part) < strlen(whole) && !strncmp(whole, part, strlen(part) - 1));
}

static void greedy_ids(World *w, int32_t *id, int n)
{
    Generation g;
    char line[512];
    assert_ok(run(&g, line_of(line, "--model_name_or_path %s --raw --prompt hello --max_new_tokens %d", w->model, n), NULL));
    const float *logits = sequence_start(&g.sequence, g.prompt.id, g.prompt.n);
    for (int i = 0; i < n; i++) {
        id[i] = 0;
        for (int32_t k = 1; k < CHAT_VOCABULARY; k++)
            if (logits[k] > logits[id[i]]) id[i] = k;
        if (i < n - 1) logits = sequence_next(&g.sequence, id[i]);
    }
    generation_close(&g);
}

/* The token that the model would write third is made an end token, in each place that may name one. */
static void stops_at_every_kind_of_end_token(void **state)
{
    World *w = *state;
    int32_t id[12];
    char line[512], text[256], *whole, *cut;
    line_of(line, "--model_name_or_path %s --raw --prompt hello --max_new_tokens 12", w->model);
    greedy_ids(w, id, 12);
    whole = text_of(line, NULL);
    const char *forms[] = { "{\"eos_token_id\": %d}", "{\"eos_token_id\": [1000000, %d]}" };
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, forms[i], id[3]);
        tiny_write(w->model, "generation_config.json", text);
        cut = text_of(line, NULL);
        begins(whole, cut);
        free(cut);
    }
    tiny_write(w->model, "generation_config.json", "{\"eos_token_id\": null}");
    cut = text_of(line, NULL);
    assert_string_equal(cut, whole);
    free(cut);
    tiny_write(w->model, "generation_config.json", "{}");
    free(whole);
}

static void ends_of_tokenizer_and_config(void **state)
{
    World *w = *state;
    Generation g;
    char line[512];
    assert_ok(run(&g, line_of(line, "--model_name_or_path %s --prompt hello", w->model), NULL));
    assert_true(end_tokens_have(&g.ends, 2));          /* <|im_end|> */
    assert_int_equal(g.ends.n, 1);
    generation_close(&g);
}

static void a_prompt_is_a_message_unless_raw(void **state)
{
    World *w = *state;
    char line[512];
    int64_t chat, messages, raw, going_on;
    char *a = text_of(line_of(line, "--model_name_or_path %s --prompt hello", w->model), &chat);
    char *b = text_of(line_of(line, "--model_name_or_path %s --messages %s", w->model, put(w, "chat.json", "[{\"role\": \"user\", \"content\": \"hello\"}]")), &messages);
    char *c = text_of(line_of(line, "--model_name_or_path %s --prompt hello --raw", w->model), &raw);
    char *d = text_of(line_of(line, "--model_name_or_path %s --messages %s", w->model,
                              put(w, "on.json", "{\"messages\": [{\"role\": \"user\", \"content\": \"hello\"}, {\"role\": \"assistant\", \"content\": \"he\"}]}")), &going_on);
    assert_int_equal(chat, messages);
    assert_string_equal(a, b);
    assert_true(raw < chat && chat < going_on);
    free(a);
    free(b);
    free(c);
    free(d);
}

/* Adapter alone, its own template, its own tokenizer; and that it changes the text. */
static void an_adapter_brings_what_it_has(void **state)
{
    World *w = *state;
    char one[512], other[512];
    int64_t base, own;
    same_text(line_of(one, "--adapter_name_or_path %s --prompt hello", w->adapter),
              line_of(other, "--model_name_or_path %s --adapter_name_or_path %s --prompt hello", w->model, w->adapter), true);
    same_text(line_of(one, "--adapter_name_or_path %s --prompt hello", w->adapter), line_of(other, "--model_name_or_path %s --prompt hello", w->model), false);
    free(text_of(line_of(one, "--adapter_name_or_path %s --prompt hello", w->adapter), &base));
    tiny_write(w->adapter, "chat_template.jinja", "{{ messages[0].content }}");
    free(text_of(line_of(one, "--adapter_name_or_path %s --prompt hello", w->adapter), &own));
    assert_true(own < base);
    free(text_of(line_of(one, "--adapter_name_or_path %s --prompt hello --chat_template_path %s", w->adapter, w->model), &own));
    assert_int_equal(own, base);
    chat_copy(w->adapter, "tokenizer.json");
    chat_copy(w->adapter, "tokenizer_config.json");
    free(text_of(line_of(one, "--adapter_name_or_path %s --prompt hello", w->adapter), &own));
    assert_true(own < base);
}

static void logits_are_written(void **state)
{
    World *w = *state;
    char line[512], path[96];
    int64_t n;
    Safetensors file = {0};
    snprintf(path, sizeof path, "%s/logits.safetensors", w->dir);
    char *logged = text_of(line_of(line, "--model_name_or_path %s --prompt hello --logits_file %s", w->model, path), &n);
    char *plain = text_of(line_of(line, "--model_name_or_path %s --prompt hello", w->model), NULL);
    assert_string_equal(logged, plain);
    assert_ok(safetensors_open(&file, path));
    const TensorEntry *logits = tensors_find(&file.tensors, "logits"), *ids = tensors_find(&file.tensors, "input_ids");
    assert_int_equal(logits->dims[0], n);
    assert_int_equal(logits->dims[1], CHAT_VOCABULARY);
    assert_int_equal(ids->dims[0], n);
    safetensors_close(&file);
    free(logged);
    free(plain);
}

static void fails_with(const char *line, const char *message)
{
    Generation g;
    Buffer text = {0};
    Status status = run(&g, line, &text);
    if (strcmp(status_message(), message)) print_error("found    %s\nexpected %s\n", status_message(), message);
    assert_string_equal(status_message(), message);
    assert_int_equal(status, STATUS_INPUT);
    generation_close(&g);
    buffer_free(&text);
}

static void says_what_is_wrong_with_the_prompt(void **state)
{
    World *w = *state;
    char line[512], want[512];
    fails_with(line_of(line, "--model_name_or_path %s --prompt= --raw", w->model), "prompt: it has no token; the model needs one to go on from");
    fails_with(line_of(line, "--model_name_or_path %s --messages %s/none.json", w->model, w->dir), line_of(want, "messages: %s/none.json: No such file or directory", w->dir));
    const struct { const char *json, *found; } cases[] = {
        { "[]", "an empty list" }, { "{\"prompt\": []}", "an object without it" }, { "{\"messages\": \"a\"}", "a string" }, { "3", "an integer" },
    };
    for (int i = 0; i < 4; i++) {
        put(w, "bad.json", cases[i].json);
        fails_with(line_of(line, "--model_name_or_path %s --messages %s", w->model, w->path),
                   line_of(want, "%s: expected a list of messages, or an object whose \"messages\" is one, found %s", w->path, cases[i].found));
    }
    fails_with(line_of(line, "--model_name_or_path %s --messages %s", w->model, put(w, "bad.json", "[1]")), "chat template:1:1: messages[0]: expected an object, found an integer");
    fails_with(line_of(line, "--model_name_or_path %s --messages x --raw", w->model),
               "raw is for a prompt, but messages is given: only a chat template can say how to write them");
    put(w, "t.jinja", "{{ raise_exception('not this') }}");
    fails_with(line_of(line, "--model_name_or_path %s --prompt a --chat_template_path %s", w->model, w->path), line_of(want, "%s:1:19: the template refuses: not this", w->path));
    put(w, "t.jinja", "\xff");
    fails_with(line_of(line, "--model_name_or_path %s --prompt a --chat_template_path %s", w->model, w->path), line_of(want, "chat template: %s: not UTF-8 text", w->path));
}

static void says_what_is_wrong_with_the_files(void **state)
{
    World *w = *state;
    char line[512], want[512], other[96];
    fails_with("--model_name_or_path /nowhere --prompt a", "model_name_or_path: /nowhere/config.json: No such file or directory");
    fails_with("--prompt a", "model_name_or_path is missing: the base model, a folder or a GGUF file (--model_name_or_path DIR)");
    fails_with("--adapter_name_or_path /nowhere --prompt a", "adapter_name_or_path: /nowhere/adapter_config.json: No such file or directory");
    tiny_write(w->model, "generation_config.json", "{\"eos_token_id\": \"x\"}");
    fails_with(line_of(line, "--model_name_or_path %s --prompt a", w->model),
               line_of(want, "%s/generation_config.json: eos_token_id: expected a token's id or a list of ids, found a string", w->model));
    tiny_write(w->model, "generation_config.json", "{\"eos_token_id\": [1, null]}");
    fails_with(line_of(line, "--model_name_or_path %s --prompt a", w->model),
               line_of(want, "%s/generation_config.json: eos_token_id: expected a token's id or a list of ids, found null", w->model));
    tiny_write(w->model, "generation_config.json", "{}");

    snprintf(other, sizeof other, "%s/other", w->dir);
    tiny_model_write(other, (TinyModel){ .vocab_size = 100, .layers = 1, .seed = 5 });
    chat_copy(other, "tokenizer.json");
    fails_with(line_of(line, "--model_name_or_path %s --prompt hello", other),
               "the tokenizer gives token 280, the model's vocabulary has 100; they do not belong together");
    fails_with(line_of(line, "--model_name_or_path %s --adapter_name_or_path %s --prompt a", other, w->adapter),
               line_of(want, "adapter_name_or_path: %s/adapter_model.safetensors: tensor base_model.model.model.layers.1.mlp.down_proj.lora_A.weight has no "
                             "place on this model: the adapter belongs to another base model, or adapts what graft does not", w->adapter));
    tiny_model_write(other, (TinyModel){ .vocab_size = CHAT_VOCABULARY, .hidden_size = 32, .seed = 5 });
    fails_with(line_of(line, "--model_name_or_path %s --adapter_name_or_path %s --prompt a", other, w->adapter),
               line_of(want, "adapter_name_or_path: %s/adapter_model.safetensors: tensor base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight: "
                             "shape [4, 16], expected [4, 32]", w->adapter));
    assert_ok(output_remove(w->model));
    fails_with(line_of(line, "--adapter_name_or_path %s --prompt a", w->adapter),
               line_of(want, "%s/adapter_config.json names the base model %s; give model_name_or_path if it is elsewhere: %s/config.json: No such file or directory",
                       w->adapter, w->model, w->model));
}

static void no_template_for_messages(void **state)
{
    World *w = *state;
    char line[512], template[128];
    snprintf(template, sizeof template, "%s/chat_template.jinja", w->model);
    assert_ok(output_remove(template));
    fails_with(line_of(line, "--model_name_or_path %s --messages x", w->model), "messages: the model has no chat template; give one with chat_template_path");
    int64_t plain, raw;
    free(text_of(line_of(line, "--model_name_or_path %s --prompt hello", w->model), &plain));
    free(text_of(line_of(line, "--model_name_or_path %s --prompt hello --raw", w->model), &raw));
    assert_int_equal(plain, raw);
}

static void a_full_disk_is_a_failure_to_write(void **state)
{
    World *w = *state;
    Generation g;
    char line[512];
    assert_ok(run(&g, line_of(line, "--model_name_or_path %s --prompt hello", w->model), NULL));
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_fails(STATUS_WRITE, "the answer cannot be written: No space left on device", generation_run(&g, full));
    fclose(full);
    generation_close(&g);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = { TEST(threads_and_runs_do_not_show), TEST(text_is_whole_characters_and_one_newline), TEST(stops_at_every_kind_of_end_token),
        TEST(ends_of_tokenizer_and_config), TEST(a_prompt_is_a_message_unless_raw), TEST(an_adapter_brings_what_it_has), TEST(logits_are_written),
        TEST(says_what_is_wrong_with_the_prompt), TEST(says_what_is_wrong_with_the_files), TEST(no_template_for_messages), TEST(a_full_disk_is_a_failure_to_write) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
