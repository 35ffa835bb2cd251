/* y = drop(x), and the same on dy: an element's fate is that of its own number, wherever and however often it is made. */
#include "tests/kernels/op_testing.h"

static void drop(const OpArgs *args, Exact x, Exact y)
{
    for (int64_t i = 0; i < x.rows * x.cols; i++) y.data[i] = x.data[i] * dropout_keep(args->dropout, i);
}

static void fwd(Reference *r) { drop(r->args, r->in[0], r->out[0]); }
static void bwd(Reference *r) { drop(r->args, r->dout[0], r->din[0]); }

static void check(int64_t rows, int64_t cols, bool small)
{
    static const float p[] = { 0, 0.1f, 0.75f };
    /* The scale is rounded, and so is the product. */
    for (int i = 0; i < 3; i++)
        check_op(&(OpCase){ .op = OP_DROPOUT, .n_in = 1, .size = { { rows, cols } }, .args.dropout = { p[i], { .seed = 5, .step = 7, .micro_batch = 1, .site = 2 } },
                            .fwd = fwd, .bwd = bwd, .fwd_tolerance = 1.2e-7, .bwd_tolerance = 1.8e-7, .small = small });
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, true);
    check(5, 7, true);
    check(0, 64, false);
    check(123, 123, false);
    check(530, 130, false);
    check(3, 40000, false);
}

/* Ones: the share of zeros is p, within a tensor and for one element over many steps, so the mean is what went in. */
static void mean_of_many_masks(void **state)
{
    (void)state;
    enum { ROWS = 20, COLS = 33, N = ROWS * COLS, STEPS = 1000 };
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    OpCase t = { .op = OP_DROPOUT, .n_in = 1, .args.dropout = { 0.1f, { .seed = 6, .site = 3 } } };
    Tensor x[1] = { tensor_new(ROWS, COLS) };
    double *sum = memory_new(N, sizeof *sum), all = 0;
    for (int i = 0; i < N; i++) x[0].data[i] = 1;
    for (uint32_t step = 0; step < STEPS; step++) {
        t.args.dropout.key.step = step;
        OpCall c = forward(&t, &backend, x, 0, -1);
        for (int i = 0; i < N; i++) sum[i] += (double)c.out[0].data[i];
        forward_free(&c);
    }
    double error = sqrt(0.1 / 0.9 / STEPS);      /* of one element's mean */
    for (int i = 0; i < N; i++) {
        assert_true(fabs(sum[i] / STEPS - 1) < 5 * error);
        all += sum[i] / STEPS;
    }
    assert_true(fabs(all / N - 1) < 5 * error / sqrt(N));
    free(sum);
    guarded_free(x[0].data);
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(mean_of_many_masks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
