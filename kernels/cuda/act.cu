#include "kernels/cuda/activation.cuh"

/* block 256, shared 0, registers 32. A thread has one element. */
static __global__ void act_values(Act act, const float *x, int64_t n, float *y)
{
    int64_t i = grid_thread();
    if (i < n) y[i] = activation(act, x[i]);
}

/* block 256, shared 0, registers 32. dx = dy act'(x), in place too. */
static __global__ void act_gradient(Act act, const float *x, const float *dy, float beta, int64_t n, float *dx)
{
    int64_t i = grid_thread();
    if (i < n) dx[i] = added(dx, i, beta, dy[i] * activation_sloped(act, x[i]).slope);
}

void cuda_act_fwd(const Backend *b, const OpCall *c)
{
    int64_t n = elements(c->in[0]);
    RUN(b, c, act_values, blocks_for(n, ELEMENTWISE), ELEMENTWISE, 0, c->args->act.act, c->in[0].data, n, c->out[0].data);
}

void cuda_act_bwd(const Backend *b, const OpCall *c)
{
    int64_t n = elements(c->in[0]);
    RUN(b, c, act_gradient, blocks_for(n, ELEMENTWISE), ELEMENTWISE, 0, c->args->act.act, c->in[0].data, c->dout[0].data, c->beta[0], n, c->din[0].data);
}
