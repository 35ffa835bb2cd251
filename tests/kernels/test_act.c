/* y = act(x) against libm in double. */
#include "tests/kernels/op_testing.h"

#include "tests/kernels/exact_act.h"

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) r->out[0].data[i] = exact_act(r->args->act.act, r->in[0].data[i]);
}

static void bwd(Reference *r)
{
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) r->din[0].data[i] = r->dout[0].data[i] * exact_act_slope(r->args->act.act, r->in[0].data[i]);
}

static void check(int64_t rows, int64_t cols, float spread, bool small)
{
    /* As for the gate (test_gate.c), a factor less. */
    double far = spread > 1 ? (double)spread : 1;
    for (Act act = ACT_SILU; act <= ACT_RELU2; act++)
        check_op(&(OpCase){ .op = OP_ACT, .n_in = 1, .size = { { rows, cols } }, .spread = spread, .args.act = { act }, .fwd = fwd, .bwd = bwd,
                            .fwd_tolerance = 4e-7, .bwd_tolerance = 4e-7 + 6e-8 * far, .small = small });
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, 1, true);
    check(5, 7, 1, true);
    check(3, 100, 1, true);
    check(0, 64, 1, false);
    check(123, 123, 1, false);
    check(530, 257, 1, false);
    check(20, 50, 60, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
