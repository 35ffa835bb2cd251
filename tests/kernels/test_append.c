/* Rows behind the rows of a cache; nothing else of the cache changes. */
#include "tests/kernels/op_testing.h"

static void check(int64_t at, int64_t n, int64_t capacity)
{
    enum { COLS = 6 };
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Tensor cache = tensor_random(capacity, COLS, 1, 1), before = tensor_copy(cache), x = tensor_random(n, COLS, 2, 1);
    OpArgs args = { .append = { cache.data, at, capacity } };
    OpCall c = { .op = OP_APPEND, .n_in = 1, .in = { x }, .args = &args };
    op_rows[OP_APPEND].shape(&c);
    assert_int_equal(c.n_out, 1);
    assert_int_equal(c.out[0].rows, at + n);
    assert_int_equal(c.out[0].cols, COLS);
    c.out[0].data = cache.data;
    run_kernel(&backend, &c, false);
    size_t row = COLS * sizeof(float);
    assert_memory_equal(cache.data, before.data, (size_t)at * row);
    assert_memory_equal(cache.data + at * COLS, x.data, (size_t)n * row);
    assert_memory_equal(cache.data + (at + n) * COLS, before.data + (at + n) * COLS, (size_t)(capacity - at - n) * row);
    guarded_free(x.data);
    guarded_free(before.data);
    guarded_free(cache.data);
    pool_close(pool);
}

static void rows_go_behind_what_is_there(void **state)
{
    (void)state;
    check(0, 5, 9);
    check(5, 1, 9);
    check(5, 4, 9);
    check(3, 0, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(rows_go_behind_what_is_there) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
