/* The CPU backend's operations, one file each; cpu.c lists them. Inside: how a kernel gets its scratch and cuts its rows. */
#ifndef KERNELS_CPU_CPU_H
#define KERNELS_CPU_CPU_H
#include "kernels/backend.h"
#include "kernels/status.h"

#define CPU_OPERATION(name)                                                \
    void   cpu_##name##_fwd(const Backend *, const OpCall *);              \
    void   cpu_##name##_bwd(const Backend *, const OpCall *);              \
    size_t cpu_##name##_scratch(const Backend *, const OpCall *, bool bwd)

CPU_OPERATION(embedding);
CPU_OPERATION(noise);
CPU_OPERATION(dropout);
CPU_OPERATION(norm);
CPU_OPERATION(linear);
CPU_OPERATION(rope);
CPU_OPERATION(attention);
CPU_OPERATION(gate);
CPU_OPERATION(act);
CPU_OPERATION(add);
CPU_OPERATION(scale);
CPU_OPERATION(softcap);
CPU_OPERATION(columns);
CPU_OPERATION(append);
CPU_OPERATION(head);
CPU_OPERATION(dense);
CPU_OPERATION(gather);
CPU_OPERATION(add_row);

void cpu_narrow(const Backend *, Tensor x, uint16_t *kept);
void cpu_narrow_floats(const float *x, int64_t n, uint16_t *to);
void cpu_widen(const Backend *, const uint16_t *kept, Tensor x);

/* Elementwise work is cut into tasks of whole rows, about ROW_TASK elements each. */
enum { ROW_TASK = 1 << 15 };
static inline int64_t rows_per_task(int64_t cols) { return cols >= ROW_TASK ? 1 : ROW_TASK / (cols ? cols : 1); }

/* Runs fn over the rows of `call`; fn gets the OpCall and finds its rows with task_rows. */
void cpu_run_rows(const Backend *, const OpCall *, int64_t rows, int64_t cols, PoolFn *fn);
typedef struct { int64_t begin, end; } RowRange;
static inline RowRange task_rows(int task, int64_t rows, int64_t cols)
{
    int64_t n = rows_per_task(cols), begin = task * n;
    return (RowRange){ begin, begin + n < rows ? begin + n : rows };
}

/* Rows of a tile of a product, `across` tiles lying beside each other: at most `limit`, and fewer if workers would have nothing to do. */
int64_t cpu_tile_rows(const Backend *, int64_t rows, int64_t limit, int64_t across);

/* A gradient of `n` elements goes on as it is: to = from, or to += from. In place (to == from) is fine. */
void cpu_hand_over(const float *from, int64_t n, float beta, float *to);
void cpu_hand_over_scaled(const float *from, int64_t n, float scale, float beta, float *to);      /* scale * from, the same way */

/* The same for a whole tensor, by all workers. */
void cpu_hand_over_rows(const Backend *, Tensor from, float beta, Tensor to);

/* x becomes cap tanh(x / cap), which stays below cap. */
void cpu_softcap(float *x, float cap, int64_t n);

float cpu_dot(const float *x, const float *y, int64_t n);

/* What philox_fill gives, by the widest vectors that the machine has. */
void cpu_words(PhiloxKey, uint64_t first, int64_t n, uint32_t *out);
void cpu_words_avx2(PhiloxKey, uint64_t first, int64_t n, uint32_t *out);

/* x [rows, n_cols] of the block whose first element has number `first`, `cols` elements a row, after dropout. In place (out == x)
 * is fine. */
void cpu_drop_block(Dropout, const float *x, int64_t x_stride, int64_t rows, int64_t n_cols, uint64_t first, int64_t cols, float *out, int64_t out_stride);

#endif
