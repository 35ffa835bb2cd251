/* attention_speed T DOCUMENTS HEADS KV_HEADS HEAD_DIM SECONDS: the median milliseconds of one OP_ATTENTION forward and backward on packed
 * documents of T tokens, on all cores, as it is called in training. What attention_speed.py compares with torch. */
#include <stdio.h>
#include <stdlib.h>

#include "kernels/backend.h"
#include "kernels/memory.h"
#include "kernels/profile.h"
#include "kernels/random.h"

static float *numbers(Random *random, int64_t n)
{
    float *x = memory_try((size_t)n * sizeof *x);
    random_normal(random, 0, 1, n, x);
    return x;
}

static Tensor like(Random *random, Tensor t) { return (Tensor){ numbers(random, t.rows * t.cols), t.rows, t.cols }; }

static void place_scratch(const Backend *backend, OpCall *call, bool bwd)
{
    free(call->scratch);
    call->scratch_bytes = backend->op[OP_ATTENTION].scratch(backend, call, bwd);
    call->scratch = memory_try(call->scratch_bytes);
}

static double milliseconds(const Backend *backend, OpCall *fwd, OpCall *bwd)
{
    double start = profile_now();
    backend->op[OP_ATTENTION].fwd(backend, fwd);
    backend->op[OP_ATTENTION].bwd(backend, bwd);
    return 1e3 * (profile_now() - start);
}

static int ascending(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : *(const double *)a > *(const double *)b; }

int main(int argc, char **argv)
{
    enum { MOST = 10000 };
    if (argc != 7) return fprintf(stderr, "usage: attention_speed T DOCUMENTS HEADS KV_HEADS HEAD_DIM SECONDS\n"), 2;
    int length = atoi(argv[1]), n = atoi(argv[2]), heads = atoi(argv[3]), kv = atoi(argv[4]), dim = atoi(argv[5]), runs = 0;
    double seconds = atof(argv[6]), time[MOST], start = profile_now();
    Pool *pool = pool_open(pool_default_workers());
    Backend backend = cpu_backend(pool);
    Random random;
    random_seed(&random, 1);
    Span *span = memory_new((size_t)n, sizeof *span);
    for (int i = 0; i < n; i++) span[i] = (Span){ i * length, length, i * length, length };
    OpArgs args = { .attention = { .span = span, .n_spans = n, .longest = length, .n_heads = heads, .n_kv = kv, .head_dim = dim, .scale = 0.125f } };
    OpCall fwd = { .op = OP_ATTENTION, .n_in = 3, .args = &args };
    for (int i = 0; i < 3; i++) fwd.in[i] = like(&random, (Tensor){ NULL, (int64_t)n * length, (int64_t)(i ? kv : heads) * dim });
    op_rows[OP_ATTENTION].shape(&fwd);
    fwd.out[0] = like(&random, fwd.out[0]);
    fwd.saved[0] = like(&random, fwd.saved[0]);
    OpCall bwd = fwd;
    bwd.wanted = 7;
    bwd.dout[0] = like(&random, fwd.out[0]);
    for (int i = 0; i < 3; i++) bwd.din[i] = like(&random, fwd.in[i]);
    place_scratch(&backend, &fwd, false);
    place_scratch(&backend, &bwd, true);
    milliseconds(&backend, &fwd, &bwd);
    while (runs < MOST && (runs < 3 || profile_now() - start < seconds)) time[runs++] = milliseconds(&backend, &fwd, &bwd);
    qsort(time, (size_t)runs, sizeof *time, ascending);
    double flops = op_rows[OP_ATTENTION].flops(&fwd, false) + op_rows[OP_ATTENTION].flops(&bwd, true);
    printf("%.3f ms %.1f GFLOP/s\n", time[runs / 2], flops / time[runs / 2] / 1e6);
    pool_close(pool);
    return 0;
}
