/* y = a + b. One float32 addition: what is expected is the double sum, rounded once. */
#include "tests/kernels/op_testing.h"

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) r->out[0].data[i] = r->in[0].data[i] + r->in[1].data[i];
}

static void bwd(Reference *r)
{
    for (int i = 0; i < 2; i++) memcpy(r->din[i].data, r->dout[0].data, (size_t)(r->dout[0].rows * r->dout[0].cols) * sizeof(double));
}

static void check(int64_t rows, int64_t cols, bool small)
{
    check_op(&(OpCase){ .op = OP_ADD, .n_in = 2, .size = { { rows, cols }, { rows, cols } }, .fwd = fwd, .bwd = bwd, .fwd_tolerance = 6e-8,
                        .bwd_tolerance = 6e-8, .small = small });
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
