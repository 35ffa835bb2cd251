/* y = x W^T + b + sum_k s_k (drop_k(x) A_k^T) B_k^T, cut into tiles of rows x columns.
 *
 * A tile is as narrow as a block of gemm and as tall as it can be: each part of W is decoded and packed for as many rows as
 * possible, and the low-rank terms are added while the tile is in cache. A quantised W is never there as a whole.
 * Where the processor has tiles for W (tiles.h), a tile of y or dx is that product's, and all low-rank terms are added behind it.
 * Backward is two rounds. First the thin products, a stripe of rows at a time, while the rows are in cache: dxa_k, and the stripe's
 * share of dA_k and dB_k^T. Then the independent tiles of dx, and the sums of the shares in the order of the stripes. Stripes are
 * cut by shape alone, and a tile's sums do not depend on how its rows were cut, so bits are those of the shape. */
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/instructions.h"
#include "kernels/cpu/tiles.h"
#include "kernels/cpu/vector.h"

enum {
    ROWS = 2048,         /* of a tile of y or dx, at most */
    OUTS = 384,          /* rows of W decoded at once for dx */
    THIN_ROWS = 64,      /* rows at once in the thin products: one block of dy or x in L2 */
    STRIPE = 128,        /* rows that share one sum for dA and dB, at least */
    MOST_STRIPES = 32,
    LINE = 16,           /* floats of a cache line, at which a worker's room begins */
    SUM_COLS = 256,      /* of dA or dB^T in a task that sums shares */
};

typedef struct {
    const OpCall *c;
    const Backend *backend;
    const Weight *w;
    bool on_tiles;
    int64_t rows, in, out, tile_in, tile_out, stripe;      /* tile_in, tile_out: columns of a float32 product that makes dx, y */
    TileCut tile;                    /* of y or dx, a task */
    int n_terms, n_stripes;
    float *dxa[OP_MAX_TERMS];
    float *share[OP_MAX_TERMS];      /* of each stripe: dA [r, in], dB^T [r, out] */
    float *room;                     /* `room_floats` for each worker */
    int64_t room_floats;
} Linear;

static Block block(Tensor t) { return (Block){ t.data, t.cols }; }
static Block at(Tensor t, int64_t row, int64_t col) { return (Block){ t.data + row * t.cols + col, t.cols }; }
static Tensor term_a(const Linear *l, int k) { return l->c->in[1 + 2 * k]; }
static Tensor term_b(const Linear *l, int k) { return l->c->in[2 + 2 * k]; }
static int64_t rank(const Linear *l, int k) { return l->c->saved[k].cols; }
static Dropout drop(const Linear *l, int k) { return l->c->args->linear.drop[k]; }
static float scale(const Linear *l, int k) { return l->c->args->linear.scale[k]; }
static Block dxa_rows(const Linear *l, int k, int64_t row) { return (Block){ l->dxa[k] + row * rank(l, k), rank(l, k) }; }
/* Terms that are done with the product with W, forward and backward: the first, where both are float32's. */
static int joined(const Linear *l) { return l->n_terms && !l->on_tiles; }
static int joined_back(const Linear *l) { return l->n_terms && !l->on_tiles && drop(l, 0).p == 0; }
static int64_t share_floats(const Linear *l, int k) { return rank(l, k) * (l->in + l->out); }

/* Room of one worker: a panel of W, and what dropout left of a block of x or of a tile of dx. Both directions are covered. */
static int64_t room_floats(const Linear *l)
{
    int64_t panel = weight_is_plain(l->w) ? 0 : greatest(l->tile_out * l->in, OUTS * l->tile_in), dropped = 0;
    for (int k = 0; k < l->n_terms; k++)
        if (drop(l, k).p > 0) dropped = greatest(THIN_ROWS * l->in, least(ROWS, l->rows) * l->tile_in);
    return ceil_div(greatest(panel, l->on_tiles ? tiles_room_floats() : 0) + dropped, LINE) * LINE;
}

static TileCut cut(const Linear *l, int64_t cols, int64_t width)
{
    if (l->on_tiles) return tiles_cut(l->backend, l->rows, cols);
    return (TileCut){ cpu_tile_rows(l->backend, l->rows, ROWS, ceil_div(cols, width)), width };
}

static int64_t n_tiles(const Linear *l, int64_t cols) { return ceil_div(l->rows, l->tile.rows) * ceil_div(cols, l->tile.cols); }

static Linear describe(const Backend *backend, const OpCall *c, bool bwd)
{
    const Weight *w = c->args->linear.w;
    Linear l = { .c = c, .backend = backend, .w = w, .rows = c->in[0].rows,
                 .in = w->cols, .out = w->rows, .n_terms = c->n_saved };
    l.on_tiles = tiles_take(backend, w, l.rows);
    l.tile_out = backend->isa->gemm->width;
    l.tile_in = column_cut(l.in, l.tile_out, w->dtype);
    l.tile = cut(&l, bwd ? l.in : l.out, bwd ? l.tile_in : l.tile_out);
    l.stripe = ceil_div(greatest(STRIPE, ceil_div(l.rows, MOST_STRIPES)), THIN_ROWS) * THIN_ROWS;
    l.n_stripes = (int)ceil_div(l.rows, l.stripe);
    l.room_floats = room_floats(&l);
    return l;
}

/* More rows never need less: at a capacity there is room for any smaller batch. */
size_t cpu_linear_scratch(const Backend *backend, const OpCall *c, bool bwd)
{
    Linear l = describe(backend, c, bwd);
    int64_t floats = pool_workers(backend->pool) * l.room_floats + LINE, stripes = least(MOST_STRIPES, ceil_div(l.rows, STRIPE));
    for (int k = 0; bwd && k < l.n_terms; k++) floats += l.rows * rank(&l, k) + stripes * share_floats(&l, k);
    return (size_t)floats * sizeof(float);
}

static Linear prepare(const Backend *backend, const OpCall *c, bool bwd)
{
    Linear l = describe(backend, c, bwd);
    float *free_room = c->scratch;
    for (int k = 0; bwd && k < l.n_terms; k++) {
        l.dxa[k] = free_room;
        l.share[k] = free_room + l.rows * rank(&l, k);
        free_room = l.share[k] + l.n_stripes * share_floats(&l, k);
    }
    l.room = free_room + (LINE - (uintptr_t)free_room / sizeof(float) % LINE) % LINE;
    return l;
}

/* drop_k(x) of some rows and columns: x itself without dropout. */
static Block dropped(const Linear *l, int k, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    Block x = at(l->c->in[0], row, col);
    if (drop(l, k).p == 0) return x;
    cpu_drop_block(drop(l, k), x.data, x.stride, n_rows, n_cols, (uint64_t)(row * l->in + col), l->in, room, n_cols);
    return (Block){ room, n_cols };
}

static void xa_rows(const void *ctx, int task, int worker)
{
    const Linear *l = ctx;
    int64_t row = (int64_t)task * THIN_ROWS, n = least(THIN_ROWS, l->rows - row);
    for (int k = 0; k < l->n_terms; k++) {
        Block x = dropped(l, k, row, n, 0, l->in, l->room + worker * l->room_floats);
        matmul(l->backend->isa, n, rank(l, k), l->in, 1, AS_IS, x, TRANSPOSED, block(term_a(l, k)), 0, l->c->saved[k].data + row * rank(l, k), rank(l, k));
    }
}

static void add_bias(const Linear *l, float *y, int64_t n_rows, int64_t col, int64_t n_cols)
{
    const float *b = l->c->args->linear.b;
    for (int64_t r = 0; b && r < n_rows; r++)
        cpu_hand_over(b + col, n_cols, 1, y + r * l->out);
}

/* Columns [col, col + n_cols) of y's only row, as in generation. */
static void y_row(const Linear *l, int64_t col, int64_t n_cols)
{
    float *y = l->c->out[0].data + col;
    weight_times_row(l->w, col, n_cols, l->c->in[0].data, y);
    for (int k = 0; k < l->n_terms; k++)
        matmul(l->backend->isa, 1, n_cols, rank(l, k), scale(l, k), AS_IS, at(l->c->saved[k], 0, 0), TRANSPOSED, at(term_b(l, k), col, 0), 1, y, l->out);
}

/* Without the terms that are not joined. */
static void y_product(const Linear *l, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    float *y = l->c->out[0].data + row * l->out + col;
    Block x = at(l->c->in[0], row, 0);
    if (l->on_tiles) {
        tile_product(l->backend, &(TileProduct){ .m = n_rows, .n = n_cols, .a = x, .w = l->w, .transposed = true, .col = col,
                                                 .c = y, .c_stride = l->out }, room);
        return;
    }
    Block w = weight_panel(l->w, col, n_cols, 0, l->in, room);
    if (joined(l))
        matmul_low_rank(l->backend->isa, n_rows, n_cols, l->in, x, TRANSPOSED, w,
                        &(LowRankPart){ rank(l, 0), scale(l, 0), at(l->c->saved[0], row, 0), at(term_b(l, 0), col, 0) }, 0, y, l->out);
    else matmul(l->backend->isa, n_rows, n_cols, l->in, 1, AS_IS, x, TRANSPOSED, w, 0, y, l->out);
}

static void y_rows(const Linear *l, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    float *y = l->c->out[0].data + row * l->out + col;
    y_product(l, row, n_rows, col, n_cols, room);
    for (int k = joined(l); k < l->n_terms; k++)
        matmul(l->backend->isa, n_rows, n_cols, rank(l, k), scale(l, k), AS_IS, at(l->c->saved[k], row, 0), TRANSPOSED, at(term_b(l, k), col, 0), 1, y, l->out);
}

static void y_tile(const void *ctx, int task, int worker)
{
    const Linear *l = ctx;
    int64_t across = ceil_div(l->out, l->tile.cols), row = task / across * l->tile.rows, col = task % across * l->tile.cols;
    int64_t n_rows = least(l->tile.rows, l->rows - row), n_cols = least(l->tile.cols, l->out - col);
    if (l->rows == 1) y_row(l, col, n_cols);
    else y_rows(l, row, n_rows, col, n_cols, l->room + worker * l->room_floats);
    add_bias(l, l->c->out[0].data + row * l->out + col, n_rows, col, n_cols);
}

void cpu_linear_fwd(const Backend *backend, const OpCall *c)
{
    Linear l = prepare(backend, c, false);
    if (l.n_terms) pool_run(backend->pool, (int)ceil_div(l.rows, THIN_ROWS), xa_rows, &l);
    if (c->out[0].data) pool_run(backend->pool, (int)n_tiles(&l, l.out), y_tile, &l);
}

/* One block of rows of a term: its dxa, and what it adds to the stripe's share, of which it may be the first. */
static void thin_products(const Linear *l, int k, int64_t row, int64_t n, bool first, float *share, float *room)
{
    int64_t r = rank(l, k);
    Block dy = at(l->c->dout[0], row, 0);
    Block dxa = dxa_rows(l, k, row);
    if (term_b(l, k).data) matmul(l->backend->isa, n, r, l->out, scale(l, k), AS_IS, dy, AS_IS, block(term_b(l, k)), 0, l->dxa[k] + row * r, r);
    if (l->c->din[2 + 2 * k].data)
        matmul(l->backend->isa, r, l->out, n, scale(l, k), TRANSPOSED, at(l->c->saved[k], row, 0), AS_IS, dy, first ? 0 : 1, share + r * l->in, l->out);
    if (l->c->din[1 + 2 * k].data)
        matmul(l->backend->isa, r, l->in, n, 1, TRANSPOSED, dxa, AS_IS, dropped(l, k, row, n, 0, l->in, room), first ? 0 : 1, share, l->in);
}

static void thin_stripe(const void *ctx, int task, int worker)
{
    const Linear *l = ctx;
    int64_t begin = task * l->stripe, end = least(begin + l->stripe, l->rows);
    for (int64_t row = begin; row < end; row += THIN_ROWS)
        for (int k = 0; k < l->n_terms; k++)
            thin_products(l, k, row, least(THIN_ROWS, end - row), row == begin, l->share[k] + task * share_floats(l, k), l->room + worker * l->room_floats);
}

/* `n` columns of a row of a share, summed over the stripes: the first lies at `from`, the others `apart` floats on. */
static VECTOR_CLONES void sum_of_stripes(const float *from, int n_stripes, int64_t apart, int64_t n, float *sum)
{
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int s = 0; s < n_stripes; s++)
        for (int64_t i = 0; i < n; i++) sum[i] += from[s * apart + i];
}

static void da_columns(const Linear *l, int k, int64_t col)
{
    Tensor da = l->c->din[1 + 2 * k];
    float sum[SUM_COLS];
    int64_t n = least(SUM_COLS, l->in - col);
    for (int64_t q = 0; da.data && q < rank(l, k); q++) {
        sum_of_stripes(l->share[k] + q * l->in + col, l->n_stripes, share_floats(l, k), n, sum);
        cpu_hand_over(sum, n, l->c->beta[1 + 2 * k], da.data + q * da.cols + col);
    }
}

static void db_columns(const Linear *l, int k, int64_t col)
{
    Tensor db = l->c->din[2 + 2 * k];
    float sum[SUM_COLS];
    int64_t n = least(SUM_COLS, l->out - col);
    bool add = l->c->beta[2 + 2 * k] != 0;
    for (int64_t q = 0; db.data && q < rank(l, k); q++) {
        sum_of_stripes(l->share[k] + rank(l, k) * l->in + q * l->out + col, l->n_stripes, share_floats(l, k), n, sum);
        for (int64_t i = 0; i < n; i++) {
            float *to = db.data + (col + i) * db.cols + q;
            *to = add ? *to + sum[i] : sum[i];
        }
    }
}

static void dx_low_rank(const Linear *l, int k, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    float *to = l->c->din[0].data + row * l->in + col;
    if (drop(l, k).p == 0) {
        matmul(l->backend->isa, n_rows, n_cols, rank(l, k), 1, AS_IS, dxa_rows(l, k, row), AS_IS, at(term_a(l, k), 0, col), 1, to, l->in);
        return;
    }
    matmul(l->backend->isa, n_rows, n_cols, rank(l, k), 1, AS_IS, dxa_rows(l, k, row), AS_IS, at(term_a(l, k), 0, col), 0, room, n_cols);
    cpu_drop_block(drop(l, k), room, n_cols, n_rows, n_cols, (uint64_t)(row * l->in + col), l->in, room, n_cols);
    for (int64_t r = 0; r < n_rows; r++)
        cpu_hand_over(room + r * n_cols, n_cols, 1, to + r * l->in);
}

/* dx without the terms that are not joined. */
static void dx_product(const Linear *l, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols, float *room)
{
    int64_t step = weight_is_plain(l->w) ? l->out : OUTS;
    float *to = l->c->din[0].data + row * l->in + col;
    if (l->on_tiles) {
        tile_product(l->backend, &(TileProduct){ .m = n_rows, .n = n_cols, .a = at(l->c->dout[0], row, 0), .w = l->w, .col = col, .beta = l->c->beta[0],
                                                 .c = to, .c_stride = l->in }, room);
        return;
    }
    for (int64_t out = 0; out < l->out; out += step) {
        int64_t n = least(step, l->out - out);
        float beta = out ? 1 : l->c->beta[0];
        Block w = weight_panel(l->w, out, n, col, n_cols, room), dy = at(l->c->dout[0], row, out);
        if (joined_back(l) && out + n == l->out)
            matmul_low_rank(l->backend->isa, n_rows, n_cols, n, dy, AS_IS, w,
                            &(LowRankPart){ rank(l, 0), 1, dxa_rows(l, 0, row), at(term_a(l, 0), 0, col) }, beta, to, l->in);
        else matmul(l->backend->isa, n_rows, n_cols, n, 1, AS_IS, dy, AS_IS, w, beta, to, l->in);
    }
}

static void dx_tile(const Linear *l, int64_t row, int64_t col, float *room)
{
    int64_t n_rows = least(l->tile.rows, l->rows - row), end = least(col + l->tile.cols, l->in);
    dx_product(l, row, n_rows, col, end - col, room);
    for (; col < end; col += l->tile_in)
        for (int k = joined_back(l); k < l->n_terms; k++) dx_low_rank(l, k, row, n_rows, col, least(l->tile_in, end - col), room);
}

/* The second round of backward. Tasks in this order: tiles of dx, then for each term the columns of dB and of dA. */
static void gradient_tile(const void *ctx, int task, int worker)
{
    const Linear *l = ctx;
    int64_t across = ceil_div(l->in, l->tile.cols), n_dx = l->c->din[0].data ? n_tiles(l, l->in) : 0;
    if (task < n_dx) {
        dx_tile(l, task / across * l->tile.rows, task % across * l->tile.cols, l->room + worker * l->room_floats);
        return;
    }
    int64_t i = task - n_dx, n_db = ceil_div(l->out, SUM_COLS), n_da = ceil_div(l->in, SUM_COLS);
    int k = (int)(i / (n_db + n_da));
    i %= n_db + n_da;
    if (i < n_db) db_columns(l, k, i * SUM_COLS);
    else da_columns(l, k, (i - n_db) * SUM_COLS);
}

void cpu_linear_bwd(const Backend *backend, const OpCall *c)
{
    Linear l = prepare(backend, c, true);
    if (l.n_terms) pool_run(backend->pool, l.n_stripes, thin_stripe, &l);
    int64_t n_dx = c->din[0].data ? n_tiles(&l, l.in) : 0;
    int64_t n_terms = l.n_terms * (ceil_div(l.out, SUM_COLS) + ceil_div(l.in, SUM_COLS));
    pool_run(backend->pool, (int)(n_dx + n_terms), gradient_tile, &l);
}
