/* The same row added to every row. */
#include "tests/kernels/op_testing.h"

static void fwd(Reference *r)
{
    int64_t cols = r->in[0].cols;
    for (int64_t i = 0; i < r->in[0].rows * cols; i++) r->out[0].data[i] = r->in[0].data[i] + r->in[1].data[i % cols];
}

static void bwd(Reference *r)
{
    int64_t cols = r->in[0].cols;
    memset(r->din[1].data, 0, (size_t)cols * sizeof(double));
    for (int64_t i = 0; i < r->in[0].rows * cols; i++) {
        r->din[0].data[i] = r->dout[0].data[i];
        r->din[1].data[i % cols] += r->dout[0].data[i];
    }
}

static void every_shape(void **state)
{
    (void)state;
    static const struct { int64_t rows, cols; bool small; } shape[] = {
        { 1, 1, true }, { 5, 3, true }, { 123, 65, false }, { 3000, 17, false }, { 2, 40000, false }, { 0, 8, false },
    };
    for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
        /* One rounding, and one more where a gradient is added. */
        check_op(&(OpCase){ .op = OP_ADD_ROW, .n_in = 2, .size = { { shape[i].rows, shape[i].cols }, { 1, shape[i].cols } }, .fwd = fwd, .bwd = bwd,
                            .fwd_tolerance = 6e-8, .bwd_tolerance = 1.2e-7, .small = shape[i].small });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_shape) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
