/* Rotary tables against transformers (tests/peers/golden_rope.py), for each way config.json can say rope; `dynamic` grows, stays
 * and resets as micro-batches come. Cosines of float32 angles: torch rounds them once more or less, so an entry may differ
 * by the last bits of a number of size one, and a frequency's last bit is worth position x 2^-24. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/memory.h"
#include "train/model/rope.h"

static const double table_tolerance = 3e-7, frequency_tolerance = 1.2e-7;

static Json *golden;

static int read_golden(void **state)
{
    (void)state;
    assert_ok(json_read(&golden, GRAFT_GOLDEN "/rope.json"));
    return 0;
}

static int free_golden(void **state)
{
    (void)state;
    json_free(golden);
    return 0;
}

static void check_table(const char *name, const char *what, const float *found, const Json *expected, int64_t length)
{
    int i = 0;
    double allowed = table_tolerance + frequency_tolerance * (double)(length - 1);
    for (const Json *item = json_first(expected); item; item = json_next(item), i++) {
        double difference = fabs((double)found[i] - json_number(item));
        if (!(difference <= allowed)) print_error("%s: %s %d at length %d: found %.9g, expected %.9g\n", name, what, i, (int)length, (double)found[i], json_number(item));
        assert_true(difference <= allowed);
    }
}

static void init_rope(Rope *rope, const Json *one, const float *factors)
{
    ModelConfig config;
    assert_ok(config_from_json(&config, json_get(one, "config"), json_key(one)));
    rope_init(rope, &config.rope[0], config.max_position_embeddings, factors);
    config_free(&config);
}

static void open_case(Rope *rope, const Json *one)
{
    init_rope(rope, one, NULL);
    rope_reserve(rope, 1000);
}

static void check_step(Rope *rope, const Json *one, const Json *step)
{
    int64_t length = json_integer(json_get(step, "length")), half = rope->parameters.rotary_dim / 2;
    rope_meet(rope, length);
    assert_int_equal(json_count(json_get(step, "cos")), half);
    check_table(json_key(one), "cos", rope->cos + (length - 1) * half, json_get(step, "cos"), length);
    check_table(json_key(one), "sin", rope->sin + (length - 1) * half, json_get(step, "sin"), length);
}

static void tables_are_transformers(void **state)
{
    (void)state;
    int n = 0;
    for (const Json *one = json_first(json_get(golden, "cases")); one; one = json_next(one), n++) {
        Rope rope = {0};
        open_case(&rope, one);
        for (const Json *step = json_first(json_get(one, "steps")); step; step = json_next(step)) check_step(&rope, one, step);
        rope_free(&rope);
    }
    assert_int_equal(n, 18);
}

/* A run that stopped between any two micro-batches goes on with the tables it had. */
static void a_restored_state_is_the_same(void **state)
{
    (void)state;
    const Json *one = json_get(json_get(golden, "cases"), "dynamic");
    Rope rope = {0}, resumed = {0};
    open_case(&rope, one);
    for (const Json *step = json_first(json_get(one, "steps")); step; step = json_next(step)) {
        check_step(&rope, one, step);
        open_case(&resumed, one);
        rope_restore(&resumed, rope.seen);
        assert_memory_equal(resumed.inv_freq, rope.inv_freq, (size_t)rope.parameters.rotary_dim / 2 * sizeof(float));
        assert_memory_equal(resumed.cos, rope.cos, (size_t)(rope.capacity * rope.parameters.rotary_dim / 2) * sizeof(float));
        rope_free(&resumed);
    }
    rope_free(&rope);
}

static void only_dynamic_changes(void **state)
{
    (void)state;
    for (const Json *one = json_first(json_get(golden, "cases")); one; one = json_next(one)) {
        Rope rope = {0};
        open_case(&rope, one);
        float first = rope.inv_freq[1];
        rope_meet(&rope, 1000);
        assert_true((rope.inv_freq[1] != first) == (rope.parameters.type == ROPE_TYPE_DYNAMIC));
        rope_free(&rope);
    }
}

/* GGUF's rope_freqs divide each frequency. */
static void frequency_factors_divide(void **state)
{
    (void)state;
    Rope plain, divided;
    float factors[8] = { 1, 1, 2, 2, 4, 4, 8, 8 };
    const Json *one = json_get(json_get(golden, "cases"), "default");
    init_rope(&plain, one, NULL);
    init_rope(&divided, one, factors);
    assert_int_equal(plain.parameters.rotary_dim, 16);
    for (int i = 0; i < 8; i++) assert_true(divided.inv_freq[i] == plain.inv_freq[i] / factors[i]);
    rope_free(&plain);
    rope_free(&divided);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_are_transformers), cmocka_unit_test(a_restored_state_is_the_same), cmocka_unit_test(only_dynamic_changes),
        cmocka_unit_test(frequency_factors_divide),
    };
    return cmocka_run_group_tests(tests, read_golden, free_golden);
}
