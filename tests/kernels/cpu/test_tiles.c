/* C = A op(W) + beta C on tiles against a plain loop in double, by every set of instructions that has tiles, here or emulated: sizes around
 * a tile's, a block's and a piece's, both orientations, powers of two between rows, values of every size.
 *
 * An error is a share of |a_i| |b_j|, the lengths of the two vectors that make an element. Float32 accuracy is 4e-7 of that, about
 * seven roundings; the same sums have that of three terms and of one, whose factors are rounded before. */
#include "tests/kernels/op_testing.h"

#include "kernels/cpu/tiles.h"

static const double float32_accuracy = 4e-7;

typedef struct {
    int64_t m, n, k;
    bool transposed;
    int64_t col, a_stride, c_stride;      /* strides 0: a few floats more than a row */
    float beta, spread;                   /* of A; 0: 1 */
    Precision precision;
    bool of_largest;                      /* also off by no more than that of the largest element */
    Dtype dtype;                          /* F32: bfloat16, since W has one anyhow */
} Shape;

/* The bfloat16 that is nearest, of two the even one. */
static double rounded(double x)
{
    int exponent;
    double digits = frexp(x, &exponent) * 256, down = floor(digits), rest = digits - down;
    bool up = rest > 0.5 || (rest == 0.5 && fmod(down, 2) != 0);
    return ldexp(down + up, exponent - 8);
}

typedef struct { Backend backend; Pool *pool; float *room; } Bench;

static Bench bench_open(const Instructions *isa, Precision precision)
{
    Bench b = { .pool = pool_open(1) };
    b.backend = cpu_backend(b.pool);
    b.backend.isa = isa;
    b.backend.precision = precision;
    b.room = guarded_new((size_t)tiles_room_floats() * sizeof(float));
    return b;
}

static void bench_close(Bench *b)
{
    guarded_free(b->room);
    pool_close(b->pool);
}

static void check(const Instructions *isa, Shape s)
{
    enum { PAD = 5 };
    Bench bench = bench_open(isa, s.precision);
    Dtype dtype = s.dtype == DTYPE_F32 ? DTYPE_BF16 : s.dtype;
    int64_t w_rows = s.transposed ? s.col + s.n + 3 : s.k, w_cols = s.transposed ? s.k : s.col + s.n + 3, block = dtype_rows[dtype].block;
    w_cols = (w_cols + block - 1) / block * block;
    Weight w = weight_random(dtype, w_rows, w_cols, 2);
    int64_t k = s.transposed ? w_cols : w_rows, a_stride = s.a_stride ? s.a_stride : k + PAD, c_stride = s.c_stride ? s.c_stride : s.n + PAD;
    Tensor a = tensor_random(s.m, a_stride, 1, s.spread > 0 ? s.spread : 1), c = tensor_random(s.m, c_stride, 3, 1), before = tensor_copy(c);
    if (s.beta == 0)
        for (int64_t i = 0; i < s.m; i++)
            for (int64_t j = 0; j < s.n; j++) c.data[i * c_stride + j] = NAN;
    assert_true(tiles_take(&bench.backend, &w, 16));
    assert_false(tiles_take(&bench.backend, &w, 15));
    tile_product(&bench.backend, &(TileProduct){ s.m, s.n, { a.data, a_stride }, &w, s.transposed, s.col, s.beta, c.data, c_stride }, bench.room);

    double *exact = weight_exact(&w), worst = 0, largest = 0, off = 0;
    bool one_term = s.precision == PRECISION_BF16;
    for (int64_t i = 0; one_term && i < w_rows * w_cols; i++) exact[i] = rounded(exact[i]);
    for (int64_t i = 0; i < s.m; i++) {
        for (int64_t j = 0; j < s.n; j++) {
            double sum = s.beta != 0 ? (double)before.data[i * c_stride + j] : 0, a_length = 0, length = 0;
            for (int64_t p = 0; p < k; p++) {
                double x = (double)a.data[i * a_stride + p], y = exact[s.transposed ? (s.col + j) * w_cols + p : p * w_cols + s.col + j];
                if (one_term) x = rounded(x);
                sum += x * y;
                a_length += x * x;
                length += y * y;
            }
            double error = fabs((double)c.data[i * c_stride + j] - sum) / (sqrt(a_length) * sqrt(length) + (s.beta != 0 ? 1 : 0));
            worst = error > worst || isnan(error) ? error : worst;
            largest = fmax(largest, fabs(sum));
            off = fmax(off, fabs((double)c.data[i * c_stride + j] - sum));
        }
        assert_memory_equal(c.data + i * c_stride + s.n, before.data + i * c_stride + s.n, (size_t)(c_stride - s.n) * sizeof(float));
    }
    if (!(worst <= float32_accuracy))
        print_error("[%lld, %lld] of %lld%s: off by %.3g\n", (long long)s.m, (long long)s.n, (long long)k, s.transposed ? ", transposed" : "", worst);
    assert_true(worst <= float32_accuracy);
    if (s.of_largest) assert_true(off <= float32_accuracy * largest);
    free(exact);
    bench_close(&bench);
    guarded_free(a.data);
    guarded_free(c.data);
    guarded_free(before.data);
    weight_free(w);
}

static void every_edge(void **state)
{
    static const int64_t rows[] = { 5, 16, 33, 64 }, cols[] = { 1, 5, 32, 33, 123 }, depths[] = { 1, 2, 31, 32, 33, 123 };
    for (int m = 0; m < 4; m++)
        for (int n = 0; n < 5; n++)
            for (int k = 0; k < 6; k++)
                for (int transposed = 0; transposed < 2; transposed++)
                    check(*state, (Shape){ .m = rows[m], .n = cols[n], .k = depths[k], .transposed = transposed,
                                           .col = m == 1 ? 32 : 0, .beta = (float)(k % 2), .precision = n % 2 ? PRECISION_BF16 : PRECISION_F32 });
}

/* More than 256 rows (512 in one term), 256 columns, 576 steps and twice that, and one more. */
static void every_block_edge(void **state)
{
    for (int transposed = 0; transposed < 2; transposed++) {
        check(*state, (Shape){ .m = 257, .n = 70, .k = 577, .transposed = transposed });
        check(*state, (Shape){ .m = 40, .n = 289, .k = 1153, .transposed = transposed, .col = 256, .beta = 1 });
        check(*state, (Shape){ .m = 513, .n = 33, .k = 600, .transposed = transposed, .precision = PRECISION_BF16 });
    }
}

/* The spec's contractions. */
static void float32_is_as_exact_as_float32(void **state)
{
    for (int transposed = 0; transposed < 2; transposed++) {
        check(*state, (Shape){ .m = 64, .n = 64, .k = 576, .transposed = transposed, .of_largest = true });
        check(*state, (Shape){ .m = 64, .n = 64, .k = 1536, .transposed = transposed, .of_largest = true });
        check(*state, (Shape){ .m = 32, .n = 32, .k = 4096, .transposed = transposed, .of_largest = true });
        check(*state, (Shape){ .m = 32, .n = 32, .k = 11008, .transposed = transposed, .of_largest = true });
    }
}

static void powers_of_two_between_rows(void **state)
{
    for (int transposed = 0; transposed < 2; transposed++)
        check(*state, (Shape){ .m = 40, .n = 100, .k = 512, .transposed = transposed, .a_stride = 1024, .c_stride = 4096, .beta = 1 });
}

/* From gradients to what float32 ends with: the last term of the smallest is still a normal number. */
static void values_of_every_size(void **state)
{
    static const float spread[] = { 1e-30f, 1e-12f, 1e6f, 1e30f };
    for (int i = 0; i < 4; i++) check(*state, (Shape){ .m = 33, .n = 33, .k = 100, .spread = spread[i], .transposed = i % 2 });
}

/* Sums of one product each: three terms make up a float to its last bit, one is the nearest bfloat16. */
static void terms_are_exact(void **state)
{
    enum { M = 64 };
    static const uint32_t bits[] = { 0, 0x80000000, 0x3F800001, 0x3FFFFFFF, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F808000, 0x3F818000, 0x3F808001, 0x40490FDB };
    uint16_t one = 0x3F80;
    Weight w = { .name = "one", .dtype = DTYPE_BF16, .bytes = &one, .rows = 1, .cols = 1 };
    for (Precision precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
        Bench bench = bench_open(*state, precision);
        Tensor a = tensor_random(M, 1, 4, 1), c = tensor_new(M, 1);
        memcpy(a.data, bits, sizeof bits);
        TileProduct p = { .m = M, .n = 1, .a = { a.data, 1 }, .w = &w, .transposed = true, .c = c.data, .c_stride = 1 };
        tile_product(&bench.backend, &p, bench.room);
        for (int i = 0; i < M; i++) {
            double x = (double)a.data[i], nearest = fabs(x) > 3.39e38 ? copysign(INFINITY, x) : rounded(x);
            assert_true((double)c.data[i] == (precision == PRECISION_F32 ? x : nearest));
        }
        a.data[0] = NAN;
        tile_product(&bench.backend, &p, bench.room);
        assert_true(isnan(c.data[0]));
        guarded_free(a.data);
        guarded_free(c.data);
        bench_close(&bench);
    }
}

/* In bfloat16 any W may be taken: rounded when it is decoded, where its rows are whole blocks. */
static void every_dtype(void **state)
{
    for (Dtype dtype = 0; dtype < DTYPE_COUNT; dtype++)
        for (int transposed = 0; dtype_rows[dtype].decode && transposed < 2; transposed++) {
            check(*state, (Shape){ .m = 20, .n = 253, .k = 2304, .transposed = transposed, .dtype = dtype, .precision = PRECISION_BF16 });
            check(*state, (Shape){ .m = 20, .n = 509, .k = 40, .transposed = transposed, .dtype = dtype, .precision = PRECISION_BF16 });
        }
}

/* What another cut of rows or columns must not change. */
static void bits_do_not_depend_on_the_cut(void **state)
{
    enum { M = 300, N = 600, K = 700 };
    static const int64_t row[] = { 0, 37, 256, M }, col[] = { 0, 256, 512, N };
    Bench bench = bench_open(*state, PRECISION_F32);
    Tensor a = tensor_random(M, K, 1, 1), whole = tensor_new(M, N), cut = tensor_new(M, N);
    for (int how = 0; how < 4; how++) {
        bool transposed = how & 1;
        bench.backend.precision = how & 2 ? PRECISION_BF16 : PRECISION_F32;
        Weight w = weight_random(DTYPE_BF16, transposed ? N : K, transposed ? K : N, 5);
        TileProduct p = { M, N, { a.data, K }, &w, transposed, 0, 0, whole.data, N };
        tile_product(&bench.backend, &p, bench.room);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                TileProduct part = { row[i + 1] - row[i], col[j + 1] - col[j], { a.data + row[i] * K, K }, &w, transposed, col[j], 0,
                                     cut.data + row[i] * N + col[j], N };
                tile_product(&bench.backend, &part, bench.room);
            }
        assert_memory_equal(cut.data, whole.data, tensor_bytes(cut));
        weight_free(w);
    }
    Tensor all[] = { a, whole, cut };
    for (int i = 0; i < 3; i++) guarded_free(all[i].data);
    bench_close(&bench);
}

/* Tasks cover all, begin at whole blocks, and are enough for the workers where rows or columns allow. */
static void cuts_cover_and_suffice(void **state)
{
    static const int64_t sizes[] = { 16, 100, 512, 2048, 5000 };
    for (int workers = 1; workers <= 16; workers *= 4) {
        Bench bench = bench_open(*state, PRECISION_F32);
        Pool *pool = pool_open(workers);
        bench.backend.pool = pool;
        for (int i = 0; i < 5; i++)
            for (int j = 0; j < 5; j++) {
                TileCut cut = tiles_cut(&bench.backend, sizes[i], sizes[j]);
                int64_t down = ceil_div(sizes[i], cut.rows), across = ceil_div(sizes[j], cut.cols);
                assert_true(cut.rows > 0 && cut.cols > 0 && cut.cols % 256 == 0);
                if (sizes[i] >= 2048 && sizes[j] >= 512) assert_true(down * across >= least(workers, 16));
            }
        pool_close(pool);
        bench_close(&bench);
    }
}

static int every_test(const char *name, const Instructions *isa)
{
    void *state = (void *)isa;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(every_edge, state), cmocka_unit_test_prestate(every_block_edge, state),
        cmocka_unit_test_prestate(float32_is_as_exact_as_float32, state), cmocka_unit_test_prestate(powers_of_two_between_rows, state),
        cmocka_unit_test_prestate(values_of_every_size, state), cmocka_unit_test_prestate(terms_are_exact, state),
        cmocka_unit_test_prestate(every_dtype, state), cmocka_unit_test_prestate(bits_do_not_depend_on_the_cut, state),
        cmocka_unit_test_prestate(cuts_cover_and_suffice, state),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(void)
{
    int failed = 0;
    for (Isa isa = 0; isa < ISA_COUNT; isa++) {
        if (!instruction_sets[isa].tiles) continue;
        if (instruction_sets[isa].here()) failed += every_test(isa_names[isa], &instruction_sets[isa]);
        else printf("skipped: tiles by %s: not on this machine\n", isa_names[isa]);
    }
    for (int i = 0; i < n_emulated; i++)
        if (emulated[i].isa.tiles) failed += every_test(emulated[i].name, &emulated[i].isa);
    return failed;
}
