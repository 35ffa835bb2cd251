#include "kernels/cpu/cpu.h"

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

static void drop_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->in[0].cols;
    RowRange range = task_rows(task, c->in[0].rows, cols);
    int64_t at = range.begin * cols;
    cpu_drop_block(c->args->dropout, c->in[0].data + at, cols, range.end - range.begin, cols, (uint64_t)at, cols, c->out[0].data + at, cols);
}

void cpu_dropout_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->in[0].rows, c->in[0].cols, drop_rows); }

enum { PIECE = 512 };

/* By pieces, so that what is added to stays beside what is added. */
static void drop_gradient_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->din[0].cols;
    RowRange range = task_rows(task, c->din[0].rows, cols);
    float dropped[PIECE];
    for (int64_t i = range.begin * cols; i < range.end * cols; i += PIECE) {
        int64_t n = least(PIECE, range.end * cols - i);
        cpu_drop_block(c->args->dropout, c->dout[0].data + i, 0, 1, n, (uint64_t)i, 0, dropped, 0);
        cpu_hand_over(dropped, n, c->beta[0], c->din[0].data + i);
    }
}

void cpu_dropout_bwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->din[0].rows, c->din[0].cols, drop_gradient_rows); }
