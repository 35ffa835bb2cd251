#include "kernels/cpu/cpu.h"

#include <string.h>

void cpu_append_fwd(const Backend *b, const OpCall *c)
{
    (void)b;
    Tensor x = c->in[0];
    memcpy(c->args->append.cache + c->args->append.at * x.cols, x.data, (size_t)(x.rows * x.cols) * sizeof(float));
}
