/* The measured peak by every set of instructions that is here: no loop is optimised away. Two units of multiply-adds at 10 GHz, or one of tiles
 * that takes 16 cycles for a product, would be more than any core does; the slowest does 10 MFLOP/s. */
#include "tests/testing.h"

#include "kernels/cpu/instructions.h"

static void a_plausible_rate(void **state)
{
    (void)state;
    static const double at_most[ISA_COUNT] = { [ISA_BASELINE] = 160e9, [ISA_AVX2] = 320e9, [ISA_AVX512] = 640e9, [ISA_AMX] = 10240e9 };
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    for (Isa isa = 0; isa < ISA_COUNT; isa++) {
        if (!instruction_sets[isa].here()) {
            printf("skipped: peak of %s: not on this machine\n", isa_names[isa]);
            continue;
        }
        assert_ok(cpu_backend_use(&backend, isa));
        double peak = backend.peak(&backend);
        print_message("%s: %.1f GFLOP/s on a core\n", isa_names[isa], peak / 1e9);
        assert_true(peak > 1e7 && peak < at_most[isa]);
    }
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_plausible_rate) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
