/* Values kept as bfloat16: the nearest of all, found by trying, with ties to the even one; and what comes back. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/backend.h"
#include "kernels/memory.h"

static float of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Of the bfloat16 at or below |x| and the next one up, the nearer; where both are as near, the one whose last bit is 0. Beyond the largest,
 * the next one up is infinity, as far away as the number that would follow. */
static uint16_t nearest(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t down = (uint16_t)(bits >> 16), up = (uint16_t)(down + 1);
    double size = fabs((double)x), low = (double)of_bits((uint32_t)(down & 0x7FFF) << 16), high = 2 * (double)of_bits(0x7F000000);
    if ((up & 0x7FFF) != 0x7F80) high = (double)of_bits((uint32_t)(up & 0x7FFF) << 16);
    if (size - low != high - size) return size - low < high - size ? down : up;
    return down & 1 ? up : down;
}

static void every_upper_half_with_sharp_lower_ones(void **state)
{
    (void)state;
    static const uint16_t lower[] = { 0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF };
    enum { N = sizeof lower / sizeof *lower, ROWS = 1 << 16 };
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    float *x = memory_new(ROWS * N, sizeof *x), *back = memory_new(ROWS * N, sizeof *back);
    uint16_t *kept = memory_new(ROWS * N, sizeof *kept);
    for (uint32_t i = 0; i < ROWS * N; i++) x[i] = of_bits(i / N << 16 | lower[i % N]);
    backend.narrow(&backend, (Tensor){ x, ROWS, N }, kept);
    backend.widen(&backend, kept, (Tensor){ back, ROWS, N });
    for (uint32_t i = 0; i < ROWS * N; i++) {
        uint32_t bits;
        memcpy(&bits, back + i, sizeof bits);
        assert_int_equal(bits, (uint32_t)kept[i] << 16);
        assert_int_equal(kept[i], bf16_of_f32(x[i]));
        if (isnan(x[i])) assert_true(isnan(back[i]) && signbit(back[i]) == signbit(x[i]));
        else if (isinf(x[i])) assert_true(back[i] == x[i]);
        else assert_int_equal(kept[i], nearest(x[i]));
    }
    free(x);
    free(back);
    free(kept);
    pool_close(pool);
}

/* Nothing behind the last element is touched. */
static void any_number_of_elements(void **state)
{
    (void)state;
    Pool *pool = pool_open(3);
    Backend backend = cpu_backend(pool);
    for (int64_t rows = 0; rows < 4; rows++)
        for (int64_t cols = 1; cols < 70; cols++) {
            float x[4 * 70], back[4 * 70];
            uint16_t kept[4 * 70];
            int64_t n = rows * cols;
            for (int64_t i = 0; i < 4 * 70; i++) x[i] = back[i] = (float)i / 3, kept[i] = 0xABCD;
            backend.narrow(&backend, (Tensor){ x, rows, cols }, kept);
            backend.widen(&backend, kept, (Tensor){ back, rows, cols });
            for (int64_t i = 0; i < n; i++) assert_true(back[i] == bf16_to_f32(nearest(x[i])));
            for (int64_t i = n; i < 4 * 70; i++) assert_true(kept[i] == 0xABCD && back[i] == x[i]);
        }
    pool_close(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_upper_half_with_sharp_lower_ones), cmocka_unit_test(any_number_of_elements) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
