#include "kernels/random.h"

#include <math.h>
#include <string.h>

#include "kernels/status.h"

enum { SHIFT = 397 };

void random_seed(Random *random, uint64_t seed)
{
    *random = (Random){ .seed = seed, .next = RANDOM_WORDS };
    random->word[0] = (uint32_t)seed;
    for (uint32_t i = 1; i < RANDOM_WORDS; i++) {
        uint32_t before = random->word[i - 1];
        random->word[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
}

static void refill(Random *random)
{
    uint32_t *word = random->word;
    for (int i = 0; i < RANDOM_WORDS; i++) {
        uint32_t mixed = (word[i] & 0x80000000u) | (word[(i + 1) % RANDOM_WORDS] & 0x7fffffffu);
        word[i] = word[(i + SHIFT) % RANDOM_WORDS] ^ (mixed >> 1) ^ (mixed & 1 ? 0x9908b0dfu : 0);
    }
    random->next = 0;
}

uint32_t random_u32(Random *random)
{
    if (random->next == RANDOM_WORDS) refill(random);
    uint32_t y = random->word[random->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

uint64_t random_u64(Random *random)
{
    uint64_t high = random_u32(random);
    return high << 32 | random_u32(random);
}

void random_skip(Random *random, int64_t n_draws)
{
    while (n_draws > 0) {
        if (random->next == RANDOM_WORDS) refill(random);
        int64_t left = RANDOM_WORDS - random->next, taken = n_draws < left ? n_draws : left;
        random->next += (int)taken;
        n_draws -= taken;
    }
}

void random_permutation(Random *random, int64_t n, int64_t *out)
{
    CHECK(n < UINT32_MAX / 20, "a permutation of %lld", (long long)n);      /* beyond, torch draws 64 bits */
    for (int64_t i = 0; i < n; i++) out[i] = i;
    for (int64_t i = 0; i < n - 1; i++) {
        int64_t other = i + (int64_t)(random_u32(random) % (uint64_t)(n - i)), kept = out[i];
        out[i] = out[other];
        out[other] = kept;
    }
}

static float unit_float(Random *random) { return (float)(random_u32(random) & 0xFFFFFFu) * 0x1p-24f; }
static double unit_double(Random *random) { return (double)(random_u64(random) & 0x1FFFFFFFFFFFFFu) * 0x1p-53; }

void random_uniform(Random *random, double low, double high, int64_t n, float *out)
{
    float from = (float)low, width = (float)high - from;
    for (int64_t i = 0; i < n; i++) out[i] = fmaf(unit_float(random), width, from);
}

/* 16 uniforms become 16 normals: element j and j + 8 are one pair. */
static void normal_block(float *x, float mean, float std)
{
    const float two_pi = 6.283185307179586f;
    for (int j = 0; j < 8; j++) {
        float radius = sqrtf(-2.0f * logf(1.0f - x[j])), angle = two_pi * x[j + 8];
        x[j] = fmaf(radius * cosf(angle), std, mean);
        x[j + 8] = fmaf(radius * sinf(angle), std, mean);
    }
}

static double normal_double(Random *random)
{
    random->has_normal = !random->has_normal;
    if (!random->has_normal) return random->normal;
    double angle = 6.283185307179586476925286766559 * unit_double(random);
    double radius = sqrt(-2.0 * log1p(-unit_double(random)));
    random->normal = radius * sin(angle);
    return radius * cos(angle);
}

void random_normal(Random *random, double mean, double std, int64_t n, float *out)
{
    if (n < 16) {
        for (int64_t i = 0; i < n; i++) out[i] = (float)(normal_double(random) * std + mean);
        return;
    }
    random_uniform(random, 0, 1, n, out);
    for (int64_t i = 0; i + 16 <= n; i += 16) normal_block(out + i, (float)mean, (float)std);
    if (n % 16 == 0) return;
    random_uniform(random, 0, 1, 16, out + n - 16);       /* a ragged tail: the last 16 are drawn again */
    normal_block(out + n - 16, (float)mean, (float)std);
}

double random_kaiming_bound(int64_t fan_in)
{
    double slope = sqrt(5.0), gain = sqrt(2.0 / (1.0 + slope * slope));
    return sqrt(3.0) * (gain / sqrt((double)fan_in));
}

/* Torch's layout, little-endian: seed u64; left, seeded i32; next u64; one word per u64; normal x, y, rho f64 (y is the kept
 * one); has_normal i32 and 4 bytes of padding; a float32 normal and its flag, which CPU tensors never set. `left` is what
 * remains plus one; a generator that was only seeded has left 1 and next 0. */
enum { AT_LEFT = 8, AT_SEEDED = 12, AT_NEXT = 16, AT_WORDS = 24, AT_NORMAL = AT_WORDS + 8 * RANDOM_WORDS + 8, AT_HAS_NORMAL = AT_NORMAL + 16 };

static void put(uint8_t *bytes, uint64_t value, int n)
{
    for (int i = 0; i < n; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t get(const uint8_t *bytes, int n)
{
    uint64_t value = 0;
    for (int i = 0; i < n; i++) value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

void random_save(const Random *random, uint8_t bytes[RANDOM_STATE_BYTES])
{
    uint64_t normal;
    memcpy(&normal, &random->normal, sizeof normal);
    memset(bytes, 0, RANDOM_STATE_BYTES);
    put(bytes, random->seed, 8);
    put(bytes + AT_LEFT, random->next == RANDOM_WORDS ? 1 : (uint64_t)(RANDOM_WORDS + 1 - random->next), 4);
    put(bytes + AT_SEEDED, 1, 4);
    put(bytes + AT_NEXT, (uint64_t)random->next, 8);
    for (int i = 0; i < RANDOM_WORDS; i++) put(bytes + AT_WORDS + 8 * i, random->word[i], 8);
    put(bytes + AT_NORMAL, random->has_normal ? normal : 0, 8);
    put(bytes + AT_HAS_NORMAL, random->has_normal, 4);
}

bool random_load(Random *random, const uint8_t bytes[RANDOM_STATE_BYTES])
{
    uint64_t left = get(bytes + AT_LEFT, 4), next = get(bytes + AT_NEXT, 8), normal = get(bytes + AT_NORMAL, 8);
    if (get(bytes + AT_SEEDED, 4) != 1 || left < 1 || left > RANDOM_WORDS || next > RANDOM_WORDS) return false;
    *random = (Random){ .seed = get(bytes, 8), .next = left == 1 ? RANDOM_WORDS : (int)next, .has_normal = get(bytes + AT_HAS_NORMAL, 4) };
    for (int i = 0; i < RANDOM_WORDS; i++) random->word[i] = (uint32_t)get(bytes + AT_WORDS + 8 * i, 8);
    memcpy(&random->normal, &normal, sizeof normal);
    return true;
}
