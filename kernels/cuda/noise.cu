#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 40. A thread has the four elements whose words come from one block of Philox. */
static __global__ void noise_shake(const float *x, float m, PhiloxKey key, int64_t n, float *y)
{
    int64_t first = 4 * grid_thread();
    if (first >= n) return;
    uint32_t word[4];
    philox_block(key, (uint32_t)(first / 4), word);
    for (int k = 0; k < 4 && first + k < n; k++) y[first + k] = x[first + k] + (2 * philox_unit(word[k]) - 1) * m;
}

void cuda_noise_fwd(const Backend *b, const OpCall *c)
{
    int64_t n = elements(c->in[0]);
    RUN(b, c, noise_shake, blocks_for(n, 4 * ELEMENTWISE), ELEMENTWISE, 0, c->in[0].data, c->args->noise.m, c->args->noise.key, n, c->out[0].data);
}

void cuda_noise_bwd(const Backend *b, const OpCall *c) { hand_over(b, c, c->dout[0], 1, c->beta[0], c->din[0]); }
