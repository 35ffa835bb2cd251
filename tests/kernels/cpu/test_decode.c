/* The decoders that a CPU product uses give the bits of dtype_rows[].decode, on random blocks at odd addresses, and read no
 * byte behind the last block (seen under the address sanitizer). */
#include "tests/testing.h"

#include <math.h>

#include "kernels/cpu/decode.h"
#include "kernels/memory.h"

static void equals_the_definition(void **state)
{
    (void)state;
    enum { BLOCKS = 300 };
    uint64_t random = 88172645463325252;
    for (Dtype dtype = 0; dtype < DTYPE_COUNT; dtype++) {
        const DtypeRow *row = &dtype_rows[dtype];
        if (!row->decode) {
            assert_null(decode_for(dtype));
            continue;
        }
        size_t n_bytes = (size_t)(BLOCKS * row->bytes), n = (size_t)(BLOCKS * row->block);
        uint8_t *blocks = malloc(n_bytes + 1);
        float *got = memory_new(n, sizeof *got), *expected = memory_new(n, sizeof *expected);
        for (size_t i = 0; i <= n_bytes; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            blocks[i] = (uint8_t)(random >> 32);
        }
        decode_for(dtype)(blocks + 1, (int64_t)n, got);
        row->decode(blocks + 1, (int64_t)n, expected);
        for (size_t i = 0; i < n; i++) {
            if (isnan(got[i]) && isnan(expected[i])) continue;
            if (memcmp(&got[i], &expected[i], sizeof *got)) print_error("%s[%zu]: %.9g, expected %.9g\n", row->name, i, (double)got[i], (double)expected[i]);
            assert_memory_equal(&got[i], &expected[i], sizeof *got);
        }
        free(blocks);
        free(got);
        free(expected);
    }
}

static void has_vectors_here(void **state)
{
    (void)state;
    if (decode_for(DTYPE_Q4_0) != dtype_rows[DTYPE_Q4_0].decode) return;
    print_message("skipped: this machine has no AVX2, the comparison was with itself\n");
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(equals_the_definition), cmocka_unit_test(has_vectors_here) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
