/* A sequence read with a cache gives the logits of a forward over all of it, for every length, adapter and number of threads. */
#include "tests/train/deploy/tiny_chat.h"

#include <math.h>

#include "train/deploy/sequence.h"

enum { LONG = 2 * SEQUENCE_PIECE + 90, SHORT = 40 };

typedef struct { char dir[64]; Model model; Adapter adapter; State state; int32_t ids[LONG]; } World;

static void world_open(World *w, bool dynamic)
{
    *w = (World){0};
    chat_folder(w->dir);
    tiny_model_write(w->dir, (TinyModel){ .vocab_size = CHAT_VOCABULARY, .positions = dynamic ? 16 : LONG, .dynamic_rope = dynamic, .seed = 5 });
    assert_ok(model_open(&w->model, w->dir));
    chat_adapter_init(&w->adapter, &w->state, &w->model);
    Random random;
    random_seed(&random, 9);
    for (int i = 0; i < LONG; i++) w->ids[i] = (int32_t)(random_u32(&random) % CHAT_VOCABULARY);
}

static void world_close(World *w)
{
    adapter_free(&w->adapter);
    state_free(&w->state);
    model_close(&w->model);
    assert_ok(output_remove(w->dir));
}

/* Logits [n, vocabulary] of one forward over n tokens, without a cache: recorded twice, to measure and to run. */
static float *full_forward(World *w, const Adapter *adapter, const int32_t *ids, int n)
{
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    int32_t position[LONG];
    for (int i = 0; i < n; i++) position[i] = i;
    Span span = { 0, n, 0, n };
    Batch batch = { .n_rows = n, .n_documents = 1, .longest = n, .ids = (int32_t *)ids, .position = position, .span = &span };
    Forward f = { .model = &w->model, .batch = &batch, .adapter = adapter };
    Layout *layout = layout_open();
    Tape tape;
    void *arena = NULL;
    Var logits = {0};
    model_reserve_positions(&w->model, n);
    model_meet(&w->model, n);
    tape_init(&tape, &backend, layout, 256, 0);
    for (int pass = 0; pass < 2; pass++) {
        if (pass) layout_place(layout, arena = memory_try(layout_bytes(layout)));
        tape_begin(&tape, TAPE_OFF);
        logits = decoder_logits(&tape, &f);
        tape_result(&tape, logits);
        tape_end(&tape);
    }
    float *out = memory_copy(tape_value(&tape, logits).data, (size_t)n * CHAT_VOCABULARY, sizeof(float));
    tape_free(&tape);
    layout_close(layout);
    free(arena);
    pool_close(pool);
    return out;
}

/* No running fmax, which gcc 12.2 for aarch64 cannot compile where floats become double. */
static double farthest(const float *a, const float *b)
{
    double most = 0;
    for (int i = 0; i < CHAT_VOCABULARY; i++) {
        double apart = fabs((double)a[i] - (double)b[i]);
        most = apart > most ? apart : most;
    }
    return most;
}

static void open(Sequence *s, World *w, Pool *pool, Backend *backend, const Adapter *adapter, int capacity)
{
    *backend = cpu_backend(pool);
    assert_ok(sequence_open(s, backend, &w->model, adapter, capacity, INT64_MAX));
}

/* Token by token, and started anew at every length: the row of the full forward each time. */
static void equals_the_full_forward(World *w, const Adapter *adapter, bool step_too)
{
    Pool *pool = pool_open(1);
    Backend backend;
    Sequence s;
    open(&s, w, pool, &backend, adapter, SHORT);
    float *whole = full_forward(w, adapter, w->ids, SHORT);
    const float *logits = sequence_start(&s, w->ids, 1);
    for (int n = 1; n < SHORT && step_too; logits = sequence_next(&s, w->ids[n++])) assert_true(farthest(logits, whole + (n - 1) * CHAT_VOCABULARY) < 1e-5);
    for (int n = 1; n <= SHORT; n++) {
        float *fresh = full_forward(w, adapter, w->ids, n);
        assert_true(farthest(sequence_start(&s, w->ids, n), fresh + (n - 1) * CHAT_VOCABULARY) < 1e-5);
        free(fresh);
    }
    free(whole);
    sequence_close(&s);
    pool_close(pool);
}

static void every_length_bare(void **state)
{
    (void)state;
    World w;
    world_open(&w, false);
    equals_the_full_forward(&w, NULL, true);
    world_close(&w);
}

static void every_length_adapted(void **state)
{
    (void)state;
    World w;
    world_open(&w, false);
    equals_the_full_forward(&w, &w.adapter, true);
    float *bare = full_forward(&w, NULL, w.ids, 5), *adapted = full_forward(&w, &w.adapter, w.ids, 5);
    assert_true(farthest(bare + 4 * CHAT_VOCABULARY, adapted + 4 * CHAT_VOCABULARY) > 1e-2);
    free(bare);
    free(adapted);
    world_close(&w);
}

/* The prompt meets dynamic rope as a whole. Later tokens leave cached keys as they were, so only starts equal a forward. */
static void dynamic_rope_sees_the_whole_prompt(void **state)
{
    (void)state;
    World w;
    world_open(&w, true);
    equals_the_full_forward(&w, NULL, false);
    world_close(&w);
}

static void several_pieces(void **state)
{
    (void)state;
    World w;
    world_open(&w, false);
    Pool *pool = pool_open(2);
    Backend backend;
    Sequence s;
    open(&s, &w, pool, &backend, NULL, LONG);
    float *whole = full_forward(&w, NULL, w.ids, LONG), *logged = memory_new((size_t)LONG * CHAT_VOCABULARY, sizeof *logged);
    int lengths[] = { SEQUENCE_PIECE, SEQUENCE_PIECE + 1, SEQUENCE_PIECE + 2, 2 * SEQUENCE_PIECE + 1, LONG };
    for (int i = 0; i < 5; i++) assert_true(farthest(sequence_start(&s, w.ids, lengths[i]), whole + (lengths[i] - 1) * CHAT_VOCABULARY) < 1e-5);
    const float *last = sequence_start_logged(&s, w.ids, LONG, logged);
    for (int i = 0; i < LONG; i++) assert_true(farthest(logged + i * CHAT_VOCABULARY, whole + i * CHAT_VOCABULARY) < 1e-5);
    assert_memory_equal(last, logged + (LONG - 1) * CHAT_VOCABULARY, CHAT_VOCABULARY * sizeof *last);
    free(whole);
    free(logged);
    sequence_close(&s);
    pool_close(pool);
    world_close(&w);
}

static void threads_do_not_show(void **state)
{
    (void)state;
    World w;
    float seen[4][CHAT_VOCABULARY];
    world_open(&w, false);
    for (int threads = 1; threads <= 3; threads++) {
        Pool *pool = pool_open(threads);
        Backend backend;
        Sequence s;
        open(&s, &w, pool, &backend, &w.adapter, SHORT);
        sequence_start(&s, w.ids, SHORT - 3);
        for (int i = SHORT - 3; i < SHORT; i++) memcpy(seen[threads], sequence_next(&s, w.ids[i]), sizeof *seen);
        sequence_close(&s);
        pool_close(pool);
    }
    assert_memory_equal(seen[1], seen[2], sizeof *seen);
    assert_memory_equal(seen[1], seen[3], sizeof *seen);
    world_close(&w);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    World w;
    world_open(&w, false);
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Sequence s;
    /* 2 layers x 2 x 1e6 x 16 floats are 256 MB of cache, 1e6 x 8 floats 32 MB of tables; 64 KB of model, the rest is the step. */
    assert_int_equal(sequence_open(&s, &backend, &w.model, NULL, 1000000, 1000000), STATUS_INPUT);
    assert_non_null(strstr(status_message(), "a sequence of 1000000 tokens needs "));
    assert_non_null(strstr(status_message(), " MB with the model, and 1 MB are available; a smaller max_new_tokens or a shorter prompt needs less"));
    sequence_close(&s);
    pool_close(pool);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_length_bare), cmocka_unit_test(every_length_adapted),
        cmocka_unit_test(dynamic_rope_sees_the_whole_prompt), cmocka_unit_test(several_pieces), cmocka_unit_test(threads_do_not_show),
        cmocka_unit_test(refuses_what_does_not_fit) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
