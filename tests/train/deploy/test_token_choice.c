/* Choosing tokens: transformers' rules on small vectors, and that draws follow the probabilities. */
#include "tests/testing.h"

#include <math.h>

#include "train/deploy/token_choice.h"

enum { V = 8, DRAWS = 20000 };
static const float logits[V] = { 1.0f, 3.0f, -2.0f, 3.0f, 0.0f, 2.0f, -INFINITY, 2.5f };

static TokenRule sampling(TokenRule rule)
{
    rule.sample = true;
    if (rule.temperature == 0) rule.temperature = 1;
    if (rule.top_p == 0) rule.top_p = 1;
    if (rule.repetition_penalty == 0) rule.repetition_penalty = 1;
    return rule;
}

static void count_draws(TokenRule rule, const float *z, int64_t n, int *count)
{
    TokenChooser t;
    token_chooser_init(&t, rule, n);
    memset(count, 0, (size_t)n * sizeof *count);
    for (int i = 0; i < DRAWS; i++) {
        int32_t id = token_choose(&t, z, i);
        assert_true(id >= 0 && id < n);
        count[id]++;
    }
    token_chooser_free(&t);
}

static int32_t likeliest(double penalty, const float *z, const int32_t *met, int n_met)
{
    TokenChooser t;
    token_chooser_init(&t, (TokenRule){ .temperature = 1, .top_p = 1, .repetition_penalty = penalty }, V);
    for (int i = 0; i < n_met; i++) token_chooser_meet(&t, met[i]);
    int32_t id = token_choose(&t, z, 0);
    token_chooser_free(&t);
    return id;
}

static void takes_the_first_of_the_likeliest(void **state)
{
    (void)state;
    assert_int_equal(likeliest(1, logits, NULL, 0), 1);
}

/* 3 / 1.3 is below 2.5; a negative logit goes down too: -0.1 * 1.3 is below -0.12. */
static void repetition_penalty_lowers_what_was_there(void **state)
{
    (void)state;
    const float negative[V] = { -0.1f, -0.12f, -9, -9, -9, -9, -9, -9 };
    assert_int_equal(likeliest(1.3, logits, (int32_t[]){ 1 }, 1), 3);
    assert_int_equal(likeliest(1.3, logits, (int32_t[]){ 1, 3, 1 }, 3), 7);
    assert_int_equal(likeliest(1.3, negative, NULL, 0), 0);
    assert_int_equal(likeliest(1.3, negative, (int32_t[]){ 0 }, 1), 1);
}

static void says_when_logits_are_not_numbers(void **state)
{
    (void)state;
    float broken[V], endless[V] = { 1, INFINITY };
    for (int i = 0; i < V; i++) broken[i] = NAN;
    assert_int_equal(likeliest(1, broken, NULL, 0), -1);
    assert_int_equal(likeliest(1, endless, NULL, 0), -1);
}

/* Chi-square over the tokens with a probability; 6 degrees of freedom stay below 22.5 in 999 of 1000 seeds. */
static void draws_follow_the_probabilities(void **state)
{
    (void)state;
    const double temperatures[] = { 1, 0.5, 3 };
    for (int k = 0; k < 3; k++) {
        int count[V];
        double p[V], total = 0, chi = 0;
        for (int i = 0; i < V; i++) total += p[i] = exp((double)logits[i] / temperatures[k]);
        count_draws(sampling((TokenRule){ .temperature = temperatures[k], .seed = 11 }), logits, V, count);
        assert_int_equal(count[6], 0);
        for (int i = 0; i < V; i++)
            if (p[i] > 0) chi += pow(count[i] - DRAWS * p[i] / total, 2) / (DRAWS * p[i] / total);
        assert_true(chi < 22.5);
    }
}

static void only(const int *count, const char *wanted)
{
    for (int i = 0; i < V; i++) assert_int_equal(count[i] > 0, wanted[i] == 'x');
}

/* By rank: 1 and 3 (equal), 7, 5, 0, 4, 2; 6 cannot be. Shares: 1 and 3 .316 each, 7 .192, 5 .116, … */
static void top_k_and_top_p_leave_the_likeliest(void **state)
{
    (void)state;
    const struct { TokenRule rule; const char *left; } cases[] = {
        { { .top_k = 0 }, "xxxxxx.x" },
        { { .top_k = 1 }, ".x.x...." },                     /* those equal to the smallest stay */
        { { .top_k = 2 }, ".x.x...." },
        { { .top_k = 3 }, ".x.x...x" },
        { { .top_k = V }, "xxxxxx.x" },
        { { .top_k = 1000 }, "xxxxxx.x" },
        { { .top_p = 1e-9 }, ".x......" },                  /* one stays */
        { { .top_p = 0.29 }, ".x......" },
        { { .top_p = 0.32 }, ".x.x...." },
        { { .top_p = 0.75 }, ".x.x...x" },
        { { .top_k = 3, .top_p = 0.75 }, ".x.x...." },      /* of .384 .384 .233 */
        { { .top_k = 3, .top_p = 0.80 }, ".x.x...x" },
        { { .temperature = 1e-30 }, ".x.x...." },
        { { .temperature = 0.1, .top_p = 0.99 }, ".x.x...." },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int count[V];
        TokenRule rule = cases[i].rule;
        rule.seed = 5;
        count_draws(sampling(rule), logits, V, count);
        only(count, cases[i].left);
    }
}

static void one_token_is_always_drawn(void **state)
{
    (void)state;
    int count[1];
    count_draws(sampling((TokenRule){ .top_k = 50, .top_p = 0.5 }), (float[]){ -7 }, 1, count);
    assert_int_equal(count[0], DRAWS);
}

/* Many tokens, so that the heap is deep: the 50 likeliest and no other. */
static void top_k_of_many(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    float z[MANY];
    int count[MANY];
    for (int i = 0; i < MANY; i++) z[i] = (float)((i * 367) % MANY) * 1e-3f;
    count_draws(sampling((TokenRule){ .top_k = 50 }), z, MANY, count);
    for (int i = 0; i < MANY; i++) assert_int_equal(count[i] > 0, (i * 367) % MANY >= MANY - 50);
}

static void draws_are_a_function_of_seed_and_position(void **state)
{
    (void)state;
    TokenChooser a, b, c;
    int differ = 0;
    token_chooser_init(&a, sampling((TokenRule){ .seed = 1 }), V);
    token_chooser_init(&b, sampling((TokenRule){ .seed = 1 }), V);
    token_chooser_init(&c, sampling((TokenRule){ .seed = 2 }), V);
    for (int i = 0; i < 100; i++) token_choose(&a, logits, i);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(token_choose(&a, logits, i), token_choose(&b, logits, i));
        differ += token_choose(&b, logits, i) != token_choose(&c, logits, i);
    }
    assert_true(differ > 20);
    token_chooser_free(&a);
    token_chooser_free(&b);
    token_chooser_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(takes_the_first_of_the_likeliest), cmocka_unit_test(repetition_penalty_lowers_what_was_there),
        cmocka_unit_test(says_when_logits_are_not_numbers), cmocka_unit_test(draws_follow_the_probabilities), cmocka_unit_test(top_k_and_top_p_leave_the_likeliest),
        cmocka_unit_test(one_token_is_always_drawn), cmocka_unit_test(top_k_of_many), cmocka_unit_test(draws_are_a_function_of_seed_and_position) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
