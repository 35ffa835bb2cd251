#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 40. A thread has the four elements whose words come from one block of Philox. */
static __global__ void dropout_drop(const float *x, float p, float scale, PhiloxKey key, float beta, int64_t n, float *y)
{
    int64_t first = 4 * grid_thread();
    if (first >= n) return;
    uint32_t word[4];
    philox_block(key, (uint32_t)(first / 4), word);
    for (int k = 0; k < 4 && first + k < n; k++)
        y[first + k] = added(y, first + k, beta, philox_unit(word[k]) < p ? 0.0f : x[first + k] * scale);
}

static void drop(const Backend *b, const OpCall *c, Tensor x, float beta, Tensor y)
{
    float p = c->args->dropout.p, scale = (float)(1.0 / (1.0 - (double)p));
    RUN(b, c, dropout_drop, blocks_for(elements(x), 4 * ELEMENTWISE), ELEMENTWISE, 0, x.data, p, scale, c->args->dropout.key, beta, elements(x), y.data);
}

void cuda_dropout_fwd(const Backend *b, const OpCall *c) { drop(b, c, c->in[0], 0, c->out[0]); }
void cuda_dropout_bwd(const Backend *b, const OpCall *c) { drop(b, c, c->dout[0], c->beta[0], c->din[0]); }
