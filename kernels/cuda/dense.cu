/* y = x W^T, or x W, where W is a value, and its gradients: three products. */
#include "kernels/cuda/product.cuh"

/* C [m, n] = op(A) op(B) + beta C. */
static void multiply(const Backend *b, const OpCall *c, Tensor left, bool left_transposed, Tensor right, bool right_transposed, int64_t k, float beta, Tensor to)
{
    Product p = { .m = to.rows, .n = to.cols, .k = k, .a = { left.data, left.cols, left_transposed }, .b = { right.data, right.cols, right_transposed },
                  .c = to.data, .c_stride = to.cols, .beta = beta };
    product(b, c, &p);
}

void cuda_dense_fwd(const Backend *b, const OpCall *c)
{
    multiply(b, c, c->in[0], false, c->in[1], !c->args->dense.transposed, c->in[0].cols, 0, c->out[0]);
}

void cuda_dense_bwd(const Backend *b, const OpCall *c)
{
    Tensor x = c->in[0], w = c->in[1], dy = c->dout[0];
    bool transposed = c->args->dense.transposed;
    if (c->din[0].data) multiply(b, c, dy, false, w, transposed, dy.cols, c->beta[0], c->din[0]);
    if (c->din[1].data) multiply(b, c, transposed ? x : dy, true, transposed ? dy : x, false, x.rows, c->beta[1], c->din[1]);
}
