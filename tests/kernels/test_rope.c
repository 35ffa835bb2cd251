/* (a, b) -> (a cos - b sin, b cos + a sin) against a plain loop in double. The tables are random: the operation must take no
 * more from them than their values. */
#include "tests/kernels/op_testing.h"

enum { POSITIONS = 50 };

static void turn(const OpArgs *args, Exact x, double sign, Exact y)
{
    int64_t n = args->rope.rotary_dim;
    for (int64_t i = 0; i < x.rows * x.cols; i++) {
        int64_t e = i % x.cols % args->rope.head_dim, half = n / 2;
        int64_t pair = args->rope.interleaved ? e / 2 : e % half, step = args->rope.interleaved ? 1 : half;
        bool first = args->rope.interleaved ? e % 2 == 0 : e < half;
        int64_t at = args->rope.position[i / x.cols] * half + pair;
        double other = e >= n ? 0 : first ? -x.data[i + step] : x.data[i - step];
        y.data[i] = e >= n ? x.data[i] : x.data[i] * (double)args->rope.cos[at] + sign * other * (double)args->rope.sin[at];
    }
}

static void fwd(Reference *r) { turn(r->args, r->in[0], 1, r->out[0]); }
static void bwd(Reference *r) { turn(r->args, r->dout[0], -1, r->din[0]); }

static void check(int64_t rows, int heads, int head_dim, int rotary_dim, bool small)
{
    Tensor cos = tensor_random(POSITIONS, rotary_dim / 2, 60, 1), sin = tensor_random(POSITIONS, rotary_dim / 2, 61, 1);
    int32_t *position = memory_new((size_t)rows, sizeof *position);
    for (int64_t i = 0; i < rows; i++) position[i] = (int32_t)(i * 7 % POSITIONS);
    /* Three roundings of 6e-8, one more where it is added. */
    for (int interleaved = 0; interleaved < 2; interleaved++)
        check_op(&(OpCase){ .op = OP_ROPE, .n_in = 1, .size = { { rows, (int64_t)heads * head_dim } }, .fwd = fwd, .bwd = bwd, .fwd_tolerance = 3e-7,
                            .bwd_tolerance = 3e-7, .small = small,
                            .args.rope = { .cos = cos.data, .sin = sin.data, .position = position, .head_dim = head_dim, .rotary_dim = rotary_dim,
                                           .interleaved = interleaved } });
    free(position);
    guarded_free(sin.data);
    guarded_free(cos.data);
}

static void shapes(void **state)
{
    (void)state;
    check(1, 1, 2, 2, true);
    check(5, 3, 8, 8, true);
    check(2, 2, 10, 10, true);
    check(0, 2, 64, 64, false);
    check(123, 3, 80, 80, false);
    check(530, 4, 64, 64, false);
}

static void a_part_of_each_head(void **state)
{
    (void)state;
    check(5, 3, 9, 4, true);
    check(2, 2, 10, 2, true);
    check(530, 3, 80, 32, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shapes), cmocka_unit_test(a_part_of_each_head) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
