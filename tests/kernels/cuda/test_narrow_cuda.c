/* What the tape keeps as bfloat16: the bits that bf16_of_f32 gives, of every upper half, and nothing behind the end. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/cuda/device.h"
#include "kernels/cuda/emulator/fake_device.h"
#include "kernels/dtype.h"
#include "kernels/memory.h"

static void check(Device *d, int64_t rows, int64_t cols, const float *x)
{
    Backend backend = cuda_backend(d);
    int64_t n = rows * cols;
    void *there, *kept;
    uint16_t *narrow = memory_new((size_t)n + 1, sizeof *narrow);
    float *back = memory_new((size_t)n + 1, sizeof *back);
    assert_ok(device_take(d, (size_t)n * sizeof(float), &there));
    assert_ok(device_take(d, (size_t)n * sizeof(uint16_t), &kept));
    device_write(d, there, x, (size_t)n * sizeof(float));
    backend.narrow(&backend, (Tensor){ there, rows, cols }, kept);
    assert_ok(device_read(d, narrow, kept, (size_t)n * sizeof *narrow));
    device_clear(d, there, (size_t)n * sizeof(float));
    backend.widen(&backend, kept, (Tensor){ there, rows, cols });
    assert_ok(device_read(d, back, there, (size_t)n * sizeof *back));
    for (int64_t i = 0; i < n; i++) {
        float wide = bf16_to_f32(narrow[i]);
        assert_int_equal(narrow[i], bf16_of_f32(x[i]));
        assert_memory_equal(&back[i], &wide, sizeof wide);
    }
    device_give(d, there);
    device_give(d, kept);
    free(narrow);
    free(back);
}

static void the_bits_are_the_cpu_s(void **state)
{
    (void)state;
    static const uint16_t lower[] = { 0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF };
    enum { N = sizeof lower / sizeof *lower, ROWS = 1 << 16 };
    float *x = memory_new(ROWS * N, sizeof *x);
    for (uint32_t i = 0; i < ROWS * N; i++) {
        uint32_t bits = i / N << 16 | lower[i % N];
        memcpy(&x[i], &bits, sizeof bits);
    }
    Device *d;
    assert_ok(device_open(&d, 0));
    check(d, ROWS, N, x);
    for (int64_t cols = 1; cols < 70; cols += 17)
        for (int64_t rows = 0; rows < 9; rows += 4) check(d, rows, cols, x + 6 * 0x3F80);
    device_close(d);
    assert_int_equal(fake_device_used(), 0);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_bits_are_the_cpu_s) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
