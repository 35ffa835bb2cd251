/* torch's generator: what torch 2.13 gave (tests/peers/golden_random.py), states saved and loaded. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/memory.h"
#include "kernels/random.h"

static uint32_t crc32(const void *bytes, size_t n)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < n; i++) {
        crc ^= ((const uint8_t *)bytes)[i];
        for (int k = 0; k < 8; k++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static size_t golden(const char *name, void *bytes, size_t cap)
{
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, cap, f);
    fclose(f);
    return n;
}

static void check_permutation(unsigned long long seed, int64_t n, uint32_t crc)
{
    Random random;
    random_seed(&random, seed);
    int64_t *order = memory_new((size_t)n, sizeof *order);
    random_permutation(&random, n, order);
    assert_int_equal(crc32(order, (size_t)n * sizeof *order), crc);
    free(order);
}

static void check_kaiming(unsigned long long seed, int64_t fan_in, int64_t n, uint64_t bits, uint32_t crc)
{
    Random random;
    random_seed(&random, seed);
    double bound = random_kaiming_bound(fan_in), expected;
    memcpy(&expected, &bits, sizeof expected);
    assert_true(bound == expected);
    float *values = memory_new((size_t)n, sizeof *values);
    random_uniform(&random, -bound, bound, n, values);
    assert_int_equal(crc32(values, (size_t)n * sizeof *values), crc);
    free(values);
}

/* Lines are "permutation SEED N CRC" and "kaiming SEED FAN_IN N BOUND CRC". */
static void permutations_and_uniforms_are_torchs(void **state)
{
    (void)state;
    char text[4096] = {0};
    text[golden(GRAFT_GOLDEN "/random/checksums.txt", text, sizeof text - 1)] = 0;
    int n_lines = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long long seed, bits;
        long long fan_in, n;
        unsigned crc;
        if (sscanf(line, "permutation %llu %lld %x", &seed, &n, &crc) == 3) check_permutation(seed, n, crc);
        else if (sscanf(line, "kaiming %llu %lld %lld %llx %x", &seed, &fan_in, &n, &bits, &crc) == 5) check_kaiming(seed, fan_in, n, bits, crc);
        else continue;
        n_lines++;
    }
    assert_int_equal(n_lines, 9);
}

/* The generator after the fills of 3, 16, 5, 40, 15 and 1 normals with mean 0.5, std 0.02; `worst` is the error over std. It is no
 * running fmax, which gcc 12.2 for aarch64 cannot compile where floats become double. */
static double fill_normals(Random *random)
{
    static const int counts[] = { 3, 16, 5, 40, 15, 1 };
    float expected[80], mine[80];
    assert_int_equal(golden(GRAFT_GOLDEN "/random/normals.f32", expected, sizeof expected), sizeof expected);
    random_seed(random, 1234);
    int at = 0;
    double worst = 0;
    for (int i = 0; i < 6; at += counts[i++]) random_normal(random, 0.5, 0.02, counts[i], mine + at);
    for (int i = 0; i < 80; i++) {
        double error = fabs((double)mine[i] - expected[i]) / 0.02;
        worst = error > worst ? error : worst;
    }
    return worst;
}

/* 3e-6 is the rounding of values near 0.5 (6e-8) over std. */
static void normals_are_torchs(void **state)
{
    (void)state;
    Random random;
    assert_true(fill_normals(&random) < 3.1e-6);
}

static void state_is_torchs(void **state)
{
    (void)state;
    Random random, loaded;
    fill_normals(&random);
    uint8_t expected[RANDOM_STATE_BYTES], mine[RANDOM_STATE_BYTES];
    assert_int_equal(golden(GRAFT_GOLDEN "/random/state.bin", expected, sizeof expected), RANDOM_STATE_BYTES);
    random_save(&random, mine);
    assert_memory_equal(mine, expected, RANDOM_STATE_BYTES);

    struct { float normal[5]; uint8_t order[40]; } after;
    assert_int_equal(golden(GRAFT_GOLDEN "/random/after.bin", &after, sizeof after), 60);
    assert_true(random_load(&loaded, expected));
    float normal[5];
    int64_t order[5];
    random_normal(&loaded, 0, 1, 5, normal);
    random_permutation(&loaded, 5, order);
    assert_memory_equal(normal, after.normal, sizeof normal);
    assert_memory_equal(order, after.order, sizeof order);

    memset(expected, 0xFF, sizeof expected);
    assert_false(random_load(&loaded, expected));
}

static void every_position_survives_saving(void **state)
{
    (void)state;
    Random random, loaded;
    uint8_t bytes[RANDOM_STATE_BYTES];
    random_seed(&random, 5);
    for (int i = 0; i < 1300; i++) {
        random_save(&random, bytes);
        assert_true(random_load(&loaded, bytes));
        assert_int_equal(random_u32(&random), random_u32(&loaded));
    }
}

static void skipping_is_drawing(void **state)
{
    (void)state;
    static const int64_t counts[] = { 0, 1, 623, 624, 625, 5000 };
    for (int i = 0; i < 6; i++) {
        Random drawn, skipped;
        random_seed(&drawn, 9);
        random_u32(&drawn);
        skipped = drawn;
        for (int64_t k = 0; k < counts[i]; k++) random_u32(&drawn);
        random_skip(&skipped, counts[i]);
        assert_int_equal(random_u32(&drawn), random_u32(&skipped));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permutations_and_uniforms_are_torchs), cmocka_unit_test(normals_are_torchs), cmocka_unit_test(state_is_torchs),
        cmocka_unit_test(every_position_survives_saving), cmocka_unit_test(skipping_is_drawing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
