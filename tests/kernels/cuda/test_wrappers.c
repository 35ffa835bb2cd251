/* dev.h's wrappers, as the emulator does them, in every order: the check that a card has to pass too. */
#include "tests/testing.h"

#include "kernels/cuda/emulator/fake_device.h"
#include "kernels/cuda/wrappers.h"

static void wrappers_do_what_the_isa_says(void **state)
{
    (void)state;
    Device *device;
    assert_ok(device_open(&device, 0));
    for (int order = EMULATOR_FORWARD; order <= EMULATOR_RANDOM; order++) {
        emulator_schedule((EmulatorSchedule)order, 3);
        assert_ok(wrappers_check(device));
    }
    device_close(device);
    assert_int_equal(fake_device_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(wrappers_do_what_the_isa_says) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
