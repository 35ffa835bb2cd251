/* y = act(g) u against a plain loop in double, from two tensors and from one. */
#include "tests/kernels/op_testing.h"

#include "tests/kernels/exact_act.h"

/* Where element i of y finds its g and u. */
typedef struct { double *g, *u; } Pair;
static Pair pair(const Reference *r, const Exact t[], int64_t i)
{
    if (r->n_in == 2) return (Pair){ t[0].data + i, t[1].data + i };
    int64_t cols = r->in[0].cols / 2, at = i / cols * 2 * cols + i % cols;
    return (Pair){ t[0].data + at, t[0].data + at + cols };
}

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->out[0].rows * r->out[0].cols; i++) {
        Pair in = pair(r, r->in, i);
        r->out[0].data[i] = exact_act(r->args->gate.act, *in.g) * *in.u;
    }
}

static void bwd(Reference *r)
{
    for (int64_t i = 0; i < r->dout[0].rows * r->dout[0].cols; i++) {
        Pair in = pair(r, r->in, i), d = pair(r, r->din, i);
        *d.g = r->dout[0].data[i] * *in.u * exact_act_slope(r->args->gate.act, *in.g);
        *d.u = r->dout[0].data[i] * exact_act(r->args->gate.act, *in.g);
    }
}

static void check(int64_t rows, int64_t cols, float spread, bool small)
{
    /* About eight float32 operations of 6e-8 on each element, the exponential's 1e-7 among them; silu's g (1 - s) takes the
     * rounding of s times g. */
    double far = spread > 1 ? (double)spread : 1;
    for (Act act = ACT_SILU; act <= ACT_RELU2; act++)
        for (int n_in = 1; n_in <= 2; n_in++)
            check_op(&(OpCase){ .op = OP_GATE, .n_in = n_in, .size = { { rows, n_in == 1 ? 2 * cols : cols }, { rows, cols } }, .spread = spread,
                                .args.gate = { act }, .fwd = fwd, .bwd = bwd, .fwd_tolerance = 5e-7, .bwd_tolerance = 5e-7 + 6e-8 * far, .small = small });
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, 1, true);
    check(5, 7, 1, true);
    check(3, 100, 1, true);
    check(0, 64, 1, false);
    check(123, 123, 1, false);
    check(530, 257, 1, false);      /* pieces of 256 elements */
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
