#include "kernels/cpu/cpu.h"

#include <cblas.h>
#include <string.h>

#include "kernels/cpu/instructions.h"
#include "kernels/cpu/matrix.h"
#include "kernels/cpu/peak.h"
#include "kernels/cpu/vector.h"
#include "kernels/philox.h"

void openblas_set_num_threads(int);

Backend cpu_backend(Pool *pool)
{
    openblas_set_num_threads(1);
    return (Backend){ .name = "cpu", .pool = pool, .isa = instructions_widest(), .narrow = cpu_narrow,
                      .widen = cpu_widen, .peak = cpu_peak, .op = {
        [OP_EMBEDDING] = { cpu_embedding_fwd, NULL, NULL },
        [OP_NOISE] = { cpu_noise_fwd, cpu_noise_bwd, NULL },
        [OP_DROPOUT] = { cpu_dropout_fwd, cpu_dropout_bwd, NULL },
        [OP_NORM] = { cpu_norm_fwd, cpu_norm_bwd, cpu_norm_scratch },
        [OP_LINEAR] = { cpu_linear_fwd, cpu_linear_bwd, cpu_linear_scratch },
        [OP_ROPE] = { cpu_rope_fwd, cpu_rope_bwd, NULL },
        [OP_ATTENTION] = { cpu_attention_fwd, cpu_attention_bwd, cpu_attention_scratch },
        [OP_GATE] = { cpu_gate_fwd, cpu_gate_bwd, NULL },
        [OP_ACT] = { cpu_act_fwd, cpu_act_bwd, NULL },
        [OP_ADD] = { cpu_add_fwd, cpu_add_bwd, NULL },
        [OP_SCALE] = { cpu_scale_fwd, cpu_scale_bwd, NULL },
        [OP_SOFTCAP] = { cpu_softcap_fwd, NULL, NULL },
        [OP_COLUMNS] = { cpu_columns_fwd, cpu_columns_bwd, NULL },
        [OP_APPEND] = { cpu_append_fwd, NULL, NULL },
        [OP_HEAD] = { cpu_head_fwd, cpu_head_bwd, cpu_head_scratch },
        [OP_DENSE] = { cpu_dense_fwd, cpu_dense_bwd, NULL },
        [OP_GATHER] = { cpu_gather_fwd, cpu_gather_bwd, NULL },
        [OP_ADD_ROW] = { cpu_add_row_fwd, cpu_add_row_bwd, NULL },
    } };
}

void cpu_run_rows(const Backend *backend, const OpCall *call, int64_t rows, int64_t cols, PoolFn *fn)
{
    pool_run(backend->pool, (int)ceil_div(rows, rows_per_task(cols)), fn, call);
}

enum { LEAST_TILE_ROWS = 128 };

int64_t cpu_tile_rows(const Backend *backend, int64_t rows, int64_t limit, int64_t across)
{
    int64_t pieces = greatest(1, ceil_div(rows, limit));
    while (across * pieces < 2 * pool_workers(backend->pool) && rows / (2 * pieces) >= LEAST_TILE_ROWS) pieces *= 2;
    return greatest(1, ceil_div(rows, pieces));
}

static VECTOR_CLONES void add_to(const float *from, int64_t n, float *to)
{
    for (int64_t i = 0; i < n; i++) to[i] += from[i];
}

void cpu_hand_over(const float *from, int64_t n, float beta, float *to)
{
    if (beta != 0) add_to(from, n, to);
    else if (to != from) memcpy(to, from, (size_t)n * sizeof *to);
}

VECTOR_CLONES void cpu_softcap(float *x, float cap, int64_t n)
{
    for (int64_t i = 0; i < n; i++) x[i] = cap * tanh_f32(x[i] / cap);
}

static VECTOR_CLONES void add_scaled(const float *from, int64_t n, float scale, float beta, float *to)
{
    INDEPENDENT
    for (int64_t i = 0; i < n; i++) to[i] = beta != 0 ? to[i] + scale * from[i] : scale * from[i];
}

typedef struct { Tensor from, to; float beta; } HandOver;

static void hand_over_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const HandOver *h = ctx;
    int64_t cols = h->to.cols;
    RowRange range = task_rows(task, h->to.rows, cols);
    cpu_hand_over(h->from.data + range.begin * cols, (range.end - range.begin) * cols, h->beta, h->to.data + range.begin * cols);
}

void cpu_hand_over_rows(const Backend *backend, Tensor from, float beta, Tensor to)
{
    pool_run(backend->pool, (int)ceil_div(to.rows, rows_per_task(to.cols)), hand_over_rows, &(HandOver){ from, to, beta });
}

void cpu_hand_over_scaled(const float *from, int64_t n, float scale, float beta, float *to)
{
    if (scale == 1.0f) cpu_hand_over(from, n, beta, to);
    else add_scaled(from, n, scale, beta, to);
}

void cpu_words(PhiloxKey key, uint64_t first, int64_t n, uint32_t *out)
{
#if defined(__x86_64__)
    if (instructions_avx2()) {
        cpu_words_avx2(key, first, n, out);
        return;
    }
#endif
    philox_fill(key, first, n, out);
}

VECTOR_CLONES float cpu_dot(const float *x, const float *y, int64_t n)
{
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += x[i + j] * y[i + j];
    for (; i < n; i++) lane[i % LANES] += x[i] * y[i];
    return lanes_sum(lane);
}

enum { WORDS = 512 };

static VECTOR_CLONES void drop_row(float p, float scale, const float *x, const uint32_t *word, int64_t n, float *out)
{
    for (int64_t i = 0; i < n; i++) out[i] = philox_unit(word[i]) < p ? 0.0f : x[i] * scale;
}

void cpu_drop_block(Dropout drop, const float *x, int64_t x_stride, int64_t rows, int64_t n_cols, uint64_t first, int64_t cols, float *out, int64_t out_stride)
{
    uint32_t word[WORDS];
    float scale = (float)(1.0 / (1.0 - (double)drop.p));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < n_cols; c += WORDS) {
            int64_t n = least(WORDS, n_cols - c);
            cpu_words(drop.key, first + (uint64_t)(r * cols + c), n, word);
            drop_row(drop.p, scale, x + r * x_stride + c, word, n, out + r * out_stride + c);
        }
}
