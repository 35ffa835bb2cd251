/* Logits, their statistics and the gradient of the hidden states, a chunk of scored rows at a time.
 *
 * A chunk's logits are made tile by tile of the vocabulary, turned in place into the gradient of the objective by each
 * logit, and multiplied back with W. With score = (1 - eps) logp[target] + eps mean(logp) and its coefficient c:
 *     d objective / d z_v = c ((1 - eps) [v = target] + eps / V - p_v)
 * Only one chunk of logits ever exists. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

enum {
    CHUNK = 512,          /* scored rows at a time */
    TOKENS = 1024,        /* of the vocabulary in a tile of logits */
    BACK_COLS = 144,      /* of a tile of dx */
    PAD = 16,             /* floats between rows of logits: a vocabulary of 2^n would put all rows into few lines of the cache */
    ROWS_AT_ONCE = 4,     /* of a task over whole rows of logits */
};

typedef struct {
    const OpCall *c;
    const Weight *w;
    int64_t first, n, vocabulary, z_stride, width, tile_cols, tile_rows;
    float *x, *z, *dx;    /* [CHUNK, width], [CHUNK, z_stride], [CHUNK, width] */
    float *room;
    int64_t room_floats;
} Head;

static Head describe(const OpCall *c)
{
    const Weight *w = c->args->head.w;
    Head h = { .c = c, .w = w, .vocabulary = w->rows, .z_stride = w->rows + PAD, .width = w->cols,
               .tile_cols = column_cut(w->cols, BACK_COLS, w->dtype) };
    h.room_floats = weight_is_plain(w) ? 0 : TOKENS * (h.width > h.tile_cols ? h.width : h.tile_cols);
    return h;
}

size_t cpu_head_scratch(const Backend *backend, const OpCall *c, bool bwd)
{
    if (bwd) return 0;
    Head h = describe(c);
    int64_t rows = least(CHUNK, c->args->head.n);
    return (size_t)(rows * (2 * h.width + h.z_stride) + pool_workers(backend->pool) * h.room_floats) * sizeof(float);
}

static void logits_tile(const void *ctx, int task, int worker)
{
    const Head *h = ctx;
    int64_t token = (int64_t)task * TOKENS, n = least(TOKENS, h->vocabulary - token);
    Block w = weight_panel(h->w, token, n, 0, h->width, h->room + worker * h->room_floats);
    matmul(h->n, n, h->width, 1, AS_IS, (Block){ h->x, h->width }, TRANSPOSED, w, 0, h->z + token, h->z_stride);
}

typedef struct { double sum, weighted, plain; float most; int64_t at; } Statistics;    /* sums of e^(z-most), z e^(z-most), z */

static VECTOR_CLONES Statistics statistics(const float *z, int64_t n)
{
    Statistics s = { .most = largest(z, n) };
    while (s.at < n - 1 && z[s.at] != s.most) s.at++;
    for (int64_t begin = 0; begin < n; begin += 1024) {
        int64_t end = least(begin + 1024, n), i = begin;
        float e[LANES] = {0}, ze[LANES] = {0}, zz[LANES] = {0};
        for (; i + LANES <= end; i += LANES)
            for (int j = 0; j < LANES; j++) {
                float d = z[i + j] - s.most, p = exp_f32(d);
                e[j] += p;
                ze[j] += d * p;
                zz[j] += d;
            }
        for (; i < end; i++) {
            float d = z[i] - s.most, p = exp_f32(d);
            e[i % LANES] += p;
            ze[i % LANES] += d * p;
            zz[i % LANES] += d;
        }
        s.sum += (double)lanes_sum(e);
        s.weighted += (double)lanes_sum(ze);
        s.plain += (double)lanes_sum(zz);
    }
    return s;
}

static VECTOR_CLONES void logits_gradient(float *z, int64_t n, float most, float inverse, float coef, float even)
{
    for (int64_t i = 0; i < n; i++) z[i] = coef * (even - exp_f32(z[i] - most) * inverse);
}

static void put(Tensor t, int64_t i, double x)
{
    if (t.data) t.data[i] = (float)x;
}

static void score_row(const Head *h, int64_t i)
{
    const OpCall *c = h->c;
    int64_t row = h->first + i, target = c->args->head.target[row];
    double eps = (double)c->args->head.smoothing;
    CHECK(target >= 0 && target < h->vocabulary, "target %lld of a vocabulary of %lld", (long long)target, (long long)h->vocabulary);
    float *z = h->z + i * h->z_stride, at_target = z[target];
    Statistics s = statistics(z, h->vocabulary);
    double log_sum = log(s.sum), logp = (double)(at_target - s.most) - log_sum, mean = s.plain / (double)h->vocabulary - log_sum;
    put(c->out[0], row, (1 - eps) * logp + eps * mean);
    put(c->out[1], row, log_sum - s.weighted / s.sum);
    put(c->out[2], row, s.at == target);
    if (!c->args->head.gradient) return;
    float coef = c->args->head.coef[row];
    logits_gradient(z, h->vocabulary, s.most, (float)(1 / s.sum), coef, (float)(eps / (double)h->vocabulary));
    z[target] += coef * (float)(1 - eps);
}

static void score_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const Head *h = ctx;
    int64_t first = (int64_t)task * ROWS_AT_ONCE;
    for (int64_t i = first; i < least(first + ROWS_AT_ONCE, h->n); i++) score_row(h, i);
}

static void dx_tile(const void *ctx, int task, int worker)
{
    const Head *h = ctx;
    int64_t across = ceil_div(h->width, h->tile_cols), row = task / across * h->tile_rows, col = task % across * h->tile_cols;
    int64_t n_rows = least(h->tile_rows, h->n - row), n_cols = least(h->tile_cols, h->width - col);
    int64_t step = weight_is_plain(h->w) ? h->vocabulary : TOKENS;
    for (int64_t token = 0; token < h->vocabulary; token += step) {
        int64_t n = least(step, h->vocabulary - token);
        Block w = weight_panel(h->w, token, n, col, n_cols, h->room + worker * h->room_floats);
        matmul(n_rows, n_cols, n, 1, AS_IS, (Block){ h->z + row * h->z_stride + token, h->z_stride }, AS_IS, w, token ? 1 : 0,
               h->dx + row * h->width + col, h->width);
    }
}

static void copy_rows(const Head *h, bool gather)
{
    const int32_t *row = h->c->args->head.row + h->first;
    size_t bytes = (size_t)h->width * sizeof(float);
    for (int64_t i = 0; i < h->n; i++) {
        if (gather) memcpy(h->x + i * h->width, h->c->in[0].data + row[i] * h->width, bytes);
        else memcpy(h->c->saved[0].data + row[i] * h->width, h->dx + i * h->width, bytes);
    }
}

static void chunk(const Backend *backend, const Head *h)
{
    copy_rows(h, true);
    pool_run(backend->pool, (int)ceil_div(h->vocabulary, TOKENS), logits_tile, h);
    pool_run(backend->pool, (int)ceil_div(h->n, ROWS_AT_ONCE), score_rows, h);
    if (!h->c->args->head.gradient) return;
    pool_run(backend->pool, (int)(ceil_div(h->n, h->tile_rows) * ceil_div(h->width, h->tile_cols)), dx_tile, h);
    copy_rows(h, false);
}

void cpu_head_fwd(const Backend *backend, const OpCall *c)
{
    Head h = describe(c);
    int64_t n = c->args->head.n, rows = least(CHUNK, n);
    h.x = c->scratch;
    h.dx = h.x + rows * h.width;
    h.z = h.dx + rows * h.width;
    h.room = h.z + rows * h.z_stride;
    if (c->args->head.gradient) memset(c->saved[0].data, 0, (size_t)(c->saved[0].rows * h.width) * sizeof(float));
    for (h.first = 0; h.first < n; h.first += CHUNK) {
        h.n = least(CHUNK, n - h.first);
        h.tile_rows = cpu_tile_rows(backend, h.n, CHUNK, ceil_div(h.width, h.tile_cols));
        chunk(backend, &h);
    }
}

static void hand_over_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const OpCall *c = ctx;
    int64_t cols = c->din[0].cols;
    RowRange range = task_rows(task, c->din[0].rows, cols);
    cpu_hand_over(c->saved[0].data + range.begin * cols, (range.end - range.begin) * cols, c->beta[0], c->din[0].data + range.begin * cols);
}

void cpu_head_bwd(const Backend *backend, const OpCall *c)
{
    CHECK(c->dout[0].data == c->args->head.coef, "the head was told other coefficients before");
    cpu_run_rows(backend, c, c->din[0].rows, c->din[0].cols, hand_over_rows);
}
