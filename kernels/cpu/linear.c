/* y = x W^T + b + sum_k s_k (drop_k(x) A_k^T) B_k^T, cut into tiles of rows x output columns.
 *
 * A tile's part of W is decoded into the worker's scratch, multiplied, and the low-rank terms are added while the tile is
 * in cache, so a quantised W is never there as a whole. Backward is two rounds: dxa_k for all rows, then the independent
 * tiles of dB_k, dA_k and dx together. Sums over rows or columns are single products, so their order is that of the shape. */
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/matrix.h"

enum {
    ROWS = 1024,         /* of a tile of y or dx */
    OUTS = 384,          /* columns of a tile of y; rows of W decoded at once */
    INS = 512,           /* columns of a tile of dx */
    THIN_ROWS = 64,      /* rows of a tile of xa or dxa; columns of a tile of dA or dB */
    FEW_ROWS = 16,       /* generation: so few rows that only a finer cut of W feeds several workers */
    FEW_OUTS = 64,
};

typedef struct {
    const OpCall *c;
    const Weight *w;
    int64_t rows, in, out, tile_out, tile_in;
    int n_terms;
    float *dxa[OP_MAX_TERMS];
    float *room;         /* `room_floats` for each worker */
    int64_t room_floats;
} Linear;

static Block block(Tensor t) { return (Block){ t.data, t.cols }; }
static Block at(Tensor t, int64_t row, int64_t col) { return (Block){ t.data + row * t.cols + col, t.cols }; }
static Tensor term_a(const Linear *l, int k) { return l->c->in[1 + 2 * k]; }
static Tensor term_b(const Linear *l, int k) { return l->c->in[2 + 2 * k]; }
static int64_t rank(const Linear *l, int k) { return l->c->saved[k].cols; }
static Dropout drop(const Linear *l, int k) { return l->c->args->linear.drop[k]; }
static float scale(const Linear *l, int k) { return l->c->args->linear.scale[k]; }

/* Room of one worker: a panel of W, and a tile for what dropout left of x. Both directions are covered. */
static int64_t room_floats(const Linear *l)
{
    int64_t panel = weight_is_plain(l->w) ? 0 : l->tile_out * (l->in > l->tile_in ? l->in : l->tile_in), dropped = 0;
    for (int k = 0; k < l->n_terms; k++)
        if (drop(l, k).p > 0) dropped = ROWS * (l->in > l->tile_in ? l->in : l->tile_in);
    return panel + dropped;
}

static Linear describe(const OpCall *c)
{
    const Weight *w = c->args->linear.w;
    Linear l = { .c = c, .w = w, .rows = c->in[0].rows, .in = w->cols, .out = w->rows, .n_terms = c->n_saved };
    l.tile_out = ceil_div(ceil_div(l.out, ceil_div(l.out, l.rows <= FEW_ROWS ? FEW_OUTS : OUTS)), 16) * 16;
    l.tile_in = column_cut(l.in, INS, w->dtype);
    l.room_floats = room_floats(&l);
    return l;
}

static int64_t dxa_floats(const Linear *l)
{
    int64_t n = 0;
    for (int k = 0; k < l->n_terms; k++) n += l->rows * rank(l, k);
    return n;
}

size_t cpu_linear_scratch(const Backend *backend, const OpCall *c, bool bwd)
{
    Linear l = describe(c);
    /* At capacity the cut for few rows is not taken; its panels are smaller, so a smaller batch never asks for more. */
    return (size_t)(pool_workers(backend->pool) * l.room_floats + (bwd ? dxa_floats(&l) : 0)) * sizeof(float);
}

static Linear prepare(const OpCall *c, bool bwd)
{
    Linear l = describe(c);
    float *free_room = c->scratch;
    for (int k = 0; bwd && k < l.n_terms; k++) {
        l.dxa[k] = free_room;
        free_room += l.rows * rank(&l, k);
    }
    l.room = free_room;
    return l;
}

/* drop_k(x) of some rows and columns: x itself without dropout. */
static Block dropped(const Linear *l, int k, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    Block x = at(l->c->in[0], row, col);
    if (drop(l, k).p == 0) return x;
    cpu_dropout(drop(l, k), x.data, x.stride, n_rows, n_cols, (uint64_t)(row * l->in + col), l->in, room, n_cols);
    return (Block){ room, n_cols };
}

static void xa_rows(const void *ctx, int task, int worker)
{
    const Linear *l = ctx;
    int64_t row = (int64_t)task * THIN_ROWS, n = least(THIN_ROWS, l->rows - row);
    for (int k = 0; k < l->n_terms; k++) {
        Block x = dropped(l, k, row, n, 0, l->in, l->room + worker * l->room_floats);
        matmul(n, rank(l, k), l->in, 1, AS_IS, x, TRANSPOSED, block(term_a(l, k)), 0, l->c->saved[k].data + row * rank(l, k), rank(l, k));
    }
}

static void add_bias(const Linear *l, float *y, int64_t n_rows, int64_t col, int64_t n_cols)
{
    const float *b = l->c->args->linear.b;
    for (int64_t r = 0; b && r < n_rows; r++)
        cpu_hand_over(b + col, n_cols, 1, y + r * l->out);
}

static void y_tile(const void *ctx, int task, int worker)
{
    const Linear *l = ctx;
    int64_t across = ceil_div(l->out, l->tile_out), row = task / across * ROWS, col = task % across * l->tile_out;
    int64_t n_rows = least(ROWS, l->rows - row), n_cols = least(l->tile_out, l->out - col);
    float *y = l->c->out[0].data + row * l->out + col;
    Block w = weight_panel(l->w, col, n_cols, 0, l->in, l->room + worker * l->room_floats);
    matmul(n_rows, n_cols, l->in, 1, AS_IS, at(l->c->in[0], row, 0), TRANSPOSED, w, 0, y, l->out);
    add_bias(l, y, n_rows, col, n_cols);
    for (int k = 0; k < l->n_terms; k++)
        matmul(n_rows, n_cols, rank(l, k), scale(l, k), AS_IS, at(l->c->saved[k], row, 0), TRANSPOSED, at(term_b(l, k), col, 0), 1, y, l->out);
}

void cpu_linear_fwd(const Backend *backend, const OpCall *c)
{
    Linear l = prepare(c, false);
    if (l.n_terms) pool_run(backend->pool, (int)ceil_div(l.rows, THIN_ROWS), xa_rows, &l);
    if (c->out[0].data) pool_run(backend->pool, (int)(ceil_div(l.rows, ROWS) * ceil_div(l.out, l.tile_out)), y_tile, &l);
}

static void dxa_rows(const void *ctx, int task, int worker)
{
    (void)worker;
    const Linear *l = ctx;
    int64_t row = (int64_t)task * THIN_ROWS, n = least(THIN_ROWS, l->rows - row);
    for (int k = 0; k < l->n_terms; k++)
        if (term_b(l, k).data)
            matmul(n, rank(l, k), l->out, scale(l, k), AS_IS, at(l->c->dout[0], row, 0), AS_IS, block(term_b(l, k)), 0, l->dxa[k] + row * rank(l, k), rank(l, k));
}

static void db_tile(const Linear *l, int k, int64_t col)
{
    Tensor db = l->c->din[2 + 2 * k];
    matmul(least(THIN_ROWS, l->out - col), rank(l, k), l->rows, scale(l, k), TRANSPOSED, at(l->c->dout[0], 0, col), AS_IS, block(l->c->saved[k]),
           l->c->beta[2 + 2 * k], db.data + col * db.cols, db.cols);
}

static void da_tile(const Linear *l, int k, int64_t col, float *room)
{
    Tensor da = l->c->din[1 + 2 * k];
    int64_t n_cols = least(THIN_ROWS, l->in - col), row = 0;
    do {
        int64_t n = drop(l, k).p > 0 ? least(ROWS, l->rows - row) : l->rows;
        matmul(rank(l, k), n_cols, n, 1, TRANSPOSED, (Block){ l->dxa[k] + row * rank(l, k), rank(l, k) }, AS_IS,
               dropped(l, k, row, n, col, n_cols, room), row ? 1 : l->c->beta[1 + 2 * k], da.data + col, da.cols);
        row += n;
    } while (row < l->rows);
}

static void dx_low_rank(const Linear *l, int k, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    Tensor dx = l->c->din[0];
    float *to = dx.data + row * l->in + col;
    Block dxa = { l->dxa[k] + row * rank(l, k), rank(l, k) };
    if (drop(l, k).p == 0) {
        matmul(n_rows, n_cols, rank(l, k), 1, AS_IS, dxa, AS_IS, at(term_a(l, k), 0, col), 1, to, l->in);
        return;
    }
    matmul(n_rows, n_cols, rank(l, k), 1, AS_IS, dxa, AS_IS, at(term_a(l, k), 0, col), 0, room, n_cols);
    cpu_dropout(drop(l, k), room, n_cols, n_rows, n_cols, (uint64_t)(row * l->in + col), l->in, room, n_cols);
    for (int64_t r = 0; r < n_rows; r++)
        cpu_hand_over(room + r * n_cols, n_cols, 1, to + r * l->in);
}

static void dx_tile(const Linear *l, int64_t row, int64_t col, float *room)
{
    int64_t n_rows = least(ROWS, l->rows - row), n_cols = least(l->tile_in, l->in - col);
    int64_t step = weight_is_plain(l->w) ? l->out : l->tile_out;
    float *to = l->c->din[0].data + row * l->in + col;
    for (int64_t out = 0; out < l->out; out += step) {
        int64_t n = least(step, l->out - out);
        Block w = weight_panel(l->w, out, n, col, n_cols, room);
        matmul(n_rows, n_cols, n, 1, AS_IS, at(l->c->dout[0], row, out), AS_IS, w, out ? 1 : l->c->beta[0], to, l->in);
    }
    for (int k = 0; k < l->n_terms; k++) dx_low_rank(l, k, row, n_rows, col, n_cols, room);
}

/* The second round of backward. Tasks in this order: tiles of dx, then for each term those of dB and of dA. */
static void gradient_tile(const void *ctx, int task, int worker)
{
    const Linear *l = ctx;
    float *room = l->room + worker * l->room_floats;
    int64_t across = ceil_div(l->in, l->tile_in), n_dx = l->c->din[0].data ? ceil_div(l->rows, ROWS) * across : 0;
    if (task < n_dx) {
        dx_tile(l, task / across * ROWS, task % across * l->tile_in, room);
        return;
    }
    int64_t i = task - n_dx, n_db = ceil_div(l->out, THIN_ROWS), n_da = ceil_div(l->in, THIN_ROWS);
    int k = (int)(i / (n_db + n_da));
    i %= n_db + n_da;
    if (i < n_db && l->c->din[2 + 2 * k].data) db_tile(l, k, i * THIN_ROWS);
    if (i >= n_db && l->c->din[1 + 2 * k].data) da_tile(l, k, (i - n_db) * THIN_ROWS, room);
}

void cpu_linear_bwd(const Backend *backend, const OpCall *c)
{
    Linear l = prepare(c, true);
    if (l.n_terms) pool_run(backend->pool, (int)ceil_div(l.rows, THIN_ROWS), dxa_rows, &l);
    int64_t n_dx = c->din[0].data ? ceil_div(l.rows, ROWS) * ceil_div(l.in, l.tile_in) : 0;
    int64_t n_terms = l.n_terms * (ceil_div(l.out, THIN_ROWS) + ceil_div(l.in, THIN_ROWS));
    pool_run(backend->pool, (int)(n_dx + n_terms), gradient_tile, &l);
}
