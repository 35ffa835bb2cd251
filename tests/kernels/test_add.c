/* y = a + s b. Two float32 operations, one where s is 1: what is expected is the double sum, rounded once. */
#include "tests/kernels/op_testing.h"

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) r->out[0].data[i] = r->in[0].data[i] + (double)r->args->add.s * r->in[1].data[i];
}

static void bwd(Reference *r)
{
    for (int64_t i = 0; i < r->dout[0].rows * r->dout[0].cols; i++) {
        r->din[0].data[i] = r->dout[0].data[i];
        r->din[1].data[i] = (double)r->args->add.s * r->dout[0].data[i];
    }
}

static void check(int64_t rows, int64_t cols, bool small)
{
    static const float s[] = { 1, -0.3f };
    for (int i = 0; i < 2; i++) {
        double tolerance = i ? 1.2e-7 : 6e-8;
        check_op(&(OpCase){ .op = OP_ADD, .n_in = 2, .size = { { rows, cols }, { rows, cols } }, .args.add = { s[i] }, .fwd = fwd, .bwd = bwd,
                            .fwd_tolerance = tolerance, .bwd_tolerance = tolerance, .small = small });
    }
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, true);
    check(5, 7, true);
    check(0, 64, false);
    check(123, 123, false);
    check(530, 130, false);
    check(2, 40000, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
