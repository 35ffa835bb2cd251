/* Row-major products by way of cuBLAS's prototypes, on the fake device: every orientation, types, strides, alpha and beta, and a cuBLAS that
 * does not start. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/cuda/blas.h"
#include "kernels/cuda/emulator/fake_device.h"
#include "kernels/dtype.h"
#include "kernels/random.h"

enum { M = 7, N = 5, K = 11, WIDE = 16, ROWS = 16, ROOM = ROWS * WIDE };

typedef struct { float value[ROOM]; uint16_t narrow[ROOM]; void *there; } Matrix;

static Matrix matrix(Device *d, uint64_t seed, int type)
{
    Matrix m;
    Random random;
    random_seed(&random, seed);
    random_normal(&random, 0, 1, ROOM, m.value);
    for (int i = 0; i < ROOM; i++) m.narrow[i] = bf16_of_f32(m.value[i]);
    for (int i = 0; i < ROOM && type == BLAS_BF16; i++) m.value[i] = bf16_to_f32(m.narrow[i]);
    size_t bytes = type == BLAS_F32 ? sizeof m.value : sizeof m.narrow;
    assert_ok(device_take(d, bytes, &m.there));
    device_write(d, m.there, type == BLAS_F32 ? (void *)m.value : (void *)m.narrow, bytes);
    return m;
}

static double exact(const Matrix *a, bool a_turned, const Matrix *b, bool b_turned, int i, int j)
{
    double sum = 0;
    for (int k = 0; k < K; k++)
        sum += (double)a->value[a_turned ? k * WIDE + i : i * WIDE + k] * (double)b->value[b_turned ? j * WIDE + k : k * WIDE + j];
    return sum;
}

/* Float32 sums of 11 products: 6e-8 of their size each. A result in bf16 has 8 bits, so half a unit is up to 2^-8 of it. */
static void check(Device *d, Blas *blas, int type, int c_type, bool a_turned, bool b_turned, float alpha, float beta)
{
    Matrix a = matrix(d, 1, type), b = matrix(d, 2, type), c = matrix(d, 3, c_type), got;
    BlasProduct product = { .m = M, .n = N, .k = K, .alpha = alpha, .beta = beta, .a = { a.there, type, WIDE, a_turned },
                            .b = { b.there, type, WIDE, b_turned }, .c = c.there, .c_type = c_type, .c_stride = WIDE };
    assert_true(blas_multiply(blas, &product));
    assert_ok(device_read(d, c_type == BLAS_F32 ? (void *)got.value : (void *)got.narrow, c.there, c_type == BLAS_F32 ? sizeof got.value : sizeof got.narrow));
    for (int i = 0; i < ROOM && c_type == BLAS_BF16; i++) got.value[i] = bf16_to_f32(got.narrow[i]);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < WIDE; j++) {
            double before = (double)c.value[i * WIDE + j], is = (double)got.value[i * WIDE + j];
            if (i >= M || j >= N) assert_true(is == before);
            else {
                double expected = (double)alpha * exact(&a, a_turned, &b, b_turned, i, j) + (double)beta * before;
                assert_true(fabs(is - expected) <= (c_type == BLAS_F32 ? 2e-6 : 0x1p-8 * fabs(expected) + 2e-6));
            }
        }
    device_give(d, a.there);
    device_give(d, b.there);
    device_give(d, c.there);
}

static void every_orientation(void **state)
{
    (void)state;
    Device *d;
    void *workspace;
    char why[256];
    assert_ok(device_open(&d, 0));
    assert_ok(device_take(d, 1024, &workspace));
    Blas *blas = blas_open(d, NULL, NULL, workspace, 1024, why);
    assert_non_null(blas);
    assert_int_equal(blas_version(blas), 130101);
    static const int types[][2] = { { BLAS_F32, BLAS_F32 }, { BLAS_BF16, BLAS_F32 }, { BLAS_BF16, BLAS_BF16 } };
    for (int i = 0; i < 3; i++)
        for (int turned = 0; turned < 4; turned++) {
            check(d, blas, types[i][0], types[i][1], turned & 1, turned >> 1, 1, 0);
            check(d, blas, types[i][0], types[i][1], turned & 1, turned >> 1, -0.5f, 1);
        }
    BlasProduct refused = { .m = M, .n = N, .k = K, .a = { workspace, BLAS_F32, K - 1, false }, .b = { workspace, BLAS_F32, N, false }, .c = workspace,
                            .c_type = BLAS_F32, .c_stride = N };
    assert_false(blas_multiply(blas, &refused));
    blas_close(blas);
    blas_close(NULL);
    device_close(d);
    assert_int_equal(fake_device_used(), 0);
}

static void one_that_does_not_start(void **state)
{
    (void)state;
    Device *d;
    char why[256];
    assert_ok(device_open(&d, 0));
    for (int call = 1; call <= 3; call++) {
        fake_device_fail(call, cudaErrorUnknown, 0);
        assert_null(blas_open(d, NULL, NULL, NULL, 0, why));
        assert_string_equal(why, "cuBLAS does not start");
    }
    device_close(d);
    assert_int_equal(fake_device_used(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_orientation), cmocka_unit_test(one_that_does_not_start) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
