#include "kernels/cpu/cpu.h"

#include "kernels/cpu/matrix.h"

static void embedding_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    const Weight *w = c->args->embedding.w;
    RowRange range = task_rows(task, c->out[0].rows, w->cols);
    for (int64_t i = range.begin; i < range.end; i++) {
        int64_t id = c->args->embedding.ids[i];
        CHECK(id >= 0 && id < w->rows, "token %lld of a vocabulary of %lld", (long long)id, (long long)w->rows);
        float *y = c->out[0].data + i * w->cols;
        weight_row(w, id, y);
    }
}

void cpu_embedding_fwd(const Backend *b, const OpCall *c) { cpu_run_rows(b, c, c->out[0].rows, c->out[0].cols, embedding_rows); }
