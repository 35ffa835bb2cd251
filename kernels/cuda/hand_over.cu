/* A gradient goes on as it is, or scaled: most operations' dx, and all of OP_SCALE. */
#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 24. */
static __global__ void hand_over_elements(const float *from, float scale, float beta, int64_t n, float *to)
{
    int64_t i = grid_thread();
    if (i < n) to[i] = added(to, i, beta, scale * from[i]);
}

void hand_over(const Backend *b, const OpCall *c, Tensor from, float scale, float beta, Tensor to)
{
    if (from.data == to.data && scale == 1.0f && beta == 0) return;
    RUN(b, c, hand_over_elements, blocks_for(elements(to), ELEMENTWISE), ELEMENTWISE, 0, from.data, scale, beta, elements(to), to.data);
}
