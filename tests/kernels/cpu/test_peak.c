/* The measured peak: no loop is optimised away: four lanes at 10 GHz with two units would be 160 GFLOP/s
 * a core, AVX2 twice that, AVX-512 four times. */
#include "tests/testing.h"

#include "kernels/backend.h"

static void a_plausible_rate(void **state)
{
    (void)state;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    double peak = backend.peak(&backend);
    print_message("%.1f GFLOP/s on a core\n", peak / 1e9);
    assert_true(peak > 1e7 && peak < 640e9);
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_plausible_rate) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
