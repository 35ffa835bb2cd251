/* y = s x. One float32 product, one more rounding where it is added. */
#include "tests/kernels/op_testing.h"

static void times(const OpArgs *args, Exact x, Exact y)
{
    for (int64_t i = 0; i < x.rows * x.cols; i++) y.data[i] = (double)args->scale.s * x.data[i];
}

static void fwd(Reference *r) { times(r->args, r->in[0], r->out[0]); }
static void bwd(Reference *r) { times(r->args, r->dout[0], r->din[0]); }

static void check(int64_t rows, int64_t cols, bool small)
{
    static const float s[] = { 1, -0.3f, 0 };
    for (int i = 0; i < 3; i++)
        check_op(&(OpCase){ .op = OP_SCALE, .n_in = 1, .size = { { rows, cols } }, .args.scale = { s[i] }, .fwd = fwd, .bwd = bwd, .fwd_tolerance = 6e-8,
                            .bwd_tolerance = 1.2e-7, .small = small });
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
