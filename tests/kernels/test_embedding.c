/* y = W[ids]: the very values that the dtype decodes to. */
#include "tests/kernels/op_testing.h"

static void fwd(Reference *r)
{
    const Weight *w = r->args->embedding.w;
    double *values = weight_exact(w);
    for (int64_t i = 0; i < r->args->embedding.n; i++)
        memcpy(r->out[0].data + i * w->cols, values + r->args->embedding.ids[i] * w->cols, (size_t)w->cols * sizeof *values);
    free(values);
}

static void check(Dtype dtype, int64_t n, int64_t vocabulary, int64_t cols)
{
    Weight w = weight_random(dtype, vocabulary, cols, 8);
    int32_t *ids = memory_new((size_t)n, sizeof *ids);
    for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)((i + 1) * 37 % vocabulary);      /* the last id and repetitions among them */
    check_op(&(OpCase){ .op = OP_EMBEDDING, .args.embedding = { &w, ids, n }, .fwd = fwd });
    free(ids);
    weight_free(w);
}

static void every_dtype(void **state)
{
    (void)state;
    for (Dtype dtype = 0; dtype < DTYPE_COUNT; dtype++) {
        if (!dtype_rows[dtype].decode) continue;
        check(dtype, 40, 33, 2 * dtype_rows[dtype].block);
        check(dtype, 300, 100, 768);
    }
    check(DTYPE_F32, 123, 5, 33);
    check(DTYPE_F16, 123, 5, 33);
    check(DTYPE_F32, 0, 5, 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_dtype) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
