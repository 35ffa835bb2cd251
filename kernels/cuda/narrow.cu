/* What the tape keeps of a value as bfloat16, and back. The bits are the CPU's: a NaN keeps its sign. */
#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 24. A thread has one element. */
static __global__ void narrow_elements(const float *x, int64_t n, uint16_t *to)
{
    int64_t i = grid_thread();
    if (i < n) to[i] = bf16_of_f32(x[i]);
}

/* block 256, shared 0, registers 24. A thread has one element. */
static __global__ void widen_elements(const uint16_t *from, int64_t n, float *x)
{
    int64_t i = grid_thread();
    if (i < n) x[i] = bf16_value(bf16{ from[i] });
}

static OpCall call_of(OpId op)
{
    OpCall c = {};
    c.op = op;
    return c;
}

void cuda_narrow(const Backend *b, Tensor x, uint16_t *kept)
{
    OpCall c = call_of(OP_NARROW);
    RUN(b, &c, narrow_elements, blocks_for(elements(x), ELEMENTWISE), ELEMENTWISE, 0, x.data, elements(x), kept);
}

void cuda_widen(const Backend *b, const uint16_t *kept, Tensor x)
{
    OpCall c = call_of(OP_WIDEN);
    RUN(b, &c, widen_elements, blocks_for(elements(x), ELEMENTWISE), ELEMENTWISE, 0, kept, elements(x), x.data);
}
