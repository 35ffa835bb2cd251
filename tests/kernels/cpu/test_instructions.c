/* Which instructions a backend uses: the widest, those that were asked for, and a sentence where the machine does not have them. */
#include "tests/testing.h"

#include "kernels/cpu/instructions.h"

static void the_widest_is_the_last_that_is_here(void **state)
{
    (void)state;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    const Instructions *widest = instructions_widest();
    assert_ptr_equal(backend.isa, widest);
    for (const Instructions *wider = widest + 1; wider < instruction_sets + ISA_COUNT; wider++) assert_false(wider->here());
    assert_ok(cpu_backend_use(&backend, ISA_COUNT));
    assert_ptr_equal(backend.isa, widest);
    pool_close(pool);
}

/* A processor that has a set has those before it. */
static void what_is_here_may_be_asked_for(void **state)
{
    (void)state;
    Pool *pool = pool_open(1);
    Backend backend = cpu_backend(pool);
    Isa widest = (Isa)(instructions_widest() - instruction_sets);
    for (Isa isa = ISA_BASELINE; isa < ISA_COUNT; isa++) {
        assert_non_null(isa_names[isa]);
        if (isa <= widest) {
            assert_ok(cpu_backend_use(&backend, isa));
            assert_ptr_equal(backend.isa, &instruction_sets[isa]);
            continue;
        }
        char message[200];
        snprintf(message, sizeof message, "this machine does not have %s; the widest that it has is %s", isa_names[isa], isa_names[widest]);
        assert_fails(STATUS_INPUT, message, cpu_backend_use(&backend, isa));
        assert_ptr_equal(backend.isa, &instruction_sets[widest]);
    }
    assert_null(isa_names[ISA_COUNT]);
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_widest_is_the_last_that_is_here), cmocka_unit_test(what_is_here_may_be_asked_for) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
