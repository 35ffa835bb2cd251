#include "kernels/cpu/cpu.h"

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t at = range.begin * c->in[0].cols, n = (range.end - range.begin) * c->in[0].cols;
    float *y = c->out[0].data + at;
    cpu_hand_over(c->in[0].data + at, n, 0, y);
    cpu_softcap(y, c->args->softcap.cap, n);
}

void cpu_softcap_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }
