#include "train/deploy/sequence.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels/memory.h"

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* The sequence's next n rows, where the cache stands. Returns the logits, or nothing that may be read. */
static Var record(SequenceStep *step, const Sequence *s, const int32_t *ids, int64_t n)
{
    int64_t at = s->cache.length;
    Cache cache = s->cache;
    Span span = { 0, (int32_t)n, 0, (int32_t)(at + n) };
    Batch batch = { .n_rows = n, .n_documents = 1, .longest = (int32_t)(at + n), .ids = (int32_t *)ids, .position = s->position + at, .span = &span };
    Forward f = { .model = s->model, .batch = &batch, .adapter = s->adapter, .cache = &cache };
    tape_begin(&step->tape, TAPE_OFF);
    Var out = step->logits ? decoder_logits(&step->tape, &f) : decoder_hidden(&step->tape, &f);
    if (step->logits) tape_result(&step->tape, out);
    tape_end(&step->tape);
    return out;
}

static void measure(Sequence *s, const Backend *backend, SequenceStep *step, int64_t rows)
{
    int room = 64 + 64 * (int)s->model->config.num_hidden_layers;      /* nodes: generous, and checked by the tape */
    step->layout = layout_open();
    tape_init(&step->tape, backend, step->layout, room, 0);
    s->cache.length = s->cache.capacity - rows;
    record(step, s, NULL, rows);
    s->cache.length = 0;
}

static size_t largest(size_t a, size_t b) { return a > b ? a : b; }

static Status allocate(Sequence *s, int64_t available)
{
    const ModelConfig *c = &s->model->config;
    int64_t rows = c->num_hidden_layers * s->cache.capacity, cols = c->num_key_value_heads * c->head_dim;
    size_t arena = largest(layout_bytes(s->piece.layout), layout_bytes(s->one.layout)), half = (size_t)(rows * cols) * sizeof(float);
    int64_t tables = model_table_bytes(s->model, s->cache.capacity);
    int64_t needed = model_weight_bytes(s->model) + model_copied_bytes(s->model) + (int64_t)(arena + 2 * half) + tables;
    s->bytes = arena + 2 * half;
    s->memory = needed > available ? MAP_FAILED : mmap(NULL, s->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->memory == MAP_FAILED) {
        s->memory = NULL;
        return fail(STATUS_INPUT, "a sequence of %lld tokens needs %.0f MB with the model, and %.0f MB are available; a smaller max_new_tokens or a shorter prompt needs less",
                    (long long)s->cache.capacity, (double)needed / 1e6, (double)available / 1e6);
    }
    layout_place(s->piece.layout, s->memory);
    layout_place(s->one.layout, s->memory);
    s->cache.k = (float *)((char *)s->memory + arena);
    s->cache.v = s->cache.k + rows * cols;
    return STATUS_OK;
}

Status sequence_open(Sequence *s, const Backend *backend, Model *model, const Adapter *adapter, int64_t capacity, int64_t available)
{
    CHECK(capacity >= 1 && capacity <= INT32_MAX, "a sequence of %lld tokens", (long long)capacity);
    *s = (Sequence){ .model = model, .adapter = adapter, .cache.capacity = capacity, .one.logits = true };
    measure(s, backend, &s->piece, smaller(SEQUENCE_PIECE, capacity));
    measure(s, backend, &s->one, 1);
    TRY(allocate(s, available));
    s->position = memory_new((size_t)capacity, sizeof *s->position);
    for (int32_t i = 0; i < capacity; i++) s->position[i] = i;
    model_reserve_positions(model, capacity);
    return STATUS_OK;
}

void sequence_close(Sequence *s)
{
    SequenceStep *steps[] = { &s->piece, &s->one };
    for (int i = 0; i < 2; i++) {
        tape_free(&steps[i]->tape);
        layout_close(steps[i]->layout);
    }
    if (s->memory) munmap(s->memory, s->bytes);
    free(s->position);
    *s = (Sequence){0};
}

static const float *read_one(Sequence *s, int32_t token)
{
    Var logits = record(&s->one, s, &token, 1);
    s->cache.length++;
    return tape_value(&s->one.tape, logits).data;
}

static void begin(Sequence *s, int64_t n)
{
    s->cache.length = 0;
    model_meet(s->model, n);
}

const float *sequence_start(Sequence *s, const int32_t *prompt, int64_t n)
{
    begin(s, n);
    while (s->cache.length < n - 1) {
        int64_t rows = smaller(SEQUENCE_PIECE, n - 1 - s->cache.length);
        record(&s->piece, s, prompt + s->cache.length, rows);
        s->cache.length += rows;
    }
    return read_one(s, prompt[n - 1]);
}

const float *sequence_next(Sequence *s, int32_t token)
{
    model_meet(s->model, s->cache.length + 1);
    return read_one(s, token);
}

const float *sequence_start_logged(Sequence *s, const int32_t *prompt, int64_t n, float *logits)
{
    int64_t vocabulary = s->model->config.vocab_size;
    const float *last = NULL;
    begin(s, n);
    for (int64_t i = 0; i < n; i++) memcpy(logits + i * vocabulary, last = read_one(s, prompt[i]), (size_t)vocabulary * sizeof *logits);
    return last;
}
