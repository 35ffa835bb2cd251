/* The backend's words are those of philox.h, from any element on. */
#include "tests/testing.h"

#include "kernels/cpu/cpu.h"

static void any_range_gives_the_same_words(void **state)
{
    (void)state;
    static const PhiloxKey keys[] = { { 0, 0, 0, 0 }, { ~0ull, ~0u, ~0u, ~0u }, { 0x299f31d0a4093822, 3, 1, 7 } };
    static const uint64_t firsts[] = { 0, 1, 2, 3, 4, 1021, (1ull << 34) - 300 };
    uint32_t got[301], expected[301];
    for (int k = 0; k < 3; k++)
        for (int f = 0; f < 7; f++)
            for (int64_t n = 0; n < 300; n++) {
                memset(got, 0xA5, sizeof got);
                memset(expected, 0xA5, sizeof expected);
                cpu_words(keys[k], firsts[f], n, got);
                philox_fill(keys[k], firsts[f], n, expected);
                assert_memory_equal(got, expected, sizeof got);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(any_range_gives_the_same_words) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
