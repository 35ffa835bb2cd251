/* The exponential, tanh and the sum that the elementwise loops share. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/cpu/vector.h"

/* About 1 ulp, which is 2^-23 just above a power of two: measured 1.34 x 2^-24. */
static void exponential_is_near(void **state)
{
    (void)state;
    for (double at = -87; at <= 88; at += 1e-3) {
        float x = (float)at;
        double e = exp((double)x);
        assert_true(fabs((double)exp_f32(x) - e) < 1.5 * 0x1p-24 * e);
    }
    assert_true(exp_f32(0) == 1.0f);
}

static void exponential_ends(void **state)
{
    (void)state;
    assert_true(exp_f32(-87) == EXP_LEAST && exp_f32(88) == EXP_MOST);
    static const float below[] = { -87.00001f, -100, -1e10f, -INFINITY }, above[] = { 88.00001f, 100, 1e10f, INFINITY };
    for (int i = 0; i < 4; i++) assert_true(exp_f32(below[i]) == EXP_LEAST && exp_f32(above[i]) == EXP_MOST);
    assert_true(isnan(exp_f32(NAN)));
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every 97th float from the smallest normal one to 20, of both signs: measured over all of them 2.39 x 2^-24 of the result. */
static void tanh_is_near(void **state)
{
    (void)state;
    for (uint32_t bits = 0x00800000; float_of(bits) < 20; bits += 97) {
        float x = float_of(bits);
        double t = tanh((double)x);
        assert_true(fabs((double)tanh_f32(x) - t) < 2.5 * 0x1p-24 * t);
        assert_true(tanh_f32(-x) == -tanh_f32(x));
    }
}

static void tanh_ends(void **state)
{
    (void)state;
    static const float large[] = { 9.5f, 44, 100, 1e30f, INFINITY };
    for (int i = 0; i < 5; i++) assert_true(tanh_f32(large[i]) == 1 && tanh_f32(-large[i]) == -1);
    assert_true(tanh_f32(0) == 0 && tanh_f32(1e-40f) == 1e-40f);
    assert_true(isnan(tanh_f32(NAN)));
}

static void sum_takes_every_lane(void **state)
{
    (void)state;
    float lane[LANES];
    for (int j = 0; j < LANES; j++) lane[j] = (float)(1 << j);
    assert_true(lanes_sum(lane) == (float)((1 << LANES) - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exponential_is_near), cmocka_unit_test(exponential_ends), cmocka_unit_test(tanh_is_near),
        cmocka_unit_test(tanh_ends), cmocka_unit_test(sum_takes_every_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
