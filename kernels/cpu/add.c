#include "kernels/cpu/cpu.h"

#include "kernels/cpu/vector.h"

static VECTOR_CLONES void sum(const float *a, float s, const float *b, int64_t n, float *y)
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) y[i] = a[i] + s * b[i];
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    int64_t at = range.begin * c->in[0].cols;
    sum(c->in[0].data + at, c->args->add.s, c->in[1].data + at, (range.end - range.begin) * c->in[0].cols, c->out[0].data + at);
}

/* da may lie on dy, so db comes first. */
static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    RowRange range = task_rows(task, c->dout[0].rows, c->dout[0].cols);
    int64_t at = range.begin * c->dout[0].cols, n = (range.end - range.begin) * c->dout[0].cols;
    if (c->din[1].data) cpu_hand_over_scaled(c->dout[0].data + at, n, c->args->add.s, c->beta[1], c->din[1].data + at);
    if (c->din[0].data) cpu_hand_over(c->dout[0].data + at, n, c->beta[0], c->din[0].data + at);
}

void cpu_add_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }
void cpu_add_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->dout[0].rows, c->dout[0].cols, bwd_rows); }
