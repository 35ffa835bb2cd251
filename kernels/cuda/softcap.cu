#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 32. A thread has one element. */
static __global__ void softcap_values(const float *x, float cap, int64_t n, float *y)
{
    int64_t i = grid_thread();
    if (i < n) y[i] = cap * tanhf(x[i] / cap);
}

void cuda_softcap_fwd(const Backend *b, const OpCall *c)
{
    int64_t n = elements(c->in[0]);
    RUN(b, c, softcap_values, blocks_for(n, ELEMENTWISE), ELEMENTWISE, 0, c->in[0].data, c->args->softcap.cap, n, c->out[0].data);
}
