/* What elementwise CPU loops share: clones for wider vectors, an exponential and a tanh that compilers can vectorise, and
 * the width in which sums are kept.
 *
 * A function marked VECTOR_CLONES is compiled for the baseline and for AVX2, and the loader picks one at start. Without
 * -ffast-math and with contraction off, both give the same bits: a vector is only several scalars at once. Sums are kept
 * in LANES partial sums, written out, so that their order does not depend on the vector width either. */
#ifndef KERNELS_CPU_VECTOR_H
#define KERNELS_CPU_VECTOR_H
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define VECTOR_CLONES __attribute__((target_clones("default", "avx2")))
#else
#define VECTOR_CLONES
#endif

/* Before a loop whose iterations touch only their own elements, though its pointers may be equal (in place). */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

enum { LANES = 16 };

/* e^x to about 1 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, Cephes' polynomial of degree 6 in r. Below -87 it stays at e^-87,
 * which next to a softmax's 1 is nothing; NaN stays NaN. The ends are set last: set on x, they become paths of their own,
 * and a caller's division after them is done three times. */
#define EXP_LEAST 0x1.666d0ep-126f
#define EXP_MOST 0x1.f1056ep+126f
static inline float exp_f32(float x)
{
    float shifted = x * 1.44269504088896341f + 12582912.0f;       /* 1.5 * 2^23: the low bits become round(x / ln 2) */
    float n = shifted - 12582912.0f;
    float r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits, power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (int32_t)((uint32_t)bits << 23);
    memcpy(&power, &p, sizeof power);
    power = (int32_t)((uint32_t)power + (uint32_t)bits);
    memcpy(&p, &power, sizeof p);
    p = x < -87.0f ? EXP_LEAST : p;
    return x > 88.0f ? EXP_MOST : p;
}

/* tanh x to 1.4 ulp. Near 0 an odd polynomial of degree 11, least in its largest relative error (0.1 x 2^-24; iteratively
 * reweighted least squares on 4000 Chebyshev nodes); beyond, 1 - 2 / (e^2|x| + 1), where what is subtracted is less than 1/2. */
static inline float tanh_f32(float x)
{
    float u = x * x, size = fabsf(x);
    float p = -5.70498407e-3f;
    p = p * u + 2.06390843e-2f;
    p = p * u - 5.37397154e-2f;
    p = p * u + 1.33314416e-1f;
    p = p * u - 3.33332807e-1f;
    float near = x + x * (u * p), far = copysignf(1.0f - 2.0f / (exp_f32(2.0f * size) + 1.0f), x);
    return size < 0.625f ? near : far;
}

/* The slope of c tanh(x / c) where it takes the value y. */
static inline float softcap_slope(float y, float c)
{
    float t = y / c;
    return (1.0f - t) * (1.0f + t);
}

static inline float lanes_sum(const float lane[LANES])
{
    float half[LANES / 2], quarter[LANES / 4];
    for (int j = 0; j < LANES / 2; j++) half[j] = lane[j] + lane[j + LANES / 2];
    for (int j = 0; j < LANES / 4; j++) quarter[j] = half[j] + half[j + LANES / 4];
    return (quarter[0] + quarter[2]) + (quarter[1] + quarter[3]);
}

/* The largest of x; -INFINITY of nothing. Any order gives the same. */
static inline float largest(const float *x, int64_t n)
{
    float lane[LANES], most = -INFINITY;
    int64_t i = 0;
    for (int j = 0; j < LANES; j++) lane[j] = -INFINITY;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (; i < n; i++) lane[i % LANES] = x[i] > lane[i % LANES] ? x[i] : lane[i % LANES];
    for (int j = 0; j < LANES; j++) most = lane[j] > most ? lane[j] : most;
    return most;
}

#endif
