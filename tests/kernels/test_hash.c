/* Hashes: one bit anywhere makes another, so does a byte more; the same content gives the same again. */
#include "tests/testing.h"

#include "kernels/hash.h"

static void every_bit_counts(void **state)
{
    (void)state;
    unsigned char bytes[37] = { 1, 2, 3 };
    uint64_t whole = hash_add(1, bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_true(hash_add(1, bytes, sizeof bytes) != whole);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_true(hash_add(1, bytes, sizeof bytes) == whole);
    assert_true(hash_add(1, bytes, sizeof bytes - 1) != whole);
    assert_true(hash_add(2, bytes, sizeof bytes) != whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_bit_counts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
