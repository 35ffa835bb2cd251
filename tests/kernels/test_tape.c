/* The tape on a tiny model: one gradient, to the byte, however it is kept, made again, threaded or laid out. */
#include "tests/kernels/tape_model.h"

static void bits_do_not_depend_on_how_a_step_is_made(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Step first = run(&m, &b, (Plan){ .noise = true }, TAPE_RECORD, NULL);
    for (int64_t i = 0; i < m.n_params; i++) assert_true(isfinite(first.grad[i]));
    for (int how = 0; how < 4; how++)
        for (int keep_light = 0; keep_light < 2; keep_light++)
            for (int workers = 1; workers <= 3; workers++)
                for (int garbage = 0; garbage < 2; garbage++) {      /* zeros, and NaN: nothing is read that was not written */
                    Plan plan = { .policy = { how & 1, how >> 1 }, .keep_light = keep_light, .noise = true, .workers = workers, .garbage = garbage ? 0xFF : 0 };
                    Step step = run(&m, &b, plan, TAPE_RECORD, NULL);
                    assert_same_step(&m, &step, &first);
                    free(step.grad);
                }
    Step again = run(&m, &b, (Plan){ .noise = true, .head_again = true, .workers = 2, .garbage = 0xFF }, TAPE_RECORD, NULL);
    assert_same_step(&m, &again, &first);
    free(again.grad);
    free(first.grad);
    model_close(&m);
}

/* Every call that ran is in the profile, and of its FLOP those that the layout counted. */
static void a_profile_counts_what_ran(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    for (int recompute = 0; recompute < 2; recompute++) {
        Spy spy;
        Step step = run(&m, &b, (Plan){ .policy = { recompute, recompute }, .keep_bf16 = true }, TAPE_RECORD, &spy);
        ProfileRow total = profile_total(&step.profile);
        for (int op = 0; op < OP_COUNT; op++) {
            assert_int_equal(step.profile.row[op][0].calls, spy.fwd[op]);
            assert_int_equal(step.profile.row[op][1].calls, spy.bwd[op]);
            assert_true(step.profile.row[op][0].seconds >= 0 && step.profile.row[op][1].seconds >= 0);
        }
        assert_true(step.profile.row[OP_NARROW][0].calls > 0 && step.profile.row[OP_WIDEN][0].calls > 0);
        assert_true(fabs(total.flops - step.flops) <= 1e-9 * step.flops);
        free(step.grad);
    }
    model_close(&m);
}

/* Every parameter's gradient is the sum of its micro-batches'. */
static void parameters_add(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Layout *layout = layout_open();
    Tape tape;
    Plan plan = {0};
    tape_init(&tape, &backend, layout, 500, 200);
    make_step(&tape, &m, &b, &plan, TAPE_RECORD);
    void *arena = memory_try(layout_bytes(layout));
    layout_place(layout, arena);
    make_step(&tape, &m, &b, &plan, TAPE_RECORD);
    float *once = memory_copy(m.grad, (size_t)m.n_params, sizeof *once);
    make_step(&tape, &m, &b, &plan, TAPE_RECORD);
    for (int64_t i = 0; i < m.n_params; i++) assert_true(fabsf(m.grad[i] - 2 * once[i]) <= 1e-5f * (1 + fabsf(once[i])));
    free(once);
    free(arena);
    tape_free(&tape);
    layout_close(layout);
    pool_close(pool);
    model_close(&m);
}

static double objective(Model *m, const Batch *b, int64_t n, const float *from, const double *direction, double h, float *to)
{
    for (int64_t i = 0; i < n; i++) to[i] = (float)((double)from[i] + h * direction[i]);
    Step step = run(m, b, (Plan){ .noise = true }, TAPE_RECORD, NULL);
    double sum = 0;
    for (int64_t i = 0; i < b->n_scored; i++) sum += (double)b->coef[i] * (double)step.score[i];
    free(step.grad);
    return sum;
}

/* For each parameter along its gradient and along a random direction, by the difference of fourth order. The objective is a
 * float32 one of size 100 with noise 2e-6; steps change it by about 0.1, so 1e-4 is noise and the rest truncation. */
static void gradients_are_finite_differences(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Step step = run(&m, &b, (Plan){ .noise = true }, TAPE_RECORD, NULL);
    Random random;
    random_seed(&random, 4);
    for (int p = 0; p < PARAMS; p++)
        for (int way = 0; way < 2; way++) {
            int64_t n = m.param[p].rows * m.param[p].cols;
            float from[64], *to = m.value + m.param[p].at, *g = step.grad + m.param[p].at, normal[64];
            double direction[64], along = 0, size = 0, length = 0;
            assert_true(n <= 64);
            memcpy(from, to, (size_t)n * sizeof *to);
            random_normal(&random, 0, 1, 64, normal);
            for (int64_t i = 0; i < n; i++) {
                direction[i] = (double)(way ? normal[i] : g[i]);
                size += (double)g[i] * (double)g[i];
                length += direction[i] * direction[i];
            }
            for (int64_t i = 0; i < n; i++) along += (double)g[i] * (direction[i] /= sqrt(length));
            double h = 0.02 / (1 + sqrt(size)), f[4];
            static const int steps[] = { -2, -1, 1, 2 };
            for (int i = 0; i < 4; i++) f[i] = objective(&m, &b, n, from, direction, steps[i] * h, to);
            memcpy(to, from, (size_t)n * sizeof *to);
            double numeric = (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h), error = fabs(numeric - along) / (1 + sqrt(size));
            if (error > 1e-3) print_error("parameter %d, way %d: %g, by differences %g\n", p, way, along, numeric);
            assert_true(error <= 1e-3);
        }
    free(step.grad);
    model_close(&m);
}

/* The layout of a capacity serves every smaller batch, with the bits of the batch's own. */
static void a_smaller_batch_replays_the_capacity(void **state)
{
    (void)state;
    Model m = model_open();
    Batch capacity = { .n_rows = 40, .n_scored = 33, .n_spans = 6, .longest = 20 };
    Batch batches[] = {
        batch_a(), batch_of((int[]){ 20, 20, 0 }, 3), batch_of((int[]){ 1, 0 }, 4), batch_of((int[]){ 1, 1, 1, 1, 2, 3, 0 }, 5), batch_of((int[]){ 17, 0 }, 6),
    };
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++)
        for (int recompute = 0; recompute < 2; recompute++) {
            Plan plan = { .policy = { recompute, recompute }, .workers = 2, .garbage = 0xFF };
            Step own = run(&m, &batches[i], plan, TAPE_RECORD, NULL);
            plan.capacity = &capacity;
            Step replayed = run(&m, &batches[i], plan, TAPE_RECORD, NULL);
            assert_same_step(&m, &replayed, &own);
            assert_true(own.bytes <= replayed.bytes);
            free(own.grad);
            free(replayed.grad);
        }
    model_close(&m);
}

/* A micro-batch without a scored row: no score, no gradient. */
static void nothing_scored(void **state)
{
    (void)state;
    Model m = model_open();
    Batch capacity = batch_a(), b = batch_a();
    b.n_scored = 0;
    Step step = run(&m, &b, (Plan){ .capacity = &capacity, .garbage = 0xFF }, TAPE_RECORD, NULL);
    for (int64_t i = 0; i < m.n_params; i++) assert_true(step.grad[i] == 0.0f);
    free(step.grad);
    model_close(&m);
}

/* What each way of keeping is for: bytes. And they cost what they are said to cost: calls. */
static void plans_have_their_price(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Spy keep, light, recompute;
    Plan plan = { .keep_light = true };
    Step kept = run(&m, &b, plan, TAPE_RECORD, &keep);
    plan.keep_light = false;
    Step rebuilt = run(&m, &b, plan, TAPE_RECORD, &light);
    plan.policy[0] = plan.policy[1] = SEGMENT_RECOMPUTE;
    Step again = run(&m, &b, plan, TAPE_RECORD, &recompute);
    assert_true(again.bytes < rebuilt.bytes && rebuilt.bytes < kept.bytes);
    assert_true(again.flops > kept.flops && rebuilt.flops == kept.flops);

    /* A layer: 7 linears, 3 norms, 1 gate, 3 additions (one of parameters), 2 ropes. */
    assert_int_equal(keep.fwd[OP_LINEAR], 7 * LAYERS);
    assert_int_equal(keep.bwd[OP_LINEAR], 7 * LAYERS);
    assert_int_equal(keep.fwd[OP_NORM], 3 * LAYERS + 1);
    /* The walk makes norms and gates again; not the last norm, which nobody's backward reads, nor the first, which is below
     * everything that learns and so is kept. */
    assert_int_equal(light.fwd[OP_NORM], 3 * LAYERS + 1 + 3 * LAYERS - 1);
    assert_int_equal(light.fwd[OP_GATE], 2 * LAYERS);
    assert_int_equal(light.fwd[OP_LINEAR], 7 * LAYERS);
    /* All but a layer's own output is made again: of its down projection only what is saved, the last addition not at all. */
    assert_int_equal(recompute.fwd[OP_LINEAR], 2 * 7 * LAYERS);
    assert_int_equal(recompute.without_output[OP_LINEAR], LAYERS);
    assert_int_equal(keep.without_output[OP_LINEAR], 0);
    assert_int_equal(recompute.fwd[OP_ADD], 3 * LAYERS + 2 * LAYERS);
    assert_int_equal(recompute.fwd[OP_ATTENTION], 2 * LAYERS);
    assert_int_equal(recompute.bwd[OP_LINEAR], 7 * LAYERS);
    /* The lowest norm has no gradient to pass on. */
    assert_int_equal(keep.bwd[OP_NORM], 3 * LAYERS);
    Step *steps[] = { &kept, &rebuilt, &again };
    for (int i = 0; i < 3; i++) free(steps[i]->grad);
    model_close(&m);
}

static void what_nobody_reads_is_not_made(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Spy spy, dead;
    Step step = run(&m, &b, (Plan){0}, TAPE_RECORD, &spy), with = run(&m, &b, (Plan){ .dead_branch = true }, TAPE_RECORD, &dead);
    assert_null(step.correct.data);
    assert_memory_equal(spy.fwd, dead.fwd, sizeof spy.fwd);
    assert_memory_equal(spy.bwd, dead.bwd, sizeof spy.bwd);
    assert_int_equal(with.bytes, step.bytes);
    assert_true(with.flops == step.flops);
    assert_same_step(&m, &with, &step);
    free(step.grad);
    free(with.grad);
    model_close(&m);
}

/* With only some parameters trainable, theirs are the bits of the full gradient, and less is done. */
static void frozen_parts_cost_nothing(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Spy all, some;
    Step full = run(&m, &b, (Plan){0}, TAPE_RECORD, &all);
    static const struct { uint64_t trainable; int linears, attentions; } cases[] = {
        { 3ull << (2 * (SITES + DOWN)), 1, 0 },                 /* the last down projection */
        { 1ull << (2 * (SITES + GATE) + 1), 2, 0 },             /* B of the last gate */
        { 2ull << (2 * (SITES + V)), 5, 1 },                    /* B of the last v */
        { 1ull << (2 * (SITES + K)), 5, 1 },                    /* A of the last k */
        { 1ull << (2 * O), 11, 1 },                             /* A of the first o: the upper layer's seven and its own four */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int recompute = 0; recompute < 2; recompute++) {
            m.trainable = cases[i].trainable;
            Step part = run(&m, &b, (Plan){ .policy = { recompute, recompute }, .garbage = 0xFF }, TAPE_RECORD, &some);
            for (int p = 0; p < PARAMS; p++)
                for (int64_t e = m.param[p].at; e < m.param[p].at + m.param[p].rows * m.param[p].cols; e++)
                    assert_true(part.grad[e] == (m.trainable >> p & 1 ? full.grad[e] : 0));
            assert_int_equal(some.bwd[OP_LINEAR], cases[i].linears);
            assert_int_equal(some.bwd[OP_ATTENTION], cases[i].attentions);
            assert_true(part.bytes <= full.bytes);
            free(part.grad);
        }
    free(full.grad);
    model_close(&m);
}

static void evaluation_keeps_nothing(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Plan plan = { .entropy = true, .garbage = 0xFF };
    Step training = run(&m, &b, plan, TAPE_RECORD, NULL), evaluation = run(&m, &b, plan, TAPE_OFF, NULL);
    assert_memory_equal(evaluation.score, training.score, sizeof training.score);
    assert_memory_equal(evaluation.entropy, training.entropy, sizeof training.entropy);
    for (int64_t i = 0; i < b.n_scored; i++) assert_true(evaluation.entropy[i] > 0);
    for (int64_t i = 0; i < m.n_params; i++) assert_true(evaluation.grad[i] == 0.0f);
    assert_true(evaluation.bytes < training.bytes);
    free(training.grad);
    free(evaluation.grad);
    model_close(&m);
}

/* --- generation: attention behind a cache is attention over everything */

static void a_cache_gives_the_same_attention(void **state)
{
    (void)state;
    enum { ROWS = 13, CAPACITY = 16, COLS = KV_HEADS * HEAD_DIM };
    Random random;
    random_seed(&random, 8);
    float q[ROWS * WIDTH], k[ROWS * COLS], v[ROWS * COLS], expected[ROWS * WIDTH], k_cache[CAPACITY * COLS], v_cache[CAPACITY * COLS];
    random_normal(&random, 0, 1, ROWS * WIDTH, q);
    random_normal(&random, 0, 1, ROWS * COLS, k);
    random_normal(&random, 0, 1, ROWS * COLS, v);
    memset(k_cache, 0xFF, sizeof k_cache);
    memset(v_cache, 0xFF, sizeof v_cache);
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    Layout *layout = layout_open();
    Tape tape;
    tape_init(&tape, &backend, layout, 20, 4);
    char *arena = NULL;
    /* At capacity: one call measures, the first real one sees all rows, the others pieces of them. */
    static const struct { int64_t at, n; } pieces[] = { { 3, 13 }, { 0, 13 }, { 0, 5 }, { 5, 1 }, { 6, 1 }, { 7, 6 } };
    for (int i = 0; i < 6; i++) {
        int64_t at = pieces[i].at, n = pieces[i].n, from = i ? at : 0;
        Span span = { 0, (int32_t)n, 0, (int32_t)(at + n) };
        OpArgs args = { .attention = { .span = &span, .n_spans = 1, .n_heads = HEADS, .n_kv = KV_HEADS, .head_dim = HEAD_DIM,
                                       .longest = (int)(at + n), .scale = 0.5f } };
        tape_begin(&tape, TAPE_OFF);
        Var x = tape_const(&tape, (Tensor){ q + from * WIDTH, n, WIDTH });
        Var keys = op_append(&tape, tape_const(&tape, (Tensor){ k + from * COLS, n, COLS }), k_cache, at, CAPACITY);
        Var values = op_append(&tape, tape_const(&tape, (Tensor){ v + from * COLS, n, COLS }), v_cache, at, CAPACITY);
        Var y = op_attention(&tape, x, keys, values, &args);
        tape_result(&tape, y);
        tape_end(&tape);
        const float *got = tape_value(&tape, y).data;
        if (i == 0) layout_place(layout, arena = memory_try(layout_bytes(layout)));
        if (i == 1) memcpy(expected, got, sizeof expected);
        /* Other shapes of the same products: a few roundings of 6e-8. */
        for (int64_t e = 0; i > 1 && e < n * WIDTH; e++) assert_true(fabsf(got[e] - expected[at * WIDTH + e]) < 1e-6f);
    }
    free(arena);
    tape_free(&tape);
    layout_close(layout);
    pool_close(pool);
}

/* The coefficients that the head was told must be the seed. */
static void other_coefficients(void *arg)
{
    Model *m = arg;
    Batch b = batch_a();
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Layout *layout = layout_open();
    Tape tape;
    float other[MAX_ROWS] = {0};
    tape_init(&tape, &backend, layout, 500, 200);
    for (int round = 0; round < 2; round++) {
        tape_begin(&tape, TAPE_RECORD);
        tape_seed(&tape, forward(&tape, m, &b, &(Plan){0}).score, other);
        tape_backward(&tape);
        tape_end(&tape);
        if (!round) layout_place(layout, memory_try(layout_bytes(layout)));
    }
}

static void another_seed_than_the_heads_aborts(void **state)
{
    (void)state;
    Model m = model_open();
    assert_aborts("the head was told other coefficients before", other_coefficients, &m);
    model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_do_not_depend_on_how_a_step_is_made), cmocka_unit_test(a_profile_counts_what_ran), cmocka_unit_test(parameters_add), cmocka_unit_test(gradients_are_finite_differences),
        cmocka_unit_test(a_smaller_batch_replays_the_capacity), cmocka_unit_test(nothing_scored), cmocka_unit_test(plans_have_their_price),
        cmocka_unit_test(what_nobody_reads_is_not_made), cmocka_unit_test(frozen_parts_cost_nothing), cmocka_unit_test(evaluation_keeps_nothing),
        cmocka_unit_test(a_cache_gives_the_same_attention), cmocka_unit_test(another_seed_than_the_heads_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
