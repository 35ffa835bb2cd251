#include "kernels/dtype.h"

#include <string.h>

#include "kernels/status.h"

/* Every block decoder works in two strides that compilers turn into vector code: unpack small integers into bytes, then
 * scale them to floats. Input may stand at any address (files are mapped), so wider values are read with memcpy; the
 * machine is little-endian, as the formats are. */

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline uint16_t read_u16(const uint8_t *p)
{
    uint16_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* Both cases are computed and one chosen, so loops over it have no branch. Normal numbers, infinities and NaNs: move the
 * exponent up to float's top, then multiply it back down; infinity stays where it is. Subnormals: put the mantissa
 * below 0.5 and subtract 0.5. Neither meets a float subnormal, so the flush-to-zero mode cannot change the result. */
static inline float half(uint16_t h)
{
    uint32_t magnitude = h & 0x7FFFu;
    float normal = float_of((magnitude << 13) + (0xE0u << 23)) * 0x1p-112f;
    float subnormal = float_of(magnitude | 126u << 23) - 0.5f;
    uint32_t small = magnitude < 0x400 ? UINT32_MAX : 0;
    return float_of((uint32_t)(h & 0x8000) << 16 | (small & bits_of(subnormal)) | (~small & bits_of(normal)));
}

float f16_to_f32(uint16_t h) { return half(h); }
float bf16_to_f32(uint16_t h) { return float_of((uint32_t)h << 16); }

static void decode_f32(const void *blocks, int64_t n, float *out) { memcpy(out, blocks, (size_t)n * sizeof *out); }

static void decode_f16(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i++) out[i] = half(read_u16(in + 2 * i));
}

static void decode_bf16(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i++) out[i] = float_of((uint32_t)read_u16(in + 2 * i) << 16);
}

/* out = d * q, out = d * q + m */
static inline void scale(float *restrict out, const int8_t *restrict q, int n, float d)
{
    for (int i = 0; i < n; i++) out[i] = d * (float)q[i];
}

static inline void scale_add(float *restrict out, const int8_t *restrict q, int n, float d, float m)
{
    for (int i = 0; i < n; i++) out[i] = d * (float)q[i] + m;
}

/* 32 integers of 4 bits, minus `zero`: the low halves of 16 bytes, then the high halves. */
static inline void unpack_4(int8_t q[32], const uint8_t *qs, int zero)
{
    for (int i = 0; i < 16; i++) {
        q[i] = (int8_t)((qs[i] & 15) - zero);
        q[16 + i] = (int8_t)((qs[i] >> 4) - zero);
    }
}

/* The same with a fifth bit: bit i of the 32 bits at qh. Eight bits at a time are spread over the bytes of a word. */
static inline void unpack_5(int8_t q[32], const uint8_t *qh, const uint8_t *qs, int zero)
{
    uint8_t fifth[32];
    for (int i = 0; i < 4; i++) {
        uint64_t spread = qh[i] * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);
        spread = (spread + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 3 & UINT64_C(0x1010101010101010);
        memcpy(fifth + 8 * i, &spread, sizeof spread);
    }
    for (int i = 0; i < 16; i++) {
        q[i] = (int8_t)(((qs[i] & 15) | fifth[i]) - zero);
        q[16 + i] = (int8_t)((qs[i] >> 4 | fifth[16 + i]) - zero);
    }
}

/* d f16, q i8[32] */
static void decode_q8_0(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 34) scale(out + i, (const int8_t *)in + 2, 32, half(read_u16(in)));
}

/* d f16, q u4[32], zero at 8 */
static void decode_q4_0(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 18) {
        int8_t q[32];
        unpack_4(q, in + 2, 8);
        scale(out + i, q, 32, half(read_u16(in)));
    }
}

/* d f16, m f16, q u4[32] */
static void decode_q4_1(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 20) {
        int8_t q[32];
        unpack_4(q, in + 4, 0);
        scale_add(out + i, q, 32, half(read_u16(in)), half(read_u16(in + 2)));
    }
}

/* d f16, fifth bits u32, q u4[32], zero at 16 */
static void decode_q5_0(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 22) {
        int8_t q[32];
        unpack_5(q, in + 2, in + 6, 16);
        scale(out + i, q, 32, half(read_u16(in)));
    }
}

/* d f16, m f16, fifth bits u32, q u4[32] */
static void decode_q5_1(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 32, in += 24) {
        int8_t q[32];
        unpack_5(q, in + 4, in + 8, 0);
        scale_add(out + i, q, 32, half(read_u16(in)), half(read_u16(in + 2)));
    }
}

/* Eight scales and eight minima of 6 bits in 12 bytes: the first four of each whole in bytes 0-7, whose top two bits are
 * the top of the last four; their low halves are the nibbles of bytes 8-11. */
static inline void unpack_scales(uint8_t scales[8], uint8_t minima[8], const uint8_t *s)
{
    for (int i = 0; i < 4; i++) {
        scales[i] = s[i] & 63;
        minima[i] = s[4 + i] & 63;
        scales[4 + i] = (uint8_t)((s[8 + i] & 15) | s[i] >> 6 << 4);
        minima[4 + i] = (uint8_t)(s[8 + i] >> 4 | s[4 + i] >> 6 << 4);
    }
}

/* d f16, dmin f16, scales and minima u6[8] each, q u4[256]: each 32 bytes hold 32 low halves, then 32 high halves. */
static void decode_q4_k(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 256, in += 144) {
        uint8_t scales[8], minima[8];
        unpack_scales(scales, minima, in + 4);
        float d = half(read_u16(in)), dmin = half(read_u16(in + 2));
        for (int j = 0; j < 8; j++) {
            const uint8_t *qs = in + 16 + 32 * (j / 2);
            int8_t q[32];
            for (int k = 0; k < 32; k++) q[k] = (int8_t)(qs[k] >> 4 * (j % 2) & 15);
            scale_add(out + i + 32 * j, q, 32, d * scales[j], -(dmin * minima[j]));
        }
    }
}

/* d f16, dmin f16, scales and minima u6[8] each, fifth bits: bit j of byte k for element 32 j + k, q as Q4_K */
static void decode_q5_k(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 256, in += 176) {
        uint8_t scales[8], minima[8];
        unpack_scales(scales, minima, in + 4);
        float d = half(read_u16(in)), dmin = half(read_u16(in + 2));
        for (int j = 0; j < 8; j++) {
            const uint8_t *qh = in + 16, *qs = in + 48 + 32 * (j / 2);
            int8_t q[32];
            for (int k = 0; k < 32; k++) q[k] = (int8_t)((qs[k] >> 4 * (j % 2) & 15) | (qh[k] >> j & 1) << 4);
            scale_add(out + i + 32 * j, q, 32, d * scales[j], -(dmin * minima[j]));
        }
    }
}

/* low u4[256], high u2[256], scales i8[16], d f16, zero at 32. In each half of 128 elements, 64 bytes hold 64 low parts in
 * their low halves, then 64 in their high halves; 32 bytes hold four times 32 high parts, two bits up each time. */
static void decode_q6_k(const void *blocks, int64_t n, float *out)
{
    const uint8_t *in = blocks;
    for (int64_t i = 0; i < n; i += 256, in += 210) {
        const int8_t *scales = (const int8_t *)in + 192;
        float d = half(read_u16(in + 208));
        for (int j = 0; j < 8; j++) {
            const uint8_t *low = in + 64 * (j / 4) + 32 * (j % 2), *high = in + 128 + 32 * (j / 4);
            int low_shift = j % 4 / 2 * 4, high_shift = 2 * (j % 4);
            int8_t q[32];
            for (int k = 0; k < 32; k++) q[k] = (int8_t)(((low[k] >> low_shift & 15) | (high[k] >> high_shift & 3) << 4) - 32);
            scale(out + i + 32 * j, q, 16, d * scales[2 * j]);
            scale(out + i + 32 * j + 16, q + 16, 16, d * scales[2 * j + 1]);
        }
    }
}

const DtypeRow dtype_rows[DTYPE_COUNT] = {
    /*               name    block bytes  safetensors ggml  decode */
    [DTYPE_F32]  = { "F32",    1,   4,    "F32",   0,  decode_f32 },
    [DTYPE_F16]  = { "F16",    1,   2,    "F16",   1,  decode_f16 },
    [DTYPE_BF16] = { "BF16",   1,   2,    "BF16", 30,  decode_bf16 },
    [DTYPE_Q8_0] = { "Q8_0",  32,  34,    NULL,    8,  decode_q8_0 },
    [DTYPE_Q4_0] = { "Q4_0",  32,  18,    NULL,    2,  decode_q4_0 },
    [DTYPE_Q4_1] = { "Q4_1",  32,  20,    NULL,    3,  decode_q4_1 },
    [DTYPE_Q5_0] = { "Q5_0",  32,  22,    NULL,    6,  decode_q5_0 },
    [DTYPE_Q5_1] = { "Q5_1",  32,  24,    NULL,    7,  decode_q5_1 },
    [DTYPE_Q4_K] = { "Q4_K", 256, 144,    NULL,   12,  decode_q4_k },
    [DTYPE_Q5_K] = { "Q5_K", 256, 176,    NULL,   13,  decode_q5_k },
    [DTYPE_Q6_K] = { "Q6_K", 256, 210,    NULL,   14,  decode_q6_k },
    [DTYPE_F64]  = { "F64",    1,   8,    "F64",  28,  NULL },
    [DTYPE_I64]  = { "I64",    1,   8,    "I64",  27,  NULL },
    [DTYPE_I32]  = { "I32",    1,   4,    "I32",  26,  NULL },
    [DTYPE_I16]  = { "I16",    1,   2,    "I16",  25,  NULL },
    [DTYPE_I8]   = { "I8",     1,   1,    "I8",   24,  NULL },
    [DTYPE_U8]   = { "U8",     1,   1,    "U8",   -1,  NULL },
    [DTYPE_BOOL] = { "BOOL",   1,   1,    "BOOL", -1,  NULL },
};

int64_t dtype_row_bytes(Dtype dtype, int64_t n)
{
    const DtypeRow *row = &dtype_rows[dtype];
    CHECK(n % row->block == 0, "%lld elements of %s, whose blocks hold %d", (long long)n, row->name, row->block);
    return n / row->block * row->bytes;
}
