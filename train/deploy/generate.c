#include "train/deploy/generate.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "data/file/safetensors.h"
#include "kernels/memory.h"
#include "train/adapter/folder.h"
#include "train/deploy/prompt.h"
#include "train/deploy/text_stream.h"
#include "train/deploy/token_choice.h"
#include "train/run/available_memory.h"

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Model, adapter, tokenizer */

static Status open_named_base(Generation *g)
{
    char *path = memory_format("%s/adapter_config.json", g->options.adapter_name_or_path);
    LoraConfig config = {0};
    Status status;
    TRY_GOTO(done, status, lora_config_read(&config, path), "adapter_name_or_path");
    const char *base = config.base_model_name_or_path;
    if (!base) status = fail(STATUS_INPUT, "%s names no base model; give it with model_name_or_path", path);
    else TRY_GOTO(done, status, model_open(&g->model, base), "%s names the base model %s; give model_name_or_path if it is elsewhere", path, base);
done:
    lora_config_free(&config);
    free(path);
    return status;
}

static Status open_model(Generation *g)
{
    const GenerateOptions *o = &g->options;
    if (o->model_name_or_path) TRY(model_open(&g->model, o->model_name_or_path), "model_name_or_path");
    else TRY(open_named_base(g));
    if (o->adapter_name_or_path)
        TRY(adapter_folder_open(&g->adapter, &g->state, &g->model, o->adapter_name_or_path, &g->notices), "adapter_name_or_path");
    return STATUS_OK;
}

static Status open_tokenizer(Generation *g)
{
    const char *adapter = g->options.adapter_name_or_path;
    char *own = adapter ? memory_format("%s/tokenizer.json", adapter) : NULL;
    bool has_own = own && !access(own, F_OK);
    free(own);
    return tokenizer_open(&g->tokenizer, has_own ? adapter : g->model.path, &g->notices);
}

/* The last token of an answer is not read again, so it needs no place. */
static Status open_sequence(Generation *g)
{
    int64_t capacity = g->prompt.n + g->options.max_new_tokens - 1, context = g->model.config.max_position_embeddings;
    if (capacity > INT32_MAX) return fail(STATUS_INPUT, "max_new_tokens: prompt and answer have at most %d tokens", INT32_MAX);
    TRY(model_check_length(&g->model, capacity));
    if (capacity >= context && g->model.config.rope[0].type == ROPE_TYPE_DEFAULT)
        notice(&g->notices, "prompt and answer may come to %lld tokens; the model was made for %lld", (long long)capacity + 1, (long long)context);
    return sequence_open(&g->sequence, &g->backend, &g->model, g->options.adapter_name_or_path ? &g->adapter : NULL, capacity, available_memory());
}

Status generation_open(Generation *g, int argc, char **argv)
{
    TRY(generate_options_parse(&g->options, argc, argv, &g->notices));
    g->pool = pool_open(g->options.threads ? (int)g->options.threads : pool_default_workers());
    g->backend = cpu_backend(g->pool);
    TRY(cpu_backend_use(&g->backend, g->options.cpu_isa), "cpu_isa");
    TRY(open_model(g));
    TRY(open_tokenizer(g));
    TRY(end_tokens_find(&g->ends, g->model.path, g->tokenizer));
    TRY(prompt_encode(&g->options, g->tokenizer, g->model.config.vocab_size, &g->notices, &g->prompt));
    return open_sequence(g);
}

void generation_close(Generation *g)
{
    sequence_close(&g->sequence);
    tokens_free(&g->prompt);
    end_tokens_free(&g->ends);
    tokenizer_close(g->tokenizer);
    adapter_free(&g->adapter);
    state_free(&g->state);
    model_close(&g->model);
    pool_close(g->pool);
    notices_free(&g->notices);
    generate_options_free(&g->options);
    *g = (Generation){0};
}

/* Logits, for those who compare */

static Status write_logits(const Generation *g, const float *logits)
{
    int64_t n = g->prompt.n, vocabulary = g->model.config.vocab_size;
    TensorEntry entry[] = {
        { .name = "input_ids", .dtype = DTYPE_I32, .n_dims = 1, .dims = { n }, .bytes = g->prompt.id, .n_bytes = n * (int64_t)sizeof(int32_t) },
        { .name = "logits", .dtype = DTYPE_F32, .n_dims = 2, .dims = { n, vocabulary }, .bytes = logits, .n_bytes = n * vocabulary * (int64_t)sizeof(float) },
    };
    return safetensors_save(g->options.logits_file, entry, 2);
}

/* Reads the prompt; `next` gets the logits of the answer's first token, which hold until the next one is read. */
static Status read_prompt(Generation *g, const float **next)
{
    if (!g->options.logits_file) {
        *next = sequence_start(&g->sequence, g->prompt.id, g->prompt.n);
        return STATUS_OK;
    }
    size_t bytes = (size_t)(g->prompt.n * g->model.config.vocab_size) * sizeof(float);
    float *logits = memory_try(bytes);
    if (!logits) return fail(STATUS_INPUT, "logits_file: no memory for %zu bytes of logits", bytes);
    *next = sequence_start_logged(&g->sequence, g->prompt.id, g->prompt.n, logits);
    Status status = write_logits(g, logits);
    free(logits);
    return status;
}

/* The answer */

static Status print(FILE *out, Buffer *text)
{
    if (!text->len) return STATUS_OK;
    bool written = fwrite(text->data, 1, text->len, out) == text->len && !fflush(out);
    buffer_clear(text);
    return written ? STATUS_OK : fail(STATUS_WRITE, "the answer cannot be written: %m");
}

static TokenRule rule_of(const GenerateOptions *o)
{
    return (TokenRule){ .sample = o->sample, .temperature = o->temperature, .top_k = o->top_k, .top_p = o->top_p,
                        .repetition_penalty = o->repetition_penalty, .seed = (uint64_t)o->seed };
}

static Status answer(Generation *g, TokenChooser *chooser, TextStream *stream, FILE *out, int64_t *n)
{
    Buffer text = {0};
    const float *logits = NULL;
    int32_t token = -1;
    Status status;
    TRY_GOTO(done, status, read_prompt(g, &logits));
    while (*n < g->options.max_new_tokens) {
        if (*n) logits = sequence_next(&g->sequence, token);
        token = token_choose(chooser, logits, g->prompt.n + *n);
        if (token < 0) TRY_GOTO(done, status, fail(STATUS_INPUT, "the model's logits are not numbers; its weights or the adapter's are broken"));
        ++*n;
        if (end_tokens_have(&g->ends, token)) break;
        token_chooser_meet(chooser, token);
        text_stream_add(stream, token, &text);
        TRY_GOTO(done, status, print(out, &text));
    }
    text_stream_end(stream, &text);
    buffer_add_char(&text, '\n');
    status = print(out, &text);
done:
    buffer_free(&text);
    return status;
}

Status generation_run(Generation *g, FILE *out)
{
    TokenChooser chooser;
    TextStream stream = { .tokenizer = g->tokenizer };
    int64_t n = 0;
    double start = seconds();
    token_chooser_init(&chooser, rule_of(&g->options), g->model.config.vocab_size);
    for (int64_t i = 0; i < g->prompt.n; i++) token_chooser_meet(&chooser, g->prompt.id[i]);
    Status status = answer(g, &chooser, &stream, out, &n);
    if (status == STATUS_OK)
        fprintf(stderr, "%lld tokens read, %lld made in %.2f s\n", (long long)g->prompt.n, (long long)n, seconds() - start);
    text_stream_free(&stream);
    token_chooser_free(&chooser);
    return status;
}

Status generate_command(int argc, char **argv)
{
    if (keys_want_help(argc, argv)) {
        generate_options_help(stdout);
        return STATUS_OK;
    }
    Generation g = {0};
    Status status = generation_open(&g, argc, argv);
    for (int i = 0; i < g.notices.n; i++) fprintf(stderr, "note: %s\n", g.notices.line[i]);
    if (status == STATUS_OK) status = generation_run(&g, stdout);
    generation_close(&g);
    return status;
}
