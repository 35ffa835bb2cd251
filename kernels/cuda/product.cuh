/* C = drop(alpha op(A) op(B)) + bias + beta C in float32, row-major, by any device.
 *
 * Every element is one chain of fused multiply-adds along k, whatever the tile: bits are those of the shape. Where the result is thin and
 * k long, as in the products of low rank, k is cut into pieces by its length alone; each gathers a share of its own, and shares are added in
 * the order of k. */
#ifndef KERNELS_CUDA_PRODUCT_CUH
#define KERNELS_CUDA_PRODUCT_CUH
#include "kernels/cuda/launch.cuh"

/* Op(A) [m, k] is stored as [m, k], or, transposed, as [k, m]; op(B) [k, n] as [k, n], or as [n, k]. `stride`: floats from row to row. */
typedef struct { const float *data; int64_t stride; bool transposed; } Operand;

/* What dropout works on: an operand, as it is read, or what is added to C. Elements are numbered as they lie in memory, from `data` or `c` on. */
typedef enum { DROP_NOTHING, DROP_A, DROP_B, DROP_C } DropWhere;

struct Product {
    int64_t m, n, k;
    Operand a, b;
    float *c;
    int64_t c_stride;
    float alpha = 1, beta = 0;      /* beta 0 overwrites */
    const float *bias = NULL;       /* [n]; NULL: none */
    DropWhere where = DROP_NOTHING;
    Dropout drop = {};              /* p 0: none */
    float *shares = NULL;           /* product_share_floats(m, n, k); NULL: k in one piece */
};

int64_t product_share_floats(int64_t m, int64_t n, int64_t k);      /* grows with each of them */
void    product(const Backend *, const OpCall *, const Product *);

#endif
