/* What the tape keeps of a value as bfloat16, and back: elementwise, by whole rows. */
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

typedef struct { Tensor x; const uint16_t *from; uint16_t *to; } Kept;

VECTOR_CLONES void cpu_narrow_floats(const float *x, int64_t n, uint16_t *to)
{
    for (int64_t i = 0; i < n; i++) to[i] = bf16_of_f32(x[i]);
}

static VECTOR_CLONES void widen(const uint16_t *from, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)from[i] << 16;
        memcpy(x + i, &bits, sizeof bits);
    }
}

static void narrow_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const Kept *k = ctx;
    RowRange range = task_rows(task, k->x.rows, k->x.cols);
    cpu_narrow_floats(k->x.data + range.begin * k->x.cols, (range.end - range.begin) * k->x.cols, k->to + range.begin * k->x.cols);
}

static void widen_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const Kept *k = ctx;
    RowRange range = task_rows(task, k->x.rows, k->x.cols);
    widen(k->from + range.begin * k->x.cols, (range.end - range.begin) * k->x.cols, k->x.data + range.begin * k->x.cols);
}

void cpu_narrow(const Backend *backend, Tensor x, uint16_t *kept)
{
    pool_run(backend->pool, (int)ceil_div(x.rows, rows_per_task(x.cols)), narrow_rows, &(Kept){ .x = x, .to = kept });
}

void cpu_widen(const Backend *backend, const uint16_t *kept, Tensor x)
{
    pool_run(backend->pool, (int)ceil_div(x.rows, rows_per_task(x.cols)), widen_rows, &(Kept){ .x = x, .from = kept });
}
