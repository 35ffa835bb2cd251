/* C = alpha A B + beta C against a plain loop in double: every size around a tile's and a block's, strides, parts and tails, and
 * that what a part leaves out is neither read nor written. Once for each set of instructions that has a tile. */
#include "tests/kernels/op_testing.h"

#include "tests/kernels/cpu/emulated.h"
#include "kernels/cpu/matrix.h"

typedef struct { int64_t m, n, k; bool a_transposed, b_transposed; float alpha, beta; GemmPart part; int64_t diagonal, k_tail; } Shape;

enum { PAD = 5 };        /* floats between the end of a row and the next */

static double element(Tensor t, bool transposed, int64_t i, int64_t j)
{
    return (double)(transposed ? t.data[j * t.cols + i] : t.data[i * t.cols + j]);
}

static Tensor operand(int64_t rows, int64_t cols, bool transposed, uint64_t seed)
{
    return transposed ? tensor_random(cols, rows + PAD, seed, 1) : tensor_random(rows, cols + PAD, seed, 1);
}

static bool zero_of_a(const Shape *s, int64_t i, int64_t p)
{
    if (s->part == GEMM_LOWER_A) return p > i + s->diagonal;
    return s->part == GEMM_UPPER_A && p < i - s->diagonal;
}

/* Rows of the tile that holds row i. */
static int64_t first_row(const GemmKernels *kernels, int64_t i) { return i / kernels->rows * kernels->rows; }
static int64_t last_row(const GemmKernels *kernels, int64_t i) { return first_row(kernels, i) + kernels->rows - 1; }

/* What no row of the tile needs must not be read at all: it is no number. */
static void set_zeros(const GemmKernels *kernels, const Shape *s, Tensor a)
{
    for (int64_t i = 0; i < s->m; i++)
        for (int64_t p = 0; p < s->k; p++) {
            bool nobody = s->part == GEMM_LOWER_A ? zero_of_a(s, last_row(kernels, i), p) : zero_of_a(s, first_row(kernels, i), p);
            if (zero_of_a(s, i, p)) a.data[s->a_transposed ? p * a.cols + i : i * a.cols + p] = nobody ? NAN : 0;
        }
}

/* What lies in a tile that is not there is as it was. */
static void assert_untouched(const GemmKernels *kernels, const Shape *s, Tensor c, Tensor before, int64_t i, int64_t j)
{
    bool outside = j / kernels->cols * kernels->cols > last_row(kernels, i) + s->diagonal;
    float now = c.data[i * c.cols + j];
    if (outside) assert_true(s->beta == 0 ? isnan(now) : now == before.data[i * c.cols + j]);
}

static void check(const GemmKernels *kernels, Shape s)
{
    Tensor a = operand(s.m, s.k, s.a_transposed, 1), b = operand(s.k, s.n, s.b_transposed, 2), c = tensor_random(s.m, s.n + PAD, 3, 1);
    Tensor a2 = operand(s.m, s.k_tail, false, 4), b2 = operand(s.k_tail, s.n, s.b_transposed, 5), before = tensor_copy(c);
    set_zeros(kernels, &s, a);
    if (s.beta == 0)
        for (int64_t i = 0; i < s.m; i++)
            for (int64_t j = 0; j < s.n; j++) c.data[i * c.cols + j] = NAN;
    GemmTail tail = { s.k_tail, { a2.data, a2.cols, 1 }, b2.data, b2.cols, 0.5f };
    gemm(kernels, &(Gemm){ .m = s.m, .n = s.n, .k = s.k, .a = { a.data, s.a_transposed ? 1 : a.cols, s.a_transposed ? a.cols : 1 }, .alpha = s.alpha,
                           .beta = s.beta, .c = c.data, .c_stride = c.cols, .part = s.part, .diagonal = s.diagonal },
         b.data, b.cols, s.b_transposed, s.k_tail ? &tail : NULL);
    /* Products of normal numbers: a sum of n errs by about sqrt(n) / 4 roundings of its size, the largest by five times that. */
    double length = (double)(s.k + s.k_tail), tolerance = 6e-8 * 5 * (2 + sqrt(length) / 4) * sqrt(length + 1) * 2;
    for (int64_t i = 0; i < s.m; i++) {
        for (int64_t j = 0; j < s.n; j++) {
            if (s.part == GEMM_LOWER_C && j > i + s.diagonal) {
                assert_untouched(kernels, &s, c, before, i, j);
                continue;
            }
            double sum = 0;
            for (int64_t p = 0; p < s.k; p++)
                if (!zero_of_a(&s, i, p)) sum += element(a, s.a_transposed, i, p) * element(b, s.b_transposed, p, j);
            for (int64_t p = 0; p < s.k_tail; p++) sum += 0.5 * element(a2, false, i, p) * element(b2, s.b_transposed, p, j);
            double expected = (double)s.alpha * sum + (s.beta != 0 ? (double)s.beta * element(before, false, i, j) : 0);
            assert_true(fabs(element(c, false, i, j) - expected) <= tolerance);
        }
        assert_memory_equal(c.data + i * c.cols + s.n, before.data + i * c.cols + s.n, PAD * sizeof(float));
    }
    Tensor all[] = { a, b, c, a2, b2, before };
    for (int i = 0; i < 6; i++) guarded_free(all[i].data);
}

static void every_tile_edge(void **state)
{
    for (int64_t m = 1; m <= 25; m += 1 + m / 13 * 3)
        for (int64_t n = 1; n <= 65; n += 1 + n % 3 + n / 40)
            for (int transposed = 0; transposed < 4; transposed++)
                check(*state, (Shape){ .m = m, .n = n, .k = 1 + (m * n) % 19, .a_transposed = transposed & 1, .b_transposed = transposed & 2, .alpha = 1 });
}

/* More than 24 rows, 48 or 64 columns and 576 of K, and one more. */
static void every_block_edge(void **state)
{
    for (int transposed = 0; transposed < 4; transposed++) {
        Shape s = { .m = 49, .n = 97, .k = 577, .a_transposed = transposed & 1, .b_transposed = transposed & 2, .alpha = 0.5f, .beta = 2 };
        check(*state, s);
        s.m = 25;
        s.n = 48;
        s.k = 1200;
        s.beta = 0;
        check(*state, s);
        s.k_tail = 64;
        s.a_transposed = false;
        check(*state, s);
    }
}

static void nothing_to_multiply(void **state)
{
    check(*state, (Shape){ .m = 7, .n = 17, .k = 0, .alpha = 1 });
    check(*state, (Shape){ .m = 7, .n = 17, .k = 0, .alpha = 1, .beta = 1 });
    check(*state, (Shape){ .m = 7, .n = 17, .k = 0, .alpha = 1, .beta = 0.5f });
}

static void tails(void **state)
{
    for (int64_t m = 5; m <= 30; m += 25)
        for (int64_t k_tail = 1; k_tail <= GEMM_TAIL; k_tail += 21)
            for (int b_transposed = 0; b_transposed < 2; b_transposed++)
                check(*state, (Shape){ .m = m, .n = 50, .k = 40, .b_transposed = b_transposed, .alpha = 2, .beta = 1, .k_tail = k_tail });
}

/* Diagonals that leave nothing, a little, half, and all but a corner. */
static void parts(void **state)
{
    static const int64_t diagonals[] = { -200, -64, -7, -1, 0, 1, 5, 40, 99, 700 };
    for (GemmPart part = GEMM_LOWER_C; part <= GEMM_UPPER_A; part++)
        for (size_t d = 0; d < sizeof diagonals / sizeof *diagonals; d++)
            for (int how = 0; how < 4; how++)
                check(*state, (Shape){ .m = 61, .n = 70, .k = how & 2 ? 650 : 64, .a_transposed = how & 1, .b_transposed = how & 2, .alpha = 1,
                               .beta = how == 3, .part = part, .diagonal = diagonals[d] });
}

/* What another cut of the rows must not change. */
static void bits_do_not_depend_on_the_cut(void **state)
{
    enum { M = 40, N = 51, K = 700 };
    Tensor a = tensor_random(M, K, 1, 1), b = tensor_random(N, K, 2, 1), whole = tensor_new(M, N), cut = tensor_new(M, N);
    Gemm g = { .m = M, .n = N, .k = K, .a = { a.data, K, 1 }, .alpha = 1, .c = whole.data, .c_stride = N };
    gemm(*state, &g, b.data, K, true, NULL);
    static const int64_t begin[] = { 0, 7, 8, 33, M };
    for (int i = 0; i < 4; i++) {
        g.m = begin[i + 1] - begin[i];
        g.a.data = a.data + begin[i] * K;
        g.c = cut.data + begin[i] * N;
        gemm(*state, &g, b.data, K, true, NULL);
    }
    assert_memory_equal(cut.data, whole.data, tensor_bytes(cut));
    Tensor all[] = { a, b, whole, cut };
    for (int i = 0; i < 4; i++) guarded_free(all[i].data);
}

static int every_test(const char *name, const GemmKernels *kernels)
{
    void *state = (void *)kernels;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_tile_edge, state), cmocka_unit_test_prestate(every_block_edge, state),
        cmocka_unit_test_prestate(nothing_to_multiply, state), cmocka_unit_test_prestate(tails, state), cmocka_unit_test_prestate(parts, state),
        cmocka_unit_test_prestate(bits_do_not_depend_on_the_cut, state),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int failed = 0;
    for (Isa isa = 0; isa < ISA_COUNT; isa++) {
        if (instruction_sets[isa].here()) failed += every_test(isa_names[isa], instruction_sets[isa].gemm);
        else printf("skipped: products by %s: not on this machine\n", isa_names[isa]);
    }
    for (int i = 0; i < n_emulated; i++) failed += every_test(emulated[i].name, emulated[i].isa.gemm);
    return failed;
}
