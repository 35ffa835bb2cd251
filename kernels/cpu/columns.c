#include "kernels/cpu/cpu.h"

#include <string.h>

/* Of each of a row's groups, the part that y takes. */
typedef struct { int64_t group, groups, at, n; } Cut;

static Cut cut_of(const OpCall *c)
{
    int64_t cols = c->in[0].cols, group = c->args->columns.group ? c->args->columns.group : cols;
    return (Cut){ group, cols / group, c->args->columns.at, c->args->columns.n };
}

static void fwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    Cut cut = cut_of(c);
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    for (int64_t i = range.begin * cut.groups; i < range.end * cut.groups; i++)
        memcpy(c->out[0].data + i * cut.n, c->in[0].data + i * cut.group + cut.at, (size_t)cut.n * sizeof(float));
}

static void bwd_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    Cut cut = cut_of(c);
    RowRange range = task_rows(task, c->in[0].rows, c->in[0].cols);
    for (int64_t i = range.begin * cut.groups; i < range.end * cut.groups; i++) {
        float *dx = c->din[0].data + i * cut.group;
        if (c->beta[0] == 0) memset(dx, 0, (size_t)cut.group * sizeof *dx);
        cpu_hand_over(c->dout[0].data + i * cut.n, cut.n, c->beta[0], dx + cut.at);
    }
}

void cpu_columns_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, fwd_rows); }
void cpu_columns_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, bwd_rows); }
