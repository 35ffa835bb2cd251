/* The order of datasets' shuffle: what numpy 2 gave. */
#include "tests/testing.h"

#include "data/set/shuffle.h"
#include "kernels/memory.h"

static void order_is_numpys(void **state)
{
    (void)state;
    static const struct { uint64_t seed; int64_t n, order[20]; } known[] = {
        { 42, 20, { 15, 9, 14, 7, 12, 10, 6, 19, 3, 0, 16, 5, 11, 18, 2, 4, 17, 1, 13, 8 } },
        { 7, 1, { 0 } },
        { 0, 9, { 4, 5, 2, 6, 3, 8, 7, 0, 1 } },
        { (1ull << 40) + 3, 12, { 2, 4, 10, 9, 6, 5, 3, 7, 11, 0, 8, 1 } },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int64_t order[20];
        shuffle_order(known[i].seed, known[i].n, order);
        assert_memory_equal(order, known[i].order, (size_t)known[i].n * sizeof *order);
    }
}

/* The sum stands for numpy's default_rng(42).permutation(300000). */
static void long_order_is_numpys(void **state)
{
    (void)state;
    enum { N = 300000 };
    int64_t *order = memory_new(N, sizeof *order);
    shuffle_order(42, N, order);
    uint32_t crc = ~0u;
    for (size_t i = 0; i < N * sizeof *order; i++) {
        crc ^= ((const uint8_t *)order)[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    assert_int_equal(~crc, 3223524685u);
    free(order);
}

enum { SWAPS_TWO = 3 };

static void packed_examples_keep_their_documents(void **state)
{
    (void)state;
    Examples e = {0};
    const int32_t ids[] = { 1, 2, 3, 4, 5, 6 }, one[] = { 2, 1 }, two[] = { 3 };
    examples_add_packed(&e, ids, ids, one, 2);
    examples_add_packed(&e, ids + 3, ids + 3, two, 1);
    shuffle_examples(&e, SWAPS_TWO);
    assert_int_equal(e.n, 2);
    assert_int_equal(e.ids[e.begin[1]], 1);
    assert_int_equal(e.first_document[1], 1);
    assert_int_equal(e.document_length[0], 3);
    assert_int_equal(e.document_length[1], 2);
    examples_free(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_numpys), cmocka_unit_test(long_order_is_numpys), cmocka_unit_test(packed_examples_keep_their_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
