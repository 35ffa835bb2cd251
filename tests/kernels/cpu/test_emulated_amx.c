/* The emulated tiles do what Intel's manual says: a product by hand, the order and the flushing of sums, and every fault. */
#include "tests/kernels/aborts.h"

#if defined(__x86_64__)
#include "tests/kernels/cpu/emulated_amx.h"

static uint16_t bf16(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Tile 0: 2 rows of 3 floats; tile 1: 2 rows of 4 halves; tile 2: 2 rows of 3 pairs; tile 3: 16 rows of 16 floats. */
static const EmulatedConfig shapes = { .palette = 1, .row_bytes = { 12, 8, 12, 64 }, .rows = { 2, 2, 2, 16 } };

static void a_product_by_hand(void **state)
{
    (void)state;
    static const float a[2][4] = { { 1, 2, 3, 4 }, { -1, 0, 0.5f, 2 } }, b[2][3][2] = { { { 1, 2 }, { 3, 4 }, { 5, 6 } }, { { 7, 8 }, { 9, 10 }, { 11, 12 } } };
    uint16_t a_halves[2][4], b_halves[2][3][2];
    float c[2][4] = { { 100, 200, 300, 7 }, { 1, 2, 3, 7 } };
    for (int i = 0; i < 8; i++) a_halves[i / 4][i % 4] = bf16(a[i / 4][i % 4]);
    for (int i = 0; i < 12; i++) b_halves[i / 6][i / 2 % 3][i % 2] = bf16(b[i / 6][i / 2 % 3][i % 2]);
    _tile_loadconfig(&shapes);
    _tile_loadd(0, c, sizeof *c);
    _tile_loadd(1, a_halves, sizeof *a_halves);
    _tile_stream_loadd(2, b_halves, sizeof *b_halves);
    _tile_dpbf16ps(0, 1, 2);
    _tile_stored(0, c, sizeof *c);
    _tile_release();
    static const float expected[2][4] = { { 100 + 58, 200 + 78, 300 + 98, 7 }, { 1 + 18.5f, 2 + 21.5f, 3 + 24.5f, 7 } };
    assert_memory_equal(c, expected, sizeof expected);
}

/* One element: products x[k] y[k] beside c. */
static float element(const float x[4], const float y[4], float c)
{
    uint16_t a[4], b[2][2];
    for (int k = 0; k < 4; k++) {
        a[k] = bf16(x[k]);
        b[k / 2][k % 2] = bf16(y[k]);
    }
    _tile_loadconfig(&(EmulatedConfig){ .palette = 1, .row_bytes = { 4, 8, 4 }, .rows = { 1, 1, 2 } });
    _tile_loadd(0, &c, 4);
    _tile_loadd(1, a, 8);
    _tile_loadd(2, b, 4);
    _tile_dpbf16ps(0, 1, 2);
    _tile_stored(0, &c, 4);
    _tile_release();
    return c;
}

/* Even and odd steps are summed apart: 2^25 + 1 - 2^25 + 1 is 2 only so. Subnormals are zeros on both sides. */
static void order_and_flushing(void **state)
{
    (void)state;
    static const float ones[4] = { 1, 1, 1, 1 };
    assert_true(element((float[4]){ 0x1p25f, 1, -0x1p25f, 1 }, ones, 0) == 2);
    assert_true(element((float[4]){ 0x1p25f, -0x1p25f, 1, 1 }, ones, 0) == 0);
    assert_true(element((float[4]){ 0x1p-130f }, (float[4]){ 0x1p100f }, 0) == 0);
    assert_true(element((float[4]){ 0x1p-100f }, (float[4]){ 0x1p-30f }, 0) == 0);
    assert_true(element((float[4]){ 0 }, ones, 0x1p-130f) == 0);
    assert_true(element((float[4]){ 0x1p-100f }, (float[4]){ 0x1p-20f }, 0) == 0x1p-120f);
}

static void unconfigured(void *arg) { (void)arg, _tile_zero(0); }

static void configured(void *arg) { _tile_loadconfig(arg); }

static void released(void *arg)
{
    (void)arg;
    _tile_loadconfig(&shapes);
    _tile_release();
    _tile_zero(0);
}

static void shapes_that_do_not_meet(void *arg)
{
    (void)arg;
    _tile_loadconfig(&shapes);
    _tile_dpbf16ps(3, 1, 2);
}

static void one_tile_twice(void *arg)
{
    (void)arg;
    _tile_loadconfig(&shapes);
    _tile_dpbf16ps(0, 1, 1);
}

static void no_such_tile(void *arg)
{
    (void)arg;
    _tile_loadconfig(&shapes);
    _tile_zero(8);
}

static void faults(void **state)
{
    (void)state;
    assert_aborts("tile 0 is not configured", unconfigured, NULL);
    assert_aborts("tile 0 is not configured", released, NULL);
    assert_aborts("16 rows of 64 bytes from 2 of 8 and 2 of 12", shapes_that_do_not_meet, NULL);
    assert_aborts("tiles 0, 1 and 1 of one product", one_tile_twice, NULL);
    assert_aborts("tile 8", no_such_tile, NULL);
    assert_aborts("palette 0", configured, &(EmulatedConfig){0});
    assert_aborts("tile 0 of 17 rows", configured, &(EmulatedConfig){ .palette = 1, .row_bytes = { 4 }, .rows = { 17 } });
    assert_aborts("tile 8 of 1 rows", configured, &(EmulatedConfig){ .palette = 1, .row_bytes[8] = 4, .rows[8] = 1 });
    assert_aborts("tile 1 has 0 rows of 4 bytes", configured, &(EmulatedConfig){ .palette = 1, .row_bytes = { 0, 4 } });
    assert_aborts("reserved byte 3", configured, &(EmulatedConfig){ .palette = 1, .reserved[3] = 1 });
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_product_by_hand), cmocka_unit_test(order_and_flushing), cmocka_unit_test(faults) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    printf("skipped: emulated amx: this machine is no x86-64\n");
    return 0;
}
#endif
