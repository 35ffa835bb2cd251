/* A product with a matrix that is a value, against plain loops. */
#include "tests/kernels/op_testing.h"

/* W as [out, in], whichever way it is stored: element of output o and input j. */
static int64_t at(const Reference *r, int64_t o, int64_t j) { return r->args->dense.transposed ? j * r->in[1].cols + o : o * r->in[1].cols + j; }

static void fwd(Reference *r)
{
    Exact x = r->in[0], y = r->out[0];
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t o = 0; o < y.cols; o++) {
            double sum = 0;
            for (int64_t j = 0; j < x.cols; j++) sum += x.data[i * x.cols + j] * r->in[1].data[at(r, o, j)];
            y.data[i * y.cols + o] = sum;
        }
}

static void bwd(Reference *r)
{
    Exact x = r->in[0];
    int64_t out = r->dout[0].cols;
    for (int i = 0; i < 2; i++) memset(r->din[i].data, 0, (size_t)(r->din[i].rows * r->din[i].cols) * sizeof(double));
    for (int64_t i = 0; i < x.rows; i++)
        for (int64_t o = 0; o < out; o++) {
            double dy = r->dout[0].data[i * out + o];
            for (int64_t j = 0; j < x.cols; j++) {
                r->din[0].data[i * x.cols + j] += dy * r->in[1].data[at(r, o, j)];
                r->din[1].data[at(r, o, j)] += dy * x.data[i * x.cols + j];
            }
        }
}

static void check(int64_t rows, int64_t in, int64_t out, bool small)
{
    /* A float32 sum of n products errs by about sqrt(n) / 4 roundings of 6e-8 of its size; five deviations. */
    double terms = fmax((double)rows, fmax((double)in, (double)out)), tolerance = 6e-8 * 5 * (2 + sqrt(terms) / 4);
    for (int transposed = 0; transposed < 2; transposed++) {
        OpCase t = { .op = OP_DENSE, .n_in = 2, .size = { { rows, in }, { out, in } }, .args.dense = { transposed }, .fwd = fwd, .bwd = bwd,
                     .fwd_tolerance = tolerance, .bwd_tolerance = tolerance, .small = small };
        if (transposed) t.size[1].rows = in, t.size[1].cols = out;
        check_op(&t);
    }
}

static void small_shapes(void **state)
{
    (void)state;
    check(1, 1, 1, true);
    check(3, 5, 2, true);
    check(7, 4, 9, true);
}

/* Tiles of the CPU hold 48 columns and, with several workers, at least 128 rows; those of CUDA 64 of both, 128 and 16, 128 of both beyond 256, with
 * steps of 16 or 8; a low rank on either side. The first are so small that the thread sanitizer sees their steps. */
static void every_tile_edge(void **state)
{
    (void)state;
    check(20, 100, 20, false);
    check(40, 65, 5, false);
    check(5, 65, 40, false);
    check(257, 24, 260, false);
    check(1, 100, 49, false);
    check(300, 97, 16, false);
    check(129, 16, 600, false);
    check(2050, 33, 5, false);
    check(0, 40, 30, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(small_shapes), cmocka_unit_test(every_tile_edge) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
