/* y = x + U(-m, m): one element's noise is that of its own number, wherever it is made. */
#include "tests/kernels/op_testing.h"

static double noise(const OpArgs *args, int64_t element)
{
    return (2 * (double)philox_unit(philox_word(args->noise.key, (uint64_t)element)) - 1) * (double)args->noise.m;
}

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) r->out[0].data[i] = r->in[0].data[i] + noise(r->args, i);
}

static void bwd(Reference *r) { memcpy(r->din[0].data, r->dout[0].data, (size_t)(r->dout[0].rows * r->dout[0].cols) * sizeof(double)); }

static void check(int64_t rows, int64_t cols, bool small)
{
    /* Two roundings of 6e-8. */
    check_op(&(OpCase){ .op = OP_NOISE, .n_in = 1, .size = { { rows, cols } }, .args.noise = { 0.5f, { .seed = 5, .step = 7, .micro_batch = 1, .site = 2 } },
                        .fwd = fwd, .bwd = bwd, .fwd_tolerance = 1.2e-7, .bwd_tolerance = 1.2e-7, .small = small });
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, true);
    check(5, 7, true);
    check(0, 64, false);
    check(123, 123, false);
    check(530, 130, false);
}

/* On x = 0: within the bound, on both sides, and its mean and variance those of U(-m, m) to five standard errors. */
static void noise_is_uniform(void **state)
{
    (void)state;
    enum { ROWS = 200, COLS = 333, N = ROWS * COLS };
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    OpCase t = { .op = OP_NOISE, .n_in = 1, .args.noise = { 0.25f, { .seed = 6 } } };
    Tensor x[1] = { tensor_new(ROWS, COLS) };
    memset(x[0].data, 0, tensor_bytes(x[0]));
    OpCall c = forward(&t, &backend, x, 0, -1);
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        double y = (double)c.out[0].data[i] / 0.25;
        assert_true(y >= -1 && y < 1);
        sum += y;
        squares += y * y;
    }
    assert_true(fabs(sum / N) < 5 * sqrt(1.0 / 3 / N));
    assert_true(fabs(squares / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
    forward_free(&c);
    guarded_free(x[0].data);
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(noise_is_uniform) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
