/* Philox4x32-10: the published vectors, the order of elements, and that numbers look uniform. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/philox.h"

/* From kat_vectors of Random123, the authors' library. */
static void published_vectors(void **state)
{
    (void)state;
    static const struct { uint64_t key; uint32_t counter[4], words[4]; } known[] = {
        { 0, { 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { ~0ull, { ~0u, ~0u, ~0u, ~0u }, { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { 0x299f31d0a4093822, { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        philox_words(known[i].key, known[i].counter, out);
        assert_memory_equal(out, known[i].words, sizeof out);
    }
}

static void any_range_gives_the_same_elements(void **state)
{
    (void)state;
    PhiloxKey key = { .seed = 42, .step = 3, .micro_batch = 1, .site = 7 };
    uint32_t all[64], part[64];
    philox_fill(key, 0, 64, all);
    for (uint64_t first = 0; first < 9; first++)
        for (int64_t n = 0; n < 20; n++) {
            philox_fill(key, first, n, part);
            assert_memory_equal(part, all + first, (size_t)n * sizeof *part);
        }
    for (uint64_t i = 0; i < 64; i++) assert_int_equal(philox_word(key, i), all[i]);
}

static void every_field_matters(void **state)
{
    (void)state;
    PhiloxKey keys[] = { { 1, 2, 3, 4 }, { 2, 2, 3, 4 }, { 1, 3, 3, 4 }, { 1, 2, 4, 4 }, { 1, 2, 3, 5 }, { 1ull << 32, 2, 3, 4 } };
    for (int a = 0; a < 6; a++)
        for (int b = 0; b < a; b++) assert_int_not_equal(philox_word(keys[a], 0), philox_word(keys[b], 0));
}

/* Mean 1/2 and variance 1/12 of a million: the bounds are five standard errors. */
static void units_are_uniform(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    double sum = 0, squares = 0;
    for (uint32_t block = 0; block < N / 4; block++) {
        uint32_t words[4];
        philox_block((PhiloxKey){ .seed = 1 }, block, words);
        for (int k = 0; k < 4; k++) {
            double u = philox_unit(words[k]);
            assert_true(u >= 0 && u < 1);
            sum += u;
            squares += (u - 0.5) * (u - 0.5);
        }
    }
    assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
    assert_true(fabs(squares / N - 1.0 / 12) < 5 * sqrt(1.0 / 180 / N));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors), cmocka_unit_test(any_range_gives_the_same_elements),
        cmocka_unit_test(every_field_matters), cmocka_unit_test(units_are_uniform),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
