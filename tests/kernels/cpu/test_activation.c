/* erf and the activations against libm in double, over the whole range. */
#include "tests/testing.h"

#include "kernels/cpu/activation.h"
#include "tests/kernels/exact_act.h"

/* Floats of both signs from 2^-40 to 2^7, 4096 of each power of two. */
enum { PER_POWER = 4096 };
static float sample(int i)
{
    float size = ldexpf(1 + (float)(i / 2 % PER_POWER) / PER_POWER, i / 2 / PER_POWER - 40);
    return i % 2 ? -size : size;
}
enum { SAMPLES = 2 * PER_POWER * 47 };

/* In units of 2^-24 of the value, of which an ulp is 1 to 2: measured 1.36. */
static void erf_is_near(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = 0; i < SAMPLES; i++) {
        double e = erf((double)sample(i));
        worst = fmax(worst, fabs((double)erf_f32(sample(i)) - e) / fabs(e));
    }
    assert_true(worst < 2 * 0x1p-24);
    assert_true(erf_f32(0) == 0 && erf_f32(INFINITY) == 1 && erf_f32(-INFINITY) == -1);
    assert_true(isnan(erf_f32(NAN)));
}

/* Values in units of 2^-24 of x: what 1 + erf cancels is small beside x. Slopes are at most about 1, or grow with x. silu's slope
 * takes the rounding of 1 - s times x, until s is 1 at x = 17. Measured: values 2.31, slopes 16.3 (silu) and 2.87. */
static void activations_are_near(void **state)
{
    (void)state;
    for (Act act = ACT_SILU; act <= ACT_RELU2; act++) {
        double value = 0, sloped = 0, slope = 0;
        for (int i = 0; i < SAMPLES; i++) {
            float x = sample(i);
            double y = exact_act(act, (double)x), d = exact_act_slope(act, (double)x), size = fmax(fabs((double)x), fabs(y));
            value = fmax(value, fabs((double)activation(act, x) - y) / size);
            sloped = fmax(sloped, fabs((double)activation_sloped(act, x).y - y) / size);
            slope = fmax(slope, fabs((double)activation_sloped(act, x).slope - d) / fmax(1, fabs(d)));
        }
        assert_true(value < 3 * 0x1p-24 && sloped < 3 * 0x1p-24 && slope < (act == ACT_SILU ? 17 : 3) * 0x1p-24);
    }
}

static void nan_stays_nan(void **state)
{
    (void)state;
    for (Act act = ACT_SILU; act <= ACT_RELU2; act++) assert_true(isnan(activation(act, NAN)) && isnan(activation_sloped(act, NAN).y));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(erf_is_near), cmocka_unit_test(activations_are_near), cmocka_unit_test(nan_stays_nan) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
