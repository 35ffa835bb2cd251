/* y = c tanh(x / c), below and at its ends. */
#include "tests/kernels/op_testing.h"

static void fwd(Reference *r)
{
    double cap = (double)r->args->softcap.cap;
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) r->out[0].data[i] = cap * tanh(r->in[0].data[i] / cap);
}

static void check(int64_t rows, int64_t cols, bool small)
{
    static const float caps[] = { 30, 0.5f };
    for (int i = 0; i < 2; i++)
        check_op(&(OpCase){ .op = OP_SOFTCAP, .n_in = 1, .size = { { rows, cols } }, .args.softcap = { caps[i] }, .fwd = fwd, .fwd_tolerance = 4e-7,
                            .small = small });
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, true);
    check(5, 7, true);
    check(0, 64, false);
    check(530, 130, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
