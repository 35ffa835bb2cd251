/* Logits, their statistics and the gradients of the hidden states and of W, a chunk of scored rows at a time.
 *
 * A chunk's logits are made tile by tile of the vocabulary, turned in place into the gradient of the objective by each
 * logit, and multiplied back with W, and with x where W is trained; their sum over rows is b's. With score = (1 - eps) logp[target] + eps mean(logp) and its coefficient c:
 *     d objective / d z_v = c ((1 - eps) [v = target] + eps / V - p_v)
 * and with capped logits the cap's slope, 1 - tanh^2, beside it. The gradient is made in forward where coef is known, else
 * backward makes a chunk's logits again. Only one chunk of logits ever exists. dW and db sum over the chunks in order. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/instructions.h"
#include "kernels/cpu/tiles.h"
#include "kernels/cpu/vector.h"

enum {
    CHUNK = 512,          /* scored rows at a time */
    TOKENS = 1024,        /* of the vocabulary in a tile of logits */
    BACK_WIDTHS = 3,      /* of a tile of dx, in widths of a product */
    LINE = 16,            /* floats of a cache line, at which a worker's room begins */
    PAD = 16,             /* floats between rows of logits: a vocabulary of 2^n would put all rows into few lines of the cache */
    ROWS_AT_ONCE = 4,     /* of a task over whole rows of logits */
};

typedef struct {
    const OpCall *c;
    const Backend *backend;
    bool on_tiles;        /* products with W (tiles.h) */
    Weight w;             /* a trained W is float32 in the step's memory */
    const float *coef;    /* NULL: no gradient is made */
    Tensor to, dw, db;    /* gradients: of x, where a chunk's rows are written or, with `add`, added; of W; of b; data NULL: not wanted */
    float add;
    int64_t first, n, vocabulary, z_stride, width, tile_cols, tile_rows;
    float *x, *z, *dx;    /* [CHUNK, width], [CHUNK, z_stride], [CHUNK, width] */
    float *room;
    int64_t room_floats;
} Head;

static int bias_input(const OpCall *c) { return c->n_in - 1; }       /* where b is trained */
static const float *bias(const OpCall *c) { return c->args->head.trained_bias ? c->in[bias_input(c)].data : c->args->head.b; }

static Head describe(const Backend *backend, const OpCall *c)
{
    Tensor t = c->in[1];
    Weight w = !c->args->head.w ? (Weight){ .name = "head", .dtype = DTYPE_F32, .bytes = t.data, .rows = t.rows, .cols = t.cols } : *c->args->head.w;
    Head h = { .c = c, .backend = backend, .w = w, .vocabulary = w.rows, .z_stride = w.rows + PAD, .width = w.cols,
               .tile_cols = column_cut(w.cols, BACK_WIDTHS * backend->isa->gemm->width, w.dtype) };
    h.on_tiles = tiles_take(backend, &h.w, least(CHUNK, c->args->head.n));
    h.room_floats = weight_is_plain(&w) ? 0 : TOKENS * greatest(h.width, h.tile_cols);
    if (h.on_tiles) h.room_floats = greatest(h.room_floats, tiles_room_floats());
    h.room_floats = ceil_div(h.room_floats, LINE) * LINE;
    return h;
}

size_t cpu_head_scratch(const Backend *backend, const OpCall *c, bool bwd)
{
    if (bwd && c->args->head.gradient) return 0;
    Head h = describe(backend, c);
    int64_t rows = least(CHUNK, c->args->head.n);
    return (size_t)(rows * (2 * h.width + h.z_stride) + pool_workers(backend->pool) * h.room_floats + LINE) * sizeof(float);
}

static void logits_tile(const void *ctx, int task, int worker)
{
    const Head *h = ctx;
    int64_t token = (int64_t)task * TOKENS, n = least(TOKENS, h->vocabulary - token);
    float *room = h->room + worker * h->room_floats;
    if (h->on_tiles) {
        tile_product(h->backend, &(TileProduct){ .m = h->n, .n = n, .a = { h->x, h->width }, .w = &h->w, .transposed = true, .col = token, .c = h->z + token,
                                                 .c_stride = h->z_stride }, room);
        return;
    }
    Block w = weight_panel(&h->w, token, n, 0, h->width, room);
    matmul(h->backend->isa, h->n, n, h->width, 1, AS_IS, (Block){ h->x, h->width }, TRANSPOSED, w, 0, h->z + token, h->z_stride);
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

static VECTOR_CLONES void capped_gradient(float *z, int64_t n, float most, float inverse, float coef, float even, float softcap)
{
    for (int64_t i = 0; i < n; i++) z[i] = coef * (even - exp_f32(z[i] - most) * inverse) * softcap_slope(z[i], softcap);
}

static void put(Tensor t, int64_t i, double x)
{
    if (t.data) t.data[i] = (float)x;
}

/* Logits become the gradient by them before the cap. */
static void row_gradient(const Head *h, float *z, const Statistics *s, int64_t target, float coef)
{
    float softcap = h->c->args->head.softcap, eps = h->c->args->head.smoothing, inverse = (float)(1 / s->sum);
    float even = (float)((double)eps / (double)h->vocabulary), at_target = coef * (float)(1 - (double)eps);
    if (softcap > 0) {
        at_target *= softcap_slope(z[target], softcap);
        capped_gradient(z, h->vocabulary, s->most, inverse, coef, even, softcap);
    } else logits_gradient(z, h->vocabulary, s->most, inverse, coef, even);
    z[target] += at_target;
}

static void score_row(const Head *h, int64_t i)
{
    const OpCall *c = h->c;
    int64_t row = h->first + i, target = c->args->head.target[row];
    double eps = (double)c->args->head.smoothing;
    CHECK(target >= 0 && target < h->vocabulary, "target %lld of a vocabulary of %lld", (long long)target, (long long)h->vocabulary);
    float *z = h->z + i * h->z_stride;
    if (bias(c)) cpu_hand_over(bias(c), h->vocabulary, 1, z);
    if (c->args->head.softcap > 0) cpu_softcap(z, c->args->head.softcap, h->vocabulary);
    Statistics s = statistics(z, h->vocabulary);
    double log_sum = log(s.sum), logp = (double)(z[target] - s.most) - log_sum, mean = s.plain / (double)h->vocabulary - log_sum;
    put(c->out[0], row, (1 - eps) * logp + eps * mean);
    put(c->out[1], row, log_sum - s.weighted / s.sum);
    put(c->out[2], row, s.at == target);
    if (h->coef) row_gradient(h, z, &s, target, h->coef[row]);
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
    int64_t step = weight_is_plain(&h->w) ? h->vocabulary : TOKENS;
    float *room = h->room + worker * h->room_floats, *dx = h->dx + row * h->width + col;
    if (h->on_tiles) {
        tile_product(h->backend, &(TileProduct){ .m = n_rows, .n = n_cols, .a = { h->z + row * h->z_stride, h->z_stride }, .w = &h->w, .col = col, .c = dx,
                                                 .c_stride = h->width }, room);
        return;
    }
    for (int64_t token = 0; token < h->vocabulary; token += step) {
        int64_t n = least(step, h->vocabulary - token);
        Block w = weight_panel(&h->w, token, n, col, n_cols, room);
        matmul(h->backend->isa, n_rows, n_cols, n, 1, AS_IS, (Block){ h->z + row * h->z_stride + token, h->z_stride }, AS_IS, w, token ? 1 : 0, dx,
               h->width);
    }
}

/* One tile of dW: TOKENS rows. */
static void dw_tile(const void *ctx, int task, int worker)
{
    (void)worker;
    const Head *h = ctx;
    int64_t across = ceil_div(h->width, h->tile_cols), token = task / across * TOKENS, col = task % across * h->tile_cols;
    matmul(h->backend->isa, least(TOKENS, h->vocabulary - token), least(h->tile_cols, h->width - col), h->n, 1,
           TRANSPOSED, (Block){ h->z + token, h->z_stride }, AS_IS, (Block){ h->x + col, h->width }, 1, h->dw.data + token * h->width + col, h->width);
}

/* TOKENS of db: sums over the chunk's rows in order. */
static void db_tile(const void *ctx, int task, int worker)
{
    (void)worker;
    const Head *h = ctx;
    int64_t token = (int64_t)task * TOKENS, n = least(TOKENS, h->vocabulary - token);
    for (int64_t i = 0; i < h->n; i++) cpu_hand_over(h->z + i * h->z_stride + token, n, 1, h->db.data + token);
}

static void gather(const Head *h)
{
    const int32_t *row = h->c->args->head.row + h->first;
    for (int64_t i = 0; i < h->n; i++) memcpy(h->x + i * h->width, h->c->in[0].data + row[i] * h->width, (size_t)h->width * sizeof(float));
}

static void scatter(const Head *h)
{
    const int32_t *row = h->c->args->head.row + h->first;
    for (int64_t i = 0; i < h->n; i++) cpu_hand_over(h->dx + i * h->width, h->width, h->add, h->to.data + row[i] * h->width);
}

static void chunk(const Backend *backend, const Head *h)
{
    int across = (int)ceil_div(h->width, h->tile_cols);
    gather(h);
    pool_run(backend->pool, (int)ceil_div(h->vocabulary, TOKENS), logits_tile, h);
    pool_run(backend->pool, (int)ceil_div(h->n, ROWS_AT_ONCE), score_rows, h);
    if (!h->coef) return;
    if (h->dw.data) pool_run(backend->pool, (int)ceil_div(h->vocabulary, TOKENS) * across, dw_tile, h);
    if (h->db.data) pool_run(backend->pool, (int)ceil_div(h->vocabulary, TOKENS), db_tile, h);
    if (!h->to.data) return;
    pool_run(backend->pool, (int)ceil_div(h->n, h->tile_rows) * across, dx_tile, h);
    scatter(h);
}

/* The last chunk may have few rows, but its products are like those of the others. */
static void cut_dx(Head *h)
{
    if (h->on_tiles) {
        TileCut cut = tiles_cut(h->backend, h->n, h->width);
        h->tile_rows = cut.rows;
        h->tile_cols = cut.cols;
    } else h->tile_rows = cpu_tile_rows(h->backend, h->n, CHUNK, ceil_div(h->width, h->tile_cols));
}

static void every_chunk(const Backend *backend, Head *h)
{
    int64_t n = h->c->args->head.n, rows = least(CHUNK, n);
    h->x = h->c->scratch;
    h->dx = h->x + rows * h->width;
    h->z = h->dx + rows * h->width;
    h->room = h->z + rows * h->z_stride;
    h->room += (LINE - (uintptr_t)h->room / sizeof(float) % LINE) % LINE;
    for (h->first = 0; h->first < n; h->first += CHUNK) {
        h->n = least(CHUNK, n - h->first);
        cut_dx(h);
        chunk(backend, h);
    }
}

static void clear(Tensor t)
{
    if (t.data) memset(t.data, 0, (size_t)(t.rows * t.cols) * sizeof(float));
}

void cpu_head_fwd(const Backend *backend, const OpCall *c)
{
    Head h = describe(backend, c);
    if (c->args->head.gradient) {
        h.coef = c->args->head.coef;
        h.to = c->saved[0];
        clear(h.to);
    }
    every_chunk(backend, &h);
}

/* Sums over chunks, and a row may be scored twice: gradients that overwrite start from zero. */
static void bwd_again(const Backend *backend, const OpCall *c)
{
    CHECK(c->dout[0].data, "of a head's outputs only the score has a gradient");
    Head h = describe(backend, c);
    h.coef = c->dout[0].data;
    h.to = c->din[0];
    if (!c->args->head.w) h.dw = c->din[1];
    if (c->args->head.trained_bias) h.db = c->din[bias_input(c)];
    h.add = 1;
    for (int i = 0; i < c->n_in; i++)
        if (c->beta[i] == 0) clear(c->din[i]);
    every_chunk(backend, &h);
}

void cpu_head_bwd(const Backend *backend, const OpCall *c)
{
    if (!c->args->head.gradient) {
        bwd_again(backend, c);
        return;
    }
    CHECK(c->dout[0].data == c->args->head.coef, "the head was told other coefficients before");
    cpu_hand_over_rows(backend, c->saved[0], c->beta[0], c->din[0]);
}
