/* y = silu(g) u against a plain loop in double. */
#include "tests/kernels/op_testing.h"

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) r->out[0].data[i] = r->in[0].data[i] * sigmoid(r->in[0].data[i]) * r->in[1].data[i];
}

static void bwd(Reference *r)
{
    for (int64_t i = 0; i < r->in[0].rows * r->in[0].cols; i++) {
        double g = r->in[0].data[i], s = sigmoid(g), dy = r->dout[0].data[i];
        r->din[0].data[i] = dy * r->in[1].data[i] * (s + g * s * (1 - s));
        r->din[1].data[i] = dy * g * s;
    }
}

static void check(int64_t rows, int64_t cols, float spread, bool small)
{
    /* About eight float32 operations of 6e-8 on each element, the exponential's 1e-7 among them; g (1 - s) takes the rounding
     * of s times g. */
    double far = spread > 1 ? (double)spread : 1;
    check_op(&(OpCase){ .op = OP_SILU_MUL, .n_in = 2, .size = { { rows, cols }, { rows, cols } }, .spread = spread, .fwd = fwd, .bwd = bwd,
                        .fwd_tolerance = 5e-7, .bwd_tolerance = 5e-7 + 6e-8 * far, .small = small });
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, 1, true);
    check(5, 7, 1, true);
    check(3, 100, 1, true);
    check(0, 64, 1, false);
    check(123, 123, 1, false);      /* pieces of 256 elements cross the rows */
    check(530, 257, 1, false);
}

/* Where the sigmoid is 0 or 1 to float32, and e^-g would overflow. */
static void far_out(void **state)
{
    (void)state;
    check(20, 50, 60, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(far_out) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
