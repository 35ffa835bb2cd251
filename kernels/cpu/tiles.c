#include "kernels/cpu/tiles.h"

#include "kernels/cpu/cpu.h"
#include "kernels/cpu/instructions.h"
#include "kernels/status.h"

enum {
    HEIGHT = 256,                  /* rows of A at a time in three terms: 885 KB */
    HEIGHT_OF_ONE = 512,           /* in one term, so that W is packed for twice as many */
    FEW_ROWS = 16,                 /* below, packing W costs more than it saves */
    LEAST_ROWS = 128,              /* of a task */
    GROUP = 256,                   /* columns of W decoded at once where A meets its rows: the largest block of a dtype */
    A_HALVES = HEIGHT * TILE_DEPTH * TILE_MOST_TERMS,
    B_HALVES = TILE_BLOCK * TILE_DEPTH,
    W_HALVES = GROUP * TILE_DEPTH,
    C_FLOATS = TILE_BLOCK * TILE_BLOCK,
};

typedef struct {
    const TileKernels *kernels;
    const TileProduct *p;
    int terms;
    uint16_t *a, *b, *w;           /* tiles of a block of A, tiles of a panel of B, a decoded part of W */
    float *c;                      /* a block of C that is made beside it */
} Work;

bool tiles_take(const Backend *backend, const Weight *w, int64_t rows)
{
    return backend->isa->tiles && rows >= FEW_ROWS && (w->dtype == DTYPE_BF16 || backend->precision == PRECISION_BF16);
}

static int terms_of(const Backend *backend) { return backend->precision == PRECISION_BF16 ? 1 : TILE_MOST_TERMS; }
static int64_t height_of(int terms) { return terms == 1 ? HEIGHT_OF_ONE : HEIGHT; }

int64_t tiles_room_floats(void) { return (A_HALVES + B_HALVES + W_HALVES) / 2 + C_FLOATS; }

TileCut tiles_cut(const Backend *backend, int64_t rows, int64_t cols)
{
    int64_t workers = pool_workers(backend->pool), pieces = greatest(1, ceil_div(rows, height_of(terms_of(backend))));
    pieces = greatest(pieces, least(workers, rows / LEAST_ROWS));
    int64_t across = least(ceil_div(workers, pieces), greatest(1, ceil_div(cols, GROUP)));
    return (TileCut){ ceil_div(greatest(1, ceil_div(rows, pieces)), TILE_BLOCK) * TILE_BLOCK,
                      greatest(1, ceil_div(ceil_div(cols, across), GROUP)) * GROUP };
}

/* Rows and columns of W as bfloat16, `stride` apart. A column begins a block of W's dtype. */
typedef struct { const uint16_t *data; int64_t stride; } Halves;

static bool lies_as_halves(const Weight *w) { return w->dtype == DTYPE_BF16 && w->order == ROWS_IN_ORDER && (uintptr_t)w->bytes % sizeof(uint16_t) == 0; }

static Halves halves(const Work *work, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols)
{
    const Weight *w = work->p->w;
    if (lies_as_halves(w)) return (Halves){ (const uint16_t *)w->bytes + row * w->cols + col, w->cols };
    float decoded[TILE_DEPTH];
    int64_t block = dtype_rows[w->dtype].block;
    n_cols = ceil_div(n_cols, block) * block;
    for (int64_t r = 0; r < n_rows; r++) {
        Block line = weight_panel(w, row + r, 1, col, n_cols, decoded);
        cpu_narrow_floats(line.data, n_cols, work->w + r * n_cols);
    }
    return (Halves){ work->w, n_cols };
}

static int64_t step_tiles(const Work *work, int64_t k) { return ceil_div(k, TILE_STEPS) * 2 * work->terms; }

/* Rows of A from i on, in groups of 32. */
static void split_rows(const Work *work, int64_t i, int64_t m, int64_t k_from, int64_t k)
{
    Block a = work->p->a;
    for (int64_t r = 0; r < m; r += TILE_BLOCK)
        work->kernels->split(&(TileSplit){ least(TILE_BLOCK, m - r), k, { a.data + (i + r) * a.stride + k_from, a.stride }, work->terms,
                                           work->a + r / TILE_BLOCK * step_tiles(work, k) * TILE_HALVES });
}

/* Three terms' sums of a piece are added to C: one chain over all of K would err more. One term's go on from C. */
static bool chained(const Work *work, bool add) { return !add || work->terms == 1; }

/* A block that is made beside C: on the border, or to be added. */
static void sums_beside(const Work *work, TileSums sums, int64_t m, int64_t n)
{
    float *c = sums.c, beta = chained(work, sums.add) ? 0 : 1;
    int64_t stride = sums.c_stride;
    sums.c = work->c;
    sums.c_stride = TILE_BLOCK;
    sums.add = sums.add && work->terms == 1;
    for (int64_t r = 0; sums.add && r < m; r++) cpu_hand_over(c + r * stride, n, 0, work->c + r * TILE_BLOCK);
    work->kernels->sums(&sums);
    for (int64_t r = 0; r < m; r++) cpu_hand_over(work->c + r * TILE_BLOCK, n, beta, c + r * stride);
}

/* Columns [j, j + n) of C, n <= 32, by all rows of the block. */
static void panel(const Work *work, int64_t i, int64_t m, int64_t j, int64_t n, int64_t k, Halves b, bool add)
{
    const TileProduct *p = work->p;
    work->kernels->pack(&(TilePack){ n, k, b.data, b.stride, p->transposed, work->b });
    for (int64_t r = 0; r < m; r += TILE_BLOCK) {
        TileSums sums = { ceil_div(k, TILE_STEPS), work->terms, work->a + r / TILE_BLOCK * step_tiles(work, k) * TILE_HALVES, work->b,
                          p->c + (i + r) * p->c_stride + j, p->c_stride, add };
        bool inside = m - r >= TILE_BLOCK && n == TILE_BLOCK;
        if (inside && chained(work, add)) work->kernels->sums(&sums);
        else sums_beside(work, sums, least(TILE_BLOCK, m - r), n);
    }
}

/* Steps [k_from, k_from + k) of K for a block of rows. */
static void piece(const Work *work, int64_t i, int64_t m, int64_t k_from, int64_t k, bool add)
{
    const TileProduct *p = work->p;
    int64_t group = p->transposed ? TILE_BLOCK : GROUP;
    split_rows(work, i, m, k_from, k);
    for (int64_t j = 0; j < p->n; j += group) {
        int64_t n = least(group, p->n - j);
        Halves w = p->transposed ? halves(work, p->col + j, n, k_from, k) : halves(work, k_from, k, p->col + j, n);
        for (int64_t q = 0; q < n; q += TILE_BLOCK)
            panel(work, i, m, j + q, least(TILE_BLOCK, n - q), k, (Halves){ w.data + q * (p->transposed ? w.stride : 1), w.stride }, add);
    }
}

/* Equal pieces of K of at most TILE_DEPTH, whole tiles and, where a row of W is cut, whole blocks of its dtype. */
static int64_t depth_of(const TileProduct *p, int64_t k)
{
    int64_t unit = p->transposed ? greatest(TILE_STEPS, dtype_rows[p->w->dtype].block) : TILE_STEPS, most = TILE_DEPTH / unit * unit;
    return ceil_div(ceil_div(k, ceil_div(k, most)), unit) * unit;
}

void tile_product(const Backend *backend, const TileProduct *p, float *room)
{
    int terms = terms_of(backend);
    Work work = { .kernels = backend->isa->tiles, .p = p, .terms = terms, .a = (uint16_t *)room };
    work.b = work.a + A_HALVES;
    work.w = work.b + B_HALVES;
    work.c = (float *)(void *)(work.w + W_HALVES);
    int64_t k = p->transposed ? p->w->cols : p->w->rows, depth = depth_of(p, k), height = height_of(terms);
    CHECK(k > 0 && (p->beta == 0 || p->beta == 1), "%s: a product of %lld steps, beta %g", p->w->name, (long long)k, (double)p->beta);
    work.kernels->begin();
    for (int64_t i = 0; i < p->m; i += height)
        for (int64_t from = 0; from < k; from += depth) piece(&work, i, least(height, p->m - i), from, least(depth, k - from), from || p->beta != 0);
    work.kernels->end();
}
