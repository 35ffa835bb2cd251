/* Elements of frozen matrices, out of the blocks that they are stored in: what kernels/dtype.c does, element by element and to the same bits. The
 * layouts are described there. Blocks stand at any even address, so wider values are put together from bytes. */
#ifndef KERNELS_CUDA_DECODE_CUH
#define KERNELS_CUDA_DECODE_CUH
#include "kernels/cuda/launch.cuh"

DEVICE uint32_t read_16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
DEVICE uint32_t read_32(const uint8_t *p) { return read_16(p) | read_16(p + 2) << 16; }

DEVICE float float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Normal numbers: the exponent moved up to float's top and multiplied back down. Subnormals: the mantissa below 0.5, and 0.5 taken away. */
DEVICE float read_half(const uint8_t *p)
{
    uint32_t h = read_16(p), magnitude = h & 0x7FFF;
    float value = magnitude < 0x400 ? float_of_bits(magnitude | 126u << 23) - 0.5f : float_of_bits((magnitude << 13) + (0xE0u << 23)) * 0x1p-112f;
    return h & 0x8000 ? -value : value;
}

DEVICE int nibble(const uint8_t *qs, unsigned i) { return i < 16 ? qs[i] & 15 : qs[i - 16] >> 4; }
DEVICE int fifth_bit(const uint8_t *qh, unsigned i) { return (int)(read_32(qh) >> i & 1) << 4; }

/* Scale and minimum number j of the eight of Q4_K and Q5_K. */
DEVICE int k_scale(const uint8_t *s, unsigned j) { return j < 4 ? s[j] & 63 : (s[j + 4] & 15) | s[j - 4] >> 6 << 4; }
DEVICE int k_minimum(const uint8_t *s, unsigned j) { return j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | s[j] >> 6 << 4; }

DEVICE float decode_f32(const uint8_t *row, int64_t col) { return float_of_bits(read_32(row + 4 * col)); }
DEVICE float decode_f16(const uint8_t *row, int64_t col) { return read_half(row + 2 * col); }
DEVICE float decode_bf16(const uint8_t *row, int64_t col) { return float_of_bits(read_16(row + 2 * col) << 16); }

DEVICE float decode_q8_0(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 32 * 34;
    return read_half(block) * (float)(int8_t)block[2 + col % 32];
}
DEVICE float decode_q4_0(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 32 * 18;
    return read_half(block) * (float)(nibble(block + 2, (unsigned)col % 32) - 8);
}
DEVICE float decode_q4_1(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 32 * 20;
    return read_half(block) * (float)nibble(block + 4, (unsigned)col % 32) + read_half(block + 2);
}
DEVICE float decode_q5_0(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 32 * 22;
    unsigned i = (unsigned)col % 32;
    return read_half(block) * (float)((nibble(block + 6, i) | fifth_bit(block + 2, i)) - 16);
}
DEVICE float decode_q5_1(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 32 * 24;
    unsigned i = (unsigned)col % 32;
    return read_half(block) * (float)(nibble(block + 8, i) | fifth_bit(block + 4, i)) + read_half(block + 2);
}
DEVICE float decode_q4_k(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 256 * 144;
    unsigned i = (unsigned)col % 256, j = i / 32;
    int q = block[16 + j / 2 * 32 + i % 32] >> 4 * (j % 2) & 15;
    return read_half(block) * (float)k_scale(block + 4, j) * (float)q + -(read_half(block + 2) * (float)k_minimum(block + 4, j));
}
DEVICE float decode_q5_k(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 256 * 176;
    unsigned i = (unsigned)col % 256, j = i / 32;
    int q = (block[48 + j / 2 * 32 + i % 32] >> 4 * (j % 2) & 15) | (block[16 + i % 32] >> j & 1) << 4;
    return read_half(block) * (float)k_scale(block + 4, j) * (float)q + -(read_half(block + 2) * (float)k_minimum(block + 4, j));
}
DEVICE float decode_q6_k(const uint8_t *row, int64_t col)
{
    const uint8_t *block = row + col / 256 * 210;
    unsigned i = (unsigned)col % 256, j = i / 32, k = i % 32;
    int low = block[64 * (j / 4) + 32 * (j % 2) + k] >> j % 4 / 2 * 4 & 15, high = block[128 + 32 * (j / 4) + k] >> 2 * (j % 4) & 3;
    return read_half(block + 208) * (float)(int8_t)block[192 + i / 16] * (float)((low | high << 4) - 32);
}

/* A constant dtype: of the switch one case is left. */
template <Dtype dtype> DEVICE float decode_element(const uint8_t *row, int64_t col)
{
    switch (dtype) {
    case DTYPE_F16: return decode_f16(row, col);
    case DTYPE_BF16: return decode_bf16(row, col);
    case DTYPE_Q8_0: return decode_q8_0(row, col);
    case DTYPE_Q4_0: return decode_q4_0(row, col);
    case DTYPE_Q4_1: return decode_q4_1(row, col);
    case DTYPE_Q5_0: return decode_q5_0(row, col);
    case DTYPE_Q5_1: return decode_q5_1(row, col);
    case DTYPE_Q4_K: return decode_q4_k(row, col);
    case DTYPE_Q5_K: return decode_q5_k(row, col);
    case DTYPE_Q6_K: return decode_q6_k(row, col);
    default: return decode_f32(row, col);
    }
}

/* `run` with the dtype as a constant. */
#define DTYPE_SWITCH(dtype, run)                                        \
    switch (dtype) {                                                    \
    case DTYPE_F32: run(DTYPE_F32); break;                              \
    case DTYPE_F16: run(DTYPE_F16); break;                              \
    case DTYPE_BF16: run(DTYPE_BF16); break;                            \
    case DTYPE_Q8_0: run(DTYPE_Q8_0); break;                            \
    case DTYPE_Q4_0: run(DTYPE_Q4_0); break;                            \
    case DTYPE_Q4_1: run(DTYPE_Q4_1); break;                            \
    case DTYPE_Q5_0: run(DTYPE_Q5_0); break;                            \
    case DTYPE_Q5_1: run(DTYPE_Q5_1); break;                            \
    case DTYPE_Q4_K: run(DTYPE_Q4_K); break;                            \
    case DTYPE_Q5_K: run(DTYPE_Q5_K); break;                            \
    case DTYPE_Q6_K: run(DTYPE_Q6_K); break;                            \
    default: CHECK(false, "%s is no weight's type", dtype_rows[dtype].name);      \
    }

#endif
