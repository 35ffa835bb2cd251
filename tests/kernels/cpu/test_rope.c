/* y = x cos + rotate_half(x) sin against a plain loop in double. The tables are random: the operation must take no more from
 * them than their values. */
#include "tests/kernels/op_testing.h"

enum { POSITIONS = 50 };

static void turn(const OpArgs *args, Exact x, double sign, Exact y)
{
    int64_t d = args->rope.head_dim;
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t j = 0; j < x.cols; j++) {
            int64_t e = j % d, pair = e % (d / 2), at = args->rope.position[i] * (d / 2) + pair;
            double half = e < d / 2 ? -x.data[i * x.cols + j + d / 2] : x.data[i * x.cols + j - d / 2];      /* rotate_half(x) */
            y.data[i * x.cols + j] = x.data[i * x.cols + j] * (double)args->rope.cos[at] + sign * half * (double)args->rope.sin[at];
        }
}

static void fwd(Reference *r) { turn(r->args, r->in[0], 1, r->out[0]); }
static void bwd(Reference *r) { turn(r->args, r->dout[0], -1, r->din[0]); }

static void check(int64_t rows, int heads, int head_dim, bool small)
{
    Tensor cos = tensor_random(POSITIONS, head_dim / 2, 60, 1), sin = tensor_random(POSITIONS, head_dim / 2, 61, 1);
    int32_t *position = memory_new((size_t)rows, sizeof *position);
    for (int64_t i = 0; i < rows; i++) position[i] = (int32_t)(i * 7 % POSITIONS);
    /* Three roundings of 6e-8, one more where it is added. */
    check_op(&(OpCase){ .op = OP_ROPE, .n_in = 1, .size = { { rows, (int64_t)heads * head_dim } }, .fwd = fwd, .bwd = bwd, .fwd_tolerance = 3e-7,
                        .bwd_tolerance = 3e-7, .args.rope = { cos.data, sin.data, position, head_dim }, .small = small });
    free(position);
    guarded_free(sin.data);
    guarded_free(cos.data);
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, 2, true);
    check(5, 3, 8, true);
    check(2, 2, 10, true);
    check(0, 2, 64, false);
    check(123, 3, 80, false);
    check(530, 4, 64, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
