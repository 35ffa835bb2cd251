/* The cache is device memory, unlike what arguments point to elsewhere: it is the output. */
#include "kernels/cuda/elementwise.cuh"

void cuda_append_fwd(const Backend *b, const OpCall *c)
{
    Tensor x = c->in[0], behind = x;
    behind.data = c->args->append.cache + c->args->append.at * x.cols;
    hand_over(b, c, x, 1, 0, behind);
}
