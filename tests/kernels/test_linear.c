/* y = x W^T + b + sum_k s_k (drop_k(x) A_k^T) B_k^T against a plain loop in double. */
#include "tests/kernels/op_testing.h"

#include "kernels/cpu/matrix.h"

static void fwd(Reference *r)
{
    const OpArgs *args = r->args;
    int64_t rows = r->in[0].rows, in = r->in[0].cols, out = args->linear.w->rows;
    double *w = weight_exact(args->linear.w);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t o = 0; o < out; o++) {
            double sum = args->linear.b ? (double)args->linear.b[o] : 0;
            for (int64_t j = 0; j < in; j++) sum += r->in[0].data[i * in + j] * w[o * in + j];
            r->out[0].data[i * out + o] = sum;
        }
    free(w);
    for (int k = 0; k < (r->n_in - 1) / 2; k++) {
        Exact a = r->in[1 + 2 * k], b = r->in[2 + 2 * k];
        for (int64_t i = 0; i < rows; i++)
            for (int64_t q = 0; q < a.rows; q++) {
                double xa = 0;
                for (int64_t j = 0; j < in; j++) xa += r->in[0].data[i * in + j] * dropout_keep(args->linear.drop[k], i * in + j) * a.data[q * in + j];
                for (int64_t o = 0; o < out; o++) r->out[0].data[i * out + o] += (double)args->linear.scale[k] * xa * b.data[o * a.rows + q];
            }
    }
}

static void bwd(Reference *r)
{
    const OpArgs *args = r->args;
    int64_t rows = r->in[0].rows, in = r->in[0].cols, out = args->linear.w->rows;
    const double *dy = r->dout[0].data;
    double *w = weight_exact(args->linear.w), *xk = memory_new((size_t)in, sizeof *xk);
    for (int i = 0; i < r->n_in; i++) memset(r->din[i].data, 0, (size_t)(r->din[i].rows * r->din[i].cols) * sizeof(double));
    for (int64_t i = 0; i < rows; i++)
        for (int64_t o = 0; o < out; o++)
            for (int64_t j = 0; j < in; j++) r->din[0].data[i * in + j] += dy[i * out + o] * w[o * in + j];
    for (int k = 0; k < (r->n_in - 1) / 2; k++) {
        Exact a = r->in[1 + 2 * k], b = r->in[2 + 2 * k], da = r->din[1 + 2 * k], db = r->din[2 + 2 * k];
        double s = (double)args->linear.scale[k];
        for (int64_t i = 0; i < rows; i++)
            for (int64_t q = 0; q < a.rows; q++) {
                double xa = 0, dxa = 0;
                for (int64_t j = 0; j < in; j++) xk[j] = dropout_keep(args->linear.drop[k], i * in + j);
                for (int64_t j = 0; j < in; j++) xa += r->in[0].data[i * in + j] * xk[j] * a.data[q * in + j];
                for (int64_t o = 0; o < out; o++) {
                    dxa += s * dy[i * out + o] * b.data[o * a.rows + q];
                    db.data[o * a.rows + q] += s * dy[i * out + o] * xa;
                }
                for (int64_t j = 0; j < in; j++) {
                    da.data[q * in + j] += dxa * r->in[0].data[i * in + j] * xk[j];
                    r->din[0].data[i * in + j] += dxa * xk[j] * a.data[q * in + j];
                }
            }
    }
    free(xk);
    free(w);
}

typedef struct { int64_t rows, in, out; int n_terms, rank; Dtype dtype; bool bias; float p; RowOrder order; int32_t heads; bool small; } Shape;

static void check(Shape s)
{
    Weight w = weight_random(s.dtype, s.out, s.in, 5);
    w.order = s.order;
    w.heads = s.heads;
    Tensor b = tensor_random(1, s.out, 6, 1);
    OpCase t = { .op = OP_LINEAR, .n_in = 1 + 2 * s.n_terms, .size = { { s.rows, s.in } }, .args.linear = { .w = &w, .b = s.bias ? b.data : NULL },
                 .fwd = fwd, .bwd = bwd, .small = s.small };
    for (int k = 0; k < s.n_terms; k++) {
        int64_t rank = s.rank + k;
        t.size[1 + 2 * k].rows = rank;
        t.size[1 + 2 * k].cols = s.in;
        t.size[2 + 2 * k].rows = s.out;
        t.size[2 + 2 * k].cols = rank;
        t.args.linear.scale[k] = k ? -0.75f : 2.0f;
        t.args.linear.drop[k] = (Dropout){ s.p, { .seed = 3, .step = 1, .micro_batch = 2, .site = 10 + (uint32_t)k } };
    }
    /* A float32 sum of n products errs by about sqrt(n) / 4 roundings (6e-8) of its own size when sixteen or more partial sums
     * are kept, and up to three sums follow each other; the largest of many elements lies at five deviations. */
    double longest = fmax((double)s.rows, fmax((double)s.in, (double)s.out));
    t.fwd_tolerance = t.bwd_tolerance = 6e-8 * 5 * (3 + sqrt(longest) / 4);
    check_op(&t);
    guarded_free(b.data);
    weight_free(w);
}

static void small_shapes_every_subset(void **state)
{
    (void)state;
    for (int64_t rows = 1; rows <= 5; rows += 4)
        for (int n_terms = 0; n_terms <= 2; n_terms++) {
            check((Shape){ .rows = rows, .in = 7, .out = 9, .n_terms = n_terms, .rank = 3, .small = true });
            check((Shape){ .rows = rows, .in = 12, .out = 5, .n_terms = n_terms, .rank = 1, .bias = true, .p = 0.3f, .small = true });
        }
}

/* Tiles of 48 columns whose last one is short, and one that holds a single line; W decoded 384 rows at once; more than 2,048 rows,
 * and so many that stripes grow beyond 128; ranks that join W's product, and one that is too large. */
static void every_tile_edge(void **state)
{
    (void)state;
    check((Shape){ .rows = 513, .in = 123, .out = 385, .n_terms = 1, .rank = 16, .bias = true });
    check((Shape){ .rows = 123, .in = 1030, .out = 130, .n_terms = 2, .rank = 8 });
    check((Shape){ .rows = 520, .in = 530, .out = 40, .n_terms = 2, .rank = 4, .p = 0.1f });
    check((Shape){ .rows = 520, .in = 100, .out = 390, .n_terms = 1, .rank = 4, .p = 0.5f, .dtype = DTYPE_BF16, .bias = true });
    check((Shape){ .rows = 2049, .in = 33, .out = 49, .n_terms = 1, .rank = 2 });
    check((Shape){ .rows = 4100, .in = 9, .out = 10, .n_terms = 1, .rank = 3 });
    check((Shape){ .rows = 70, .in = 97, .out = 60, .n_terms = 2, .rank = 64 });
}

/* CUDA decodes 2^21 values at once, in panels of whole rows. */
static void several_panels(void **state)
{
    (void)state;
    check((Shape){ .rows = 3, .in = 2048, .out = 1100, .n_terms = 1, .rank = 2, .dtype = DTYPE_Q4_K, .bias = true });
}

/* W as bfloat16, which tiles may multiply: 256 rows and columns and 576 steps at once, from 16 rows on. */
static void weights_for_tiles(void **state)
{
    (void)state;
    check((Shape){ .rows = 15, .in = 33, .out = 5, .n_terms = 1, .rank = 16, .dtype = DTYPE_BF16 });
    check((Shape){ .rows = 16, .in = 33, .out = 5, .n_terms = 1, .rank = 16, .dtype = DTYPE_BF16 });
    check((Shape){ .rows = 123, .in = 610, .out = 289, .n_terms = 2, .rank = 3, .p = 0.3f, .dtype = DTYPE_BF16, .bias = true });
    check((Shape){ .rows = 530, .in = 123, .out = 300, .n_terms = 2, .rank = 8, .dtype = DTYPE_BF16 });
    check((Shape){ .rows = 40, .in = 256, .out = 48, .n_terms = 1, .rank = 70, .dtype = DTYPE_BF16, .order = ROWS_PAIRED, .heads = 3 });
}

static void few_rows(void **state)
{
    (void)state;
    for (int64_t rows = 15; rows <= 17; rows++) {
        check((Shape){ .rows = rows, .in = 65, .out = 200, .n_terms = 1, .rank = 2 });
        check((Shape){ .rows = rows, .in = 64, .out = 500, .dtype = DTYPE_Q8_0, .bias = true });
    }
}

static void no_rows(void **state)
{
    (void)state;
    check((Shape){ .rows = 0, .in = 64, .out = 33, .n_terms = 2, .rank = 3, .bias = true });
    check((Shape){ .rows = 0, .in = 64, .out = 33, .n_terms = 2, .rank = 3, .p = 0.1f });
}

static void every_dtype(void **state)
{
    (void)state;
    for (Dtype dtype = 0; dtype < DTYPE_COUNT; dtype++) {
        if (!dtype_rows[dtype].decode) continue;
        check((Shape){ .rows = 18, .in = 768, .out = 400, .n_terms = 1, .rank = 2, .dtype = dtype, .p = 0.2f });
        check((Shape){ .rows = 3, .in = dtype_rows[dtype].block * 2 + (dtype_rows[dtype].block == 1), .out = 24, .dtype = dtype, .order = ROWS_PAIRED, .heads = 3 });
        check((Shape){ .rows = 3, .in = dtype_rows[dtype].block, .out = 30, .dtype = dtype, .order = ROWS_SPLIT, .heads = 2 });
        check((Shape){ .rows = 1, .in = 1536, .out = 100, .n_terms = 2, .rank = 2, .dtype = dtype, .bias = true, .order = ROWS_PAIRED, .heads = 5 });
        check((Shape){ .rows = 1, .in = dtype_rows[dtype].block, .out = 3, .dtype = dtype });
    }
}

/* A mapped file may put float32 at any address. */
static void float32_that_is_not_aligned(void **state)
{
    (void)state;
    Weight w = weight_random(DTYPE_F32, 20, 33, 5), moved = w;
    char *bytes = guarded_new(20 * 33 * sizeof(float) + 1);
    memcpy(bytes + 1, w.bytes, 20 * 33 * sizeof(float));
    moved.bytes = bytes + 1;
    assert_true(weight_is_plain(&w));
    assert_false(weight_is_plain(&moved));
    /* 33 products in float32. */
    check_op(&(OpCase){ .op = OP_LINEAR, .n_in = 1, .size = { { 5, 33 } }, .args.linear.w = &moved, .fwd = fwd, .bwd = bwd, .fwd_tolerance = 1e-6,
                        .bwd_tolerance = 1e-6 });
    guarded_free(bytes);
    weight_free(w);
}

/* xa of ones by a row of ones counts what was kept. */
static void masks_are_pure_and_keep_the_mean(void **state)
{
    (void)state;
    enum { ROWS = 300, IN = 700 };
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Weight w = weight_random(DTYPE_F32, 2, IN, 5);
    OpCase t = { .op = OP_LINEAR, .n_in = 3, .args.linear = { .w = &w, .scale = { 1 }, .drop = { { 0.2f, { .seed = 9, .site = 4 } } } } };
    Tensor in[3] = { tensor_new(ROWS, IN), tensor_new(1, IN), tensor_new(2, 1) }, some[3];
    for (int i = 0; i < 3; i++)
        for (int64_t e = 0; e < in[i].rows * in[i].cols; e++) in[i].data[e] = 1;
    OpCall all = forward(&t, &backend, in, 0, -1);
    double sum = 0;
    for (int r = 0; r < ROWS; r++) sum += (double)all.saved[0].data[r];
    /* Each element has mean 1 and variance p / (1 - p); five standard errors. */
    assert_true(fabs(sum / (ROWS * IN) - 1) < 5 * sqrt(0.25 / (ROWS * IN)));

    memcpy(some, in, sizeof in);
    some[0].rows = 101;
    OpCall part = forward(&t, &backend, some, 0, -1);
    assert_memory_equal(part.saved[0].data, all.saved[0].data, 101 * sizeof(float));
    t.args.linear.drop[0].key.site++;
    OpCall other = forward(&t, &backend, in, 0, -1);
    assert_memory_not_equal(other.saved[0].data, all.saved[0].data, ROWS * sizeof(float));

    OpCall *calls[] = { &all, &part, &other };
    for (int i = 0; i < 3; i++) {
        forward_free(calls[i]);
        guarded_free(in[i].data);
    }
    weight_free(w);
    pool_close(pool);
}

/* With precision bfloat16, y and dx are products of rounded factors where there are tiles, whatever W's dtype: each factor errs by
 * 2^-8 of itself at most, evenly, so an element by 2^-8 sqrt(2 / 3) of the root mean square of all; five deviations, and not nothing. */
static void bfloat16_precision(void **state)
{
    (void)state;
    static const Dtype dtypes[] = { DTYPE_F32, DTYPE_BF16, DTYPE_Q4_K };
    for (int e = 0; e < n_emulated; e++)
        for (int d = 0; emulated[e].isa.tiles && d < 3; d++) {
            enum { ROWS = 40, IN = 512, OUT = 60 };
            Pool *pool = pool_open(2);
            Backend backend = cpu_backend(pool);
            backend.isa = &emulated[e].isa;
            backend.precision = PRECISION_BF16;
            Weight w = weight_random(dtypes[d], OUT, IN, 5);
            OpCase t = { .op = OP_LINEAR, .n_in = 1, .size = { { ROWS, IN } }, .args.linear.w = &w };
            Tensor x = tensor_random(ROWS, IN, 1, 1), dy = tensor_random(ROWS, OUT, 2, 1), dx;
            Reference r = { .args = &t.args, .n_in = 1, .n_out = 1, .in = { exact_of(x) }, .out = { exact_new(ROWS, OUT) }, .din = { exact_new(ROWS, IN) },
                            .dout = { exact_of(dy) } };
            OpCall done = forward(&t, &backend, &x, 0, -1);
            backward(&t, &backend, &done, &dy, (Wish){ .wanted = 1 }, &dx);
            fwd(&r);
            bwd(&r);
            double tolerance = 5 * 0x1p-8 * sqrt(2.0 / 3);
            assert_tensor_near("linear", "out in bfloat16", 0, done.out[0], r.out[0], tolerance);
            assert_tensor_near("linear", "gradient in bfloat16", 0, dx, r.din[0], tolerance);
            assert_true(fabs((double)done.out[0].data[0] - r.out[0].data[0]) > 1e-6 * fabs(r.out[0].data[0]));
            forward_free(&done);
            Tensor all[] = { x, dy, dx };
            for (int i = 0; i < 3; i++) guarded_free(all[i].data);
            Exact exact[] = { r.in[0], r.out[0], r.din[0], r.dout[0] };
            for (int i = 0; i < 4; i++) free(exact[i].data);
            weight_free(w);
            pool_close(pool);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_shapes_every_subset), cmocka_unit_test(every_tile_edge), cmocka_unit_test(several_panels), cmocka_unit_test(weights_for_tiles),
        cmocka_unit_test(bfloat16_precision), cmocka_unit_test(few_rows), cmocka_unit_test(no_rows),
        cmocka_unit_test(every_dtype), cmocka_unit_test(float32_that_is_not_aligned), cmocka_unit_test(masks_are_pure_and_keep_the_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
