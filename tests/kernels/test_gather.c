/* Rows or columns of a trainable table, ids coming several times. */
#include "tests/kernels/op_testing.h"

#include "tests/kernels/aborts.h"

static double *element(const Reference *r, Exact table, int64_t i, int64_t j)
{
    const int32_t *row = r->args->gather.row;
    int64_t id = row ? row[r->args->gather.ids[i]] : r->args->gather.ids[i];
    if (id < 0) return NULL;
    return table.data + (r->args->gather.transposed ? j * table.cols + id : id * table.cols + j);
}

static double value(const Reference *r, int64_t i, int64_t j)
{
    const double *here = element(r, r->in[0], i, j);
    const Weight *w = r->args->gather.w;
    return here ? *here : (double)((const float *)w->bytes)[r->args->gather.ids[i] * w->cols + j];
}

static void fwd(Reference *r)
{
    for (int64_t i = 0; i < r->out[0].rows; i++)
        for (int64_t j = 0; j < r->out[0].cols; j++) r->out[0].data[i * r->out[0].cols + j] = value(r, i, j);
}

static void bwd(Reference *r)
{
    memset(r->din[0].data, 0, (size_t)(r->din[0].rows * r->din[0].cols) * sizeof(double));
    for (int64_t i = 0; i < r->dout[0].rows; i++)
        for (int64_t j = 0; element(r, r->din[0], i, 0) && j < r->dout[0].cols; j++) *element(r, r->din[0], i, j) += r->dout[0].data[i * r->dout[0].cols + j];
}

static void check(int64_t vocabulary, int64_t cols, int64_t n, bool small)
{
    int32_t *ids = memory_new((size_t)n, sizeof *ids);
    for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)((i * i + 3) % vocabulary);
    for (int transposed = 0; transposed < 2; transposed++)
        /* Forward copies. A gradient sums n / vocabulary and more numbers of size 1, each sum rounded. */
        check_op(&(OpCase){ .op = OP_GATHER, .n_in = 1, .size = { { transposed ? cols : vocabulary, transposed ? vocabulary : cols } },
                            .args.gather = { .ids = ids, .n = n, .transposed = transposed }, .fwd = fwd, .bwd = bwd,
                            .bwd_tolerance = 6e-8 * (2 + sqrt((double)n)), .small = small });
    free(ids);
}

static void every_shape(void **state)
{
    (void)state;
    check(5, 3, 7, true);
    check(1, 1, 4, true);
    check(50, 63, 123, false);
    check(300, 130, 1000, false);
    check(3, 65, 600, false);
    check(10, 8, 0, false);
}

/* Every third id has a row of its own in T, the others are frozen. */
static void some_rows(void **state)
{
    (void)state;
    enum { VOCABULARY = 31, COLS = 70, N = 300, ROWS = 11 };
    int32_t ids[N], row[VOCABULARY];
    float *others = memory_new(VOCABULARY * COLS, sizeof *others);
    for (int i = 0; i < N; i++) ids[i] = (i * i + 3) % VOCABULARY;
    for (int i = 0; i < VOCABULARY; i++) row[i] = i % 3 ? -1 : ROWS - 1 - i / 3;
    for (int i = 0; i < VOCABULARY * COLS; i++) others[i] = (float)i;
    Weight w = { .name = "others", .dtype = DTYPE_F32, .bytes = others, .rows = VOCABULARY, .cols = COLS };
    check_op(&(OpCase){ .op = OP_GATHER, .n_in = 1, .size = { { ROWS, COLS } }, .args.gather = { .ids = ids, .n = N, .row = row, .w = &w }, .fwd = fwd, .bwd = bwd,
                        .bwd_tolerance = 6e-8 * (2 + sqrt((double)N)) });
    free(others);
}

static void id_beyond_the_table(void *unused)
{
    (void)unused;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    OpCase t = { .op = OP_GATHER, .n_in = 1, .args.gather = { .ids = (int32_t[]){ 0, 4 }, .n = 2 } };
    forward(&t, &backend, &(Tensor){ (float[8]){0}, 4, 2 }, 0, -1);
}

/* First: ThreadSanitizer starts no thread in a child of a program that has fibers. */
static void ids_are_checked(void **state)
{
    (void)state;
    assert_aborts("id 4 of a table of 4", id_beyond_the_table, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(ids_are_checked), cmocka_unit_test(every_shape), cmocka_unit_test(some_rows) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
