/* Some columns of each group. Values are moved, not computed; adding rounds once. */
#include "tests/kernels/op_testing.h"

/* The element of x that is element i of y. */
static int64_t place(const Reference *r, int64_t i)
{
    int64_t group = r->args->columns.group ? r->args->columns.group : r->in[0].cols;
    return i / r->args->columns.n * group + r->args->columns.at + i % r->args->columns.n;
}

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->out[0].rows * r->out[0].cols; i++) r->out[0].data[i] = r->in[0].data[place(r, i)];
}

static void bwd(Reference *r)
{
    memset(r->din[0].data, 0, (size_t)(r->din[0].rows * r->din[0].cols) * sizeof(double));
    for (int64_t i = 0; i < r->dout[0].rows * r->dout[0].cols; i++) r->din[0].data[place(r, i)] = r->dout[0].data[i];
}

static void check(int64_t rows, int64_t cols, int64_t at, int64_t n, int64_t group, bool small)
{
    check_op(&(OpCase){ .op = OP_COLUMNS, .n_in = 1, .size = { { rows, cols } }, .args.columns = { at, n, group }, .fwd = fwd, .bwd = bwd,
                        .bwd_tolerance = 6e-8, .small = small });
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, 0, 1, 0, true);
    check(5, 7, 0, 3, 0, true);
    check(5, 7, 3, 4, 0, true);
    check(5, 7, 0, 7, 0, true);
    check(0, 64, 5, 9, 0, false);
    check(530, 130, 64, 33, 0, false);
}

/* As GPT-NeoX packs q, k and v: side by side in each head. */
static void of_each_head(void **state)
{
    (void)state;
    check(3, 12, 1, 2, 4, true);
    check(3, 12, 2, 2, 6, true);
    check(530, 96, 8, 8, 24, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(of_each_head) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
