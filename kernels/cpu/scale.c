#include "kernels/cpu/cpu.h"

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t at = range.begin * c->in[0].cols, n = (range.end - range.begin) * c->in[0].cols;
    cpu_hand_over_scaled(c->in[0].data + at, n, c->args->scale.s, 0, c->out[0].data + at);
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t at = range.begin * c->in[0].cols, n = (range.end - range.begin) * c->in[0].cols;
    cpu_hand_over_scaled(c->dout[0].data + at, n, c->args->scale.s, c->beta[0], c->din[0].data + at);
}

void cpu_scale_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }
void cpu_scale_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, bwd_rows); }
