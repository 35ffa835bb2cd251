/* The real runtime, linked into a program of C alone: where there is no driver it says so and nothing crashes. With a card, the wrappers of
 * instructions are checked on it. */
#include "tests/testing.h"

#include "kernels/cuda/device.h"
#include "kernels/cuda/wrappers.h"

static void starts_anywhere(void **state)
{
    (void)state;
    char why[256];
    Device *device;
    int n = device_count(NULL, why);
    print_message("%d devices: %s\n", n, why);
    if (!n) {
        assert_string_not_equal(why, "");
        assert_int_not_equal(device_open(&device, 0), STATUS_OK);
        assert_null(device);
        return;
    }
    assert_ok(device_open(&device, 0));
    assert_ok(wrappers_check(device));
    device_close(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(starts_anywhere) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
