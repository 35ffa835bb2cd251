/* Dtypes: every half against its definition in double precision; every block type against what the gguf package decodes
 * (tests/peers/golden_dtype.py); rows of the table. */
#include "tests/testing.h"

#include <math.h>

#include "data/file/safetensors.h"
#include "kernels/dtype.h"
#include "kernels/memory.h"

static double half_value(unsigned h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    double magnitude = !exponent ? ldexp(mantissa, -24) : exponent < 31 ? ldexp(1024 + mantissa, exponent - 25) : mantissa ? NAN : INFINITY;
    return h & 0x8000 ? -magnitude : magnitude;
}

static void assert_same_bits(float got, float expected, const char *what, int64_t i)
{
    if (isnan(got) && isnan(expected)) return;
    if (memcmp(&got, &expected, sizeof got)) print_error("%s[%lld]: %.9g, expected %.9g\n", what, (long long)i, (double)got, (double)expected);
    assert_memory_equal(&got, &expected, sizeof got);
}

static void decodes_every_half(void **state)
{
    (void)state;
    uint8_t *halves = memory_new(65536 * 2 + 1, 1);
    float *got = memory_new(65536, sizeof *got);
    for (unsigned h = 0; h < 65536; h++) memcpy(halves + 1 + 2 * h, &(uint16_t){ (uint16_t)h }, 2);
    dtype_rows[DTYPE_F16].decode(halves + 1, 65536, got);       /* from an odd address */
    for (unsigned h = 0; h < 65536; h++) {
        assert_same_bits(got[h], (float)half_value(h), "F16", h);
        assert_same_bits(f16_to_f32((uint16_t)h), (float)half_value(h), "f16_to_f32", h);
    }
    dtype_rows[DTYPE_BF16].decode(halves + 1, 65536, got);
    for (unsigned h = 0; h < 65536; h++) {
        float expected;
        memcpy(&expected, &(uint32_t){ h << 16 }, 4);
        assert_same_bits(got[h], expected, "BF16", h);
        assert_same_bits(bf16_to_f32((uint16_t)h), expected, "bf16_to_f32", h);
    }
    free(halves);
    free(got);
}

static void decodes_blocks_as_gguf(void **state)
{
    (void)state;
    Safetensors golden = {0};
    assert_ok(safetensors_open(&golden, GRAFT_GOLDEN "/dtype.safetensors"));
    for (Dtype dtype = DTYPE_Q8_0; dtype <= DTYPE_Q6_K; dtype++) {
        const DtypeRow *row = &dtype_rows[dtype];
        char name[32];
        snprintf(name, sizeof name, "%s.blocks", row->name);
        const TensorEntry *blocks = tensors_find(&golden.tensors, name);
        snprintf(name, sizeof name, "%s.values", row->name);
        const TensorEntry *values = tensors_find(&golden.tensors, name);
        assert_non_null(blocks);
        assert_non_null(values);
        int64_t n = values->dims[0];
        assert_int_equal(dtype_row_bytes(dtype, n), blocks->n_bytes);
        float *got = memory_new((size_t)n, sizeof *got), *expected = memory_copy(values->bytes, (size_t)n, sizeof *expected);
        row->decode(blocks->bytes, n, got);
        for (int64_t i = 0; i < n; i++) assert_same_bits(got[i], expected[i], row->name, i);
        free(got);
        free(expected);
    }
    safetensors_close(&golden);
}

static void has_a_full_row_for_each(void **state)
{
    (void)state;
    for (Dtype i = 0; i < DTYPE_COUNT; i++) {
        assert_non_null(dtype_rows[i].name);
        assert_true(dtype_rows[i].block > 0 && dtype_rows[i].bytes > 0);
        assert_true((dtype_rows[i].decode != NULL) == (i <= DTYPE_Q6_K));
        for (Dtype j = 0; j < i; j++) {
            assert_string_not_equal(dtype_rows[i].name, dtype_rows[j].name);
            assert_true(dtype_rows[i].ggml < 0 || dtype_rows[i].ggml != dtype_rows[j].ggml);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decodes_every_half), cmocka_unit_test(decodes_blocks_as_gguf), cmocka_unit_test(has_a_full_row_for_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
