/* kernels/dtype.c's decoders with 32-byte vectors: unpack 32 integers into one register of bytes, widen eight at a time, scale.
 * Layouts are described there. Products and sums are rounded one by one, as there, so the bits are the same. */
#include "kernels/cpu/decode.h"

#if defined(__AVX2__)
#include <immintrin.h>
#include <string.h>

static inline float half_at(const uint8_t *p)
{
    uint16_t h;
    memcpy(&h, p, sizeof h);
    return _cvtsh_ss(h);
}

static inline __m128i load_16(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
static inline __m256i load_32(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline __m256i bytes(int x) { return _mm256_set1_epi8((char)x); }
static inline __m256i low_nibbles(__m256i x) { return _mm256_and_si256(x, bytes(15)); }
static inline __m256i high_nibbles(__m256i x) { return low_nibbles(_mm256_srli_epi16(x, 4)); }

static inline void scale_8(float *out, __m128i q, __m256 d)
{
    _mm256_storeu_ps(out, _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q))));
}

static inline void scale_16(float *out, __m128i q, float d)
{
    scale_8(out, q, _mm256_set1_ps(d));
    scale_8(out + 8, _mm_srli_si128(q, 8), _mm256_set1_ps(d));
}

static inline void scale_32(float *out, __m256i q, float d)
{
    scale_16(out, _mm256_castsi256_si128(q), d);
    scale_16(out + 16, _mm256_extracti128_si256(q, 1), d);
}

static inline void scale_add_8(float *out, __m128i q, __m256 d, __m256 m)
{
    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(q))), m));
}

static inline void scale_add_32(float *out, __m256i q, float d, float m)
{
    __m128i low = _mm256_castsi256_si128(q), high = _mm256_extracti128_si256(q, 1);
    __m256 ds = _mm256_set1_ps(d), ms = _mm256_set1_ps(m);
    scale_add_8(out, low, ds, ms);
    scale_add_8(out + 8, _mm_srli_si128(low, 8), ds, ms);
    scale_add_8(out + 16, high, ds, ms);
    scale_add_8(out + 24, _mm_srli_si128(high, 8), ds, ms);
}

/* Low halves of 16 bytes, then high halves. */
static inline __m256i unpack_4(const uint8_t *qs)
{
    __m128i x = load_16(qs);
    return low_nibbles(_mm256_set_m128i(_mm_srli_epi16(x, 4), x));
}

/* 16 in byte i where bit i of the 32 bits at qh is set. */
static inline __m256i fifth_bits(const uint8_t *qh)
{
    int bits;
    memcpy(&bits, qh, sizeof bits);
    const __m256i byte_of = _mm256_set_epi64x(0x0303030303030303, 0x0202020202020202, 0x0101010101010101, 0);
    const __m256i bit_of = _mm256_set1_epi64x((int64_t)0x8040201008040201);
    __m256i spread = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(bits), byte_of), bit_of);
    return _mm256_and_si256(_mm256_cmpeq_epi8(spread, bit_of), bytes(16));
}

static void decode_f16(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    int64_t i = 0;
    for (; i + 8 <= n; i += 8) _mm256_storeu_ps(out + i, _mm256_cvtph_ps(load_16(in + 2 * i)));
    for (; i < n; i++) out[i] = half_at(in + 2 * i);
}

static void decode_q8_0(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 34) scale_32(out + i, load_32(in + 2), half_at(in));
}

static void decode_q4_0(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 18) scale_32(out + i, _mm256_sub_epi8(unpack_4(in + 2), bytes(8)), half_at(in));
}

static void decode_q4_1(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 20) scale_add_32(out + i, unpack_4(in + 4), half_at(in), half_at(in + 2));
}

static void decode_q5_0(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 22)
        scale_32(out + i, _mm256_sub_epi8(_mm256_or_si256(unpack_4(in + 6), fifth_bits(in + 2)), bytes(16)), half_at(in));
}

static void decode_q5_1(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 24)
        scale_add_32(out + i, _mm256_or_si256(unpack_4(in + 8), fifth_bits(in + 4)), half_at(in), half_at(in + 2));
}

/* Scales and minima of Q4_K and Q5_K, as unpack_scales in kernels/dtype.c, multiplied out. */
static inline void unpack_scales(float d[8], float m[8], const uint8_t *block)
{
    const uint8_t *s = block + 4;
    float scale = half_at(block), minimum = half_at(block + 2);
    for (int i = 0; i < 4; i++) {
        d[i] = scale * (float)(s[i] & 63);
        m[i] = -(minimum * (float)(s[4 + i] & 63));
        d[4 + i] = scale * (float)((s[8 + i] & 15) | s[i] >> 6 << 4);
        m[4 + i] = -(minimum * (float)(s[8 + i] >> 4 | s[4 + i] >> 6 << 4));
    }
}

static void decode_q4_k(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 256, in += 144) {
        float d[8], m[8];
        unpack_scales(d, m, in);
        for (int j = 0; j < 8; j += 2) {
            __m256i x = load_32(in + 16 + 16 * j);
            scale_add_32(out + i + 32 * j, low_nibbles(x), d[j], m[j]);
            scale_add_32(out + i + 32 * j + 32, high_nibbles(x), d[j + 1], m[j + 1]);
        }
    }
}

/* 16 in the bytes whose bit j is set. */
static inline __m256i fifth_bit(__m256i qh, int j)
{
    __m256i bit = bytes(1 << j);
    return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(qh, bit), bit), bytes(16));
}

static void decode_q5_k(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 256, in += 176) {
        float d[8], m[8];
        unpack_scales(d, m, in);
        __m256i qh = load_32(in + 16);
        for (int j = 0; j < 8; j += 2) {
            __m256i x = load_32(in + 48 + 16 * j);
            scale_add_32(out + i + 32 * j, _mm256_or_si256(low_nibbles(x), fifth_bit(qh, j)), d[j], m[j]);
            scale_add_32(out + i + 32 * j + 32, _mm256_or_si256(high_nibbles(x), fifth_bit(qh, j + 1)), d[j + 1], m[j + 1]);
        }
    }
}

/* The 32 elements whose low parts are the nibbles `low` and whose high parts stand at bits `shift` of the bytes `high`. */
static inline void scale_6(float *out, __m256i low, __m256i high, int shift, float d, const int8_t *scales)
{
    __m256i top = _mm256_slli_epi16(_mm256_and_si256(_mm256_srl_epi16(high, _mm_cvtsi32_si128(shift)), bytes(3)), 4);
    __m256i q = _mm256_sub_epi8(_mm256_or_si256(low, top), bytes(32));
    scale_16(out, _mm256_castsi256_si128(q), d * (float)scales[0]);
    scale_16(out + 16, _mm256_extracti128_si256(q, 1), d * (float)scales[1]);
}

static void decode_q6_k(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 256, in += 210) {
        const int8_t *scales = (const int8_t *)in + 192;
        float d = half_at(in + 208);
        for (int h = 0; h < 2; h++, scales += 8) {
            __m256i a = load_32(in + 64 * h), b = load_32(in + 64 * h + 32), high = load_32(in + 128 + 32 * h);
            float *to = out + i + 128 * h;
            scale_6(to, low_nibbles(a), high, 0, d, scales);
            scale_6(to + 32, low_nibbles(b), high, 2, d, scales + 2);
            scale_6(to + 64, high_nibbles(a), high, 4, d, scales + 4);
            scale_6(to + 96, high_nibbles(b), high, 6, d, scales + 6);
        }
    }
}

DtypeDecode *const decode_avx2[DTYPE_COUNT] = {
    [DTYPE_F16] = decode_f16,   [DTYPE_Q8_0] = decode_q8_0, [DTYPE_Q4_0] = decode_q4_0, [DTYPE_Q4_1] = decode_q4_1, [DTYPE_Q5_0] = decode_q5_0,
    [DTYPE_Q5_1] = decode_q5_1, [DTYPE_Q4_K] = decode_q4_k, [DTYPE_Q5_K] = decode_q5_k, [DTYPE_Q6_K] = decode_q6_k,
};
#else
DtypeDecode *const decode_avx2[DTYPE_COUNT] = {0};
#endif
