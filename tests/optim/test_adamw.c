/* A hundred steps against torch.optim.AdamW(fused=True) on the CPU; threads; what is left alone. Without clipping every
 * element in torch's vector code is equal in bits; the last three of 35 go through its scalar tail, which rounds in
 * double. With clipping, torch's norm is a float32 sum: the coefficient, and so m, differs by some 1e-7. */
#include "tests/testing.h"

#include <math.h>
#include <stdbool.h>

#include "data/file/json.h"
#include "optim/adamw.h"

static float noise(uint64_t i, uint64_t key)
{
    uint64_t word = ((i + 1) * 2654435761u + key * 40503u * 65537u) % (UINT64_C(1) << 32);
    return (float)((double)word / 4294967296.0 - 0.5);
}

static void fill(const State *s, float *x, uint64_t key, float scale)
{
    for (int i = 0; i < s->n_params; i++)
        for (int64_t j = 0; j < s->param[i].rows * s->param[i].cols; j++) x[s->param[i].offset + j] = noise((uint64_t)j, key + (uint64_t)i) * scale;
}

static State state_of(const int64_t *sizes, int n)
{
    State s = {0};
    for (int i = 0; i < n; i++) state_add(&s, "p", 1, sizes[i], i != 1);
    assert_ok(state_allocate(&s));
    fill(&s, s.value, 0, 1);
    return s;
}

static void train(State *s, AdamW *adamw, double lr, double max_norm, int n_steps, Pool *pool)
{
    for (int t = 0; t < n_steps; t++) {
        fill(s, s->grad, 1000 + 7 * (uint64_t)t, (float)(0.1 + t % 3));
        adamw_step(adamw, s, lr * (t % 10) / 9, adamw_clip(state_grad_norm(s, pool), max_norm), pool);
    }
}

/* The largest distance, relative to the largest value of its buffer; `exact` demands equal bits in whole groups of 8. */
static double distance(const State *s, const float *x, const Json *bits, bool exact)
{
    double worst = 0, scale = 0;
    const Json *word = json_first(bits);
    for (int i = 0; i < s->n_params; i++)
        for (int64_t j = 0; j < s->param[i].cols; j++, word = json_next(word)) {
            uint32_t u = (uint32_t)json_integer(word);
            float expected;
            memcpy(&expected, &u, 4);
            if (exact && j < s->param[i].cols / 8 * 8) assert_true(x[s->param[i].offset + j] == expected);
            worst = fmax(worst, fabs((double)x[s->param[i].offset + j] - (double)expected));
            scale = fmax(scale, fabs((double)expected));
        }
    assert_null(word);
    return worst / scale;
}

static void equals_torch(void **state)
{
    (void)state;
    Json *json = NULL;
    assert_ok(json_read(&json, GRAFT_GOLDEN "/adamw.json"));
    const int64_t sizes[] = { 192, 64, 35 };
    Pool *pool = pool_open(1);
    for (const Json *c = json_first(json_get(json, "cases")); c; c = json_next(c)) {
        State s = state_of(sizes, 3);
        AdamW adamw = { json_number(json_get(c, "beta1")), json_number(json_get(c, "beta2")), json_number(json_get(c, "eps")),
                        json_number(json_get(c, "weight_decay")), 0 };
        double max_norm = json_number(json_get(c, "max_norm"));
        train(&s, &adamw, json_number(json_get(c, "lr")), max_norm, 100, pool);
        double value = distance(&s, s.value, json_get(c, "value"), max_norm == 0), m = distance(&s, s.m, json_get(c, "m"), max_norm == 0),
               v = distance(&s, s.v, json_get(c, "v"), max_norm == 0);
        print_message("value %.2g  m %.2g  v %.2g\n", value, m, v);
        assert_int_equal(adamw.t, 100);
        assert_true(value < 1e-6 && m < 1e-6 && v < 1e-6);
        state_free(&s);
    }
    pool_close(pool);
    json_free(json);
}

static void bits_do_not_depend_on_threads(void **state)
{
    (void)state;
    const int64_t sizes[] = { 20000, 3, 50001, 16384, 1 };
    State one = state_of(sizes, 5);
    for (int threads = 1; threads <= 3; threads++) {
        State s = state_of(sizes, 5);
        Pool *pool = pool_open(threads);
        AdamW adamw = { 0.9, 0.999, 1e-8, 0.1, 0 };
        train(&s, &adamw, 1e-2, 1, 3, pool);
        if (threads == 1) memcpy(one.value, s.value, (size_t)s.n * 4);
        assert_memory_equal(one.value, s.value, (size_t)s.n * 4);
        pool_close(pool);
        state_free(&s);
    }
    state_free(&one);
}

/* One step by hand, in double, parameter by parameter: cuts inside a parameter and groups are where they belong. */
static void one_step_is_the_formula(void **state)
{
    (void)state;
    const int64_t sizes[] = { 20000, 300, 50001 };
    State s = state_of(sizes, 3);
    Pool *pool = pool_open(1);
    AdamW adamw = { 0.9, 0.999, 1e-8, 0.1, 0 };
    fill(&s, s.grad, 9, 1);
    adamw_step(&adamw, &s, 0.01, 0.5f, pool);
    for (int i = 0; i < 3; i++)
        for (int64_t j = 0; j < sizes[i]; j++) {
            double p = noise((uint64_t)j, (uint64_t)i), g = 0.5 * noise((uint64_t)j, 9 + (uint64_t)i);
            double expected = p * (i == 1 ? 1 : 1 - 0.01 * 0.1) - 0.01 * g / (fabs(g) + 1e-8);
            assert_true(fabs((double)s.value[s.param[i].offset + j] - expected) < 1e-6);
        }
    pool_close(pool);
    state_free(&s);
}

static void rate_zero_moves_the_moments_only(void **state)
{
    (void)state;
    const int64_t size = 5;
    State s = state_of(&size, 1);
    Pool *pool = pool_open(1);
    AdamW adamw = { 0.9, 0.999, 1e-8, 0.1, 0 };
    fill(&s, s.grad, 9, 1);
    adamw_step(&adamw, &s, 0, 1, pool);
    for (int i = 0; i < 5; i++) {
        assert_true(s.value[i] == noise((uint64_t)i, 0));
        assert_true(s.m[i] != 0 && s.v[i] != 0 && s.grad[i] == noise((uint64_t)i, 9));
    }
    for (int i = 5; i < 16; i++) assert_true(s.value[i] == 0 && s.m[i] == 0 && s.v[i] == 0);
    assert_int_equal(adamw.t, 1);
    pool_close(pool);
    state_free(&s);
}

static void clip_follows_torch(void **state)
{
    (void)state;
    assert_true(adamw_clip(0.5, 1) == 1);
    assert_true(adamw_clip(4, 0) == 1 && adamw_clip(4, -1) == 1);
    assert_true(adamw_clip(4, 1) == 1.0f / (4.0f + 1e-6f));
    assert_true(adamw_clip(1, 1) == 1.0f / (1.0f + 1e-6f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_torch), cmocka_unit_test(bits_do_not_depend_on_threads), cmocka_unit_test(one_step_is_the_formula),
        cmocka_unit_test(rate_zero_moves_the_moments_only), cmocka_unit_test(clip_follows_torch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
