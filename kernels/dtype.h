/* Every element type a base model may be stored in, one row each. A block is `block` elements in `bytes` bytes; blocks
 * run along a row, so a row's length is a multiple of `block`. Formats and bit layouts: ggml's (GGUF v3) for the blocks.
 * Decoding gives float32, evaluated in the order in which ggml and the gguf package write it: equal to theirs bit for bit. */
#ifndef KERNELS_DTYPE_H
#define KERNELS_DTYPE_H
#include <stdint.h>
#include <string.h>

typedef enum {
    DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_Q8_0, DTYPE_Q4_0, DTYPE_Q4_1, DTYPE_Q5_0, DTYPE_Q5_1, DTYPE_Q4_K, DTYPE_Q5_K, DTYPE_Q6_K,
    DTYPE_F64, DTYPE_I64, DTYPE_I32, DTYPE_I16, DTYPE_I8, DTYPE_U8, DTYPE_BOOL,      /* read and shown, never a weight */
    DTYPE_COUNT
} Dtype;

/* `n` elements (whole blocks) from `block` on; NULL for a type that is no weight. */
typedef void DtypeDecode(const void *blocks, int64_t n, float *out);

typedef struct {
    const char  *name;            /* "F32", "Q4_K": as safetensors and GGUF spell it */
    int          block, bytes;
    const char  *safetensors;     /* NULL: not in that format */
    int          ggml;            /* GGUF type id; -1: not in that format */
    DtypeDecode *decode;
} DtypeRow;

extern const DtypeRow dtype_rows[DTYPE_COUNT];

int64_t dtype_row_bytes(Dtype, int64_t n);       /* bytes of n elements, n a multiple of the block */

/* What kernels of every backend compute alike. */
#ifdef __CUDACC__
#define ON_HOST_AND_DEVICE static __host__ __device__ inline
#else
#define ON_HOST_AND_DEVICE static inline
#endif

/* The nearest bfloat16, of two as near the even one; a NaN stays one and keeps its sign. */
ON_HOST_AND_DEVICE uint16_t bf16_of_f32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
    return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? quiet : rounded);
}

float    f16_to_f32(uint16_t);
float    bf16_to_f32(uint16_t);

#endif
