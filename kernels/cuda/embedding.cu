#include "kernels/cuda/rows.cuh"

void cuda_embedding_fwd(const Backend *b, const OpCall *c)
{
    decode_rows(b, c, c->args->embedding.w, c->args->embedding.ids, c->args->embedding.n, NULL, c->out[0].data);
}
