/* y = x rstd w against a plain loop in double. */
#include "tests/kernels/op_testing.h"

static double reciprocal_deviation(const double *x, int64_t n, double eps)
{
    double sum = 0;
    for (int64_t j = 0; j < n; j++) sum += x[j] * x[j];
    return 1 / sqrt(sum / (double)n + eps);
}

static void fwd(Reference *r)
{
    int64_t n = r->in[0].cols;
    for (int64_t i = 0; i < r->in[0].rows; i++) {
        const double *x = r->in[0].data + i * n;
        double rstd = reciprocal_deviation(x, n, (double)r->args->rmsnorm.eps);
        for (int64_t j = 0; j < n; j++) r->out[0].data[i * n + j] = x[j] * rstd * (double)r->args->rmsnorm.w[j];
    }
}

static void bwd(Reference *r)
{
    int64_t n = r->in[0].cols;
    for (int64_t i = 0; i < r->in[0].rows; i++) {
        const double *x = r->in[0].data + i * n, *dy = r->dout[0].data + i * n;
        double rstd = reciprocal_deviation(x, n, (double)r->args->rmsnorm.eps), along = 0;
        for (int64_t j = 0; j < n; j++) along += dy[j] * (double)r->args->rmsnorm.w[j] * x[j];
        for (int64_t j = 0; j < n; j++)
            r->din[0].data[i * n + j] = rstd * (dy[j] * (double)r->args->rmsnorm.w[j] - x[j] * rstd * rstd * along / (double)n);
    }
}

static void check(int64_t rows, int64_t cols, float eps, float spread, bool small)
{
    Tensor w = tensor_random(1, cols, 50, 1);
    /* A handful of float32 operations of 6e-8 on each element, and sums in 16 partial sums. */
    check_op(&(OpCase){ .op = OP_RMSNORM, .n_in = 1, .size = { { rows, cols } }, .args.rmsnorm = { w.data, eps }, .spread = spread,
                        .fwd = fwd, .bwd = bwd, .fwd_tolerance = 5e-7, .bwd_tolerance = 5e-7, .small = small });
    guarded_free(w.data);
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, 0.5f, 1, true);
    check(1, 5, 1e-5f, 1, true);
    check(5, 16, 1e-6f, 1, true);
    check(3, 33, 1e-5f, 1, true);
    check(0, 64, 1e-5f, 1, false);
    check(123, 123, 1e-5f, 1, false);
    check(530, 576, 1e-5f, 1, false);       /* tasks of 56 rows */
    check(3, 40000, 1e-5f, 1, false);       /* a row is more than a task */
}

static void eps_matters(void **state)
{
    (void)state;
    check(5, 64, 0.5f, 1, true);
    check(5, 64, 1e-5f, 1e-3f, false);      /* x^2 = 1e-6 */
}

/* A row of zeros: rstd = 1 / sqrt(eps), y = 0. */
static void a_row_of_zeros(void **state)
{
    (void)state;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    float x[20] = {0}, w[20], y[20], rstd;
    for (int i = 0; i < 20; i++) w[i] = 2;
    OpArgs args = { .rmsnorm = { w, 0.25f } };
    OpCall c = { .op = OP_RMSNORM, .n_in = 1, .n_out = 1, .n_saved = 1, .args = &args, .in = { { x, 1, 20 } }, .out = { { y, 1, 20 } },
                 .saved = { { &rstd, 1, 1 } } };
    run_kernel(&backend, &c, false);
    assert_true(rstd == 2.0f);
    for (int i = 0; i < 20; i++) assert_true(y[i] == 0.0f);
    pool_close(pool);
}

/* x * rstd is rounded before * w: what transformers' Llama does, and where the bits of a step come from. */
static void llama_rounds_before_the_weight(void **state)
{
    (void)state;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Tensor w = tensor_random(1, 64, 50, 1), in[1] = { tensor_random(7, 64, 51, 1) };
    OpCase t = { .op = OP_RMSNORM, .n_in = 1, .args.rmsnorm = { w.data, 1e-5f } };
    OpCall c = forward(&t, &backend, in, 0, -1);
    for (int i = 0; i < 7 * 64; i++) {
        volatile float normalized = in[0].data[i] * c.saved[0].data[i / 64], y = normalized * w.data[i % 64];
        assert_true(c.out[0].data[i] == y);
    }
    forward_free(&c);
    guarded_free(in[0].data);
    guarded_free(w.data);
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes), cmocka_unit_test(eps_matters), cmocka_unit_test(a_row_of_zeros), cmocka_unit_test(llama_rounds_before_the_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
