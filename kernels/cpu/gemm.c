#include "kernels/cpu/gemm.h"

#include <string.h>

#include "kernels/cpu/decode.h"
#include "kernels/cpu/matrix.h"

enum {
    DEPTH = 576,         /* of K at a time */
    WIDTH = 48,          /* columns of B at a time: 110 KB packed, beside a block of A in L2 */
    HEIGHT = 24,         /* rows of A at a time: 55 KB */
    FEW_ROWS = 24,       /* so few that packing B would cost more than it saves */
    LINE = 16,           /* floats */
    ROWS_AHEAD = 16,
};

const GemmKernels *gemm_kernels(void)
{
    if (gemm_neon.tile) return &gemm_neon;
    return gemm_avx2.tile && decode_has_avx2() ? &gemm_avx2 : NULL;
}

/* `part` becomes the product from row i, column j and step p of K on. Fields, not a whole Gemm: small tiles feel a copy. */
static void place(Gemm *part, const Gemm *g, int64_t i, int64_t j, int64_t p)
{
    part->a.data = g->a.data + i * g->a.row + p * g->a.step;
    part->c = g->c + i * g->c_stride + j;
    if (g->k_tail) part->a_tail.data = g->a_tail.data + i * g->a_tail.row;
    if (g->part == GEMM_LOWER_C) part->diagonal = g->diagonal + i - j;
    if (g->part == GEMM_LOWER_A) part->diagonal = g->diagonal + i - p;
    if (g->part == GEMM_UPPER_A) part->diagonal = g->diagonal + p - i;
}

/* Leaves out of a tile what is not there; false: all of it. */
static bool trim(Gemm *tile)
{
    if (tile->part == GEMM_LOWER_C) return tile->diagonal + GEMM_ROWS > 0;
    if (tile->part == GEMM_LOWER_A) tile->k = greatest(0, least(tile->k, tile->diagonal + GEMM_ROWS));
    if (tile->part == GEMM_UPPER_A) {
        int64_t zeros = greatest(0, least(tile->k, -tile->diagonal));
        tile->a.data += zeros * tile->a.step;
        tile->b.data += zeros * tile->b.step;
        tile->k -= zeros;
    }
    return tile->k + tile->k_tail > 0 || tile->beta != 1;
}

/* One block: each sliver of B passes by all slivers of A, and each tile fetches a share of the A below. */
static void block(const GemmKernels *kernels, const Gemm *g)
{
    Gemm tile = *g;
    int64_t share = ceil_div(g->k, g->n) * LINE;
    tile.ahead_every = g->n;
    for (int64_t j = 0; j < g->n; j += GEMM_COLS)
        for (int64_t i = 0; i < g->m; i += GEMM_ROWS) {
            place(&tile, g, i, j, 0);
            tile.m = least(GEMM_ROWS, g->m - i);
            tile.n = least(GEMM_COLS, g->n - j);
            tile.k = g->k;
            tile.b.data = g->b.data + j / GEMM_COLS * g->b.sliver;
            tile.ahead = g->ahead ? g->ahead + i * g->a.row + j / GEMM_COLS * share : NULL;
            if (trim(&tile)) kernels->tile(&tile);
        }
}

static void rows_of_blocks(const GemmKernels *kernels, const Gemm *g)
{
    Gemm part = *g;
    for (int64_t i = 0; i < g->m; i += HEIGHT) {
        place(&part, g, i, 0, 0);
        part.m = least(HEIGHT, g->m - i);
        part.ahead = g->a.step == 1 && i + HEIGHT < g->m ? part.a.data + HEIGHT * g->a.row : NULL;
        block(kernels, &part);
    }
}

/* B [k, n] row-major to slivers `apart` floats apart. Its rows lie pages apart, so each is fetched well before. */
static void pack_columns(int64_t n, int64_t k, const float *b, int64_t stride, int64_t apart, float *to)
{
    int64_t whole = n / GEMM_COLS, rest = n % GEMM_COLS;
    for (int64_t p = 0; p < k; p++, b += stride, to += GEMM_COLS) {
        for (int64_t j = 0; j < n; j += LINE) __builtin_prefetch(b + ROWS_AHEAD * stride + j);
        for (int64_t j = 0; j < whole; j++) memcpy(to + j * apart, b + j * GEMM_COLS, GEMM_COLS * sizeof *b);
        for (int64_t j = 0; j < rest; j++) to[whole * apart + j] = b[whole * GEMM_COLS + j];
    }
}

/* B [n, k] row-major to slivers. */
static void pack_lines(const GemmKernels *kernels, int64_t n, int64_t k, const float *b, int64_t stride, int64_t apart, float *to)
{
    for (int64_t j = 0; j < n; j += GEMM_COLS)
        kernels->lines(&(GemmLines){ least(GEMM_COLS, n - j), k, b + j * stride, stride, to + j / GEMM_COLS * apart });
}

/* The columns from j on of a tail's B, behind the k steps in each sliver. */
static void pack_tail(const GemmKernels *kernels, const Gemm *g, const GemmTail *tail, int64_t j, bool transposed, float *room)
{
    int64_t apart = g->b.sliver;
    float *to = room + g->k * GEMM_COLS;
    if (transposed) pack_lines(kernels, g->n, tail->k, tail->data + j * tail->stride, tail->stride, apart, to);
    else pack_columns(g->n, tail->k, tail->data + j, tail->stride, apart, to);
    for (int64_t i = 0; tail->scale != 1 && i < g->n; i += GEMM_COLS, to += apart)
        for (int64_t e = 0; e < tail->k * GEMM_COLS; e++) to[e] *= tail->scale;
}

/* Rows of B far apart are fetched by nobody: the columns after this block, before they are needed. */
static void fetch_columns(const Gemm *g, const float *b, int64_t stride)
{
    for (int64_t p = 0; p < g->k; p++)
        for (int64_t j = 0; j < WIDTH; j += LINE) __builtin_prefetch(b + p * stride + WIDTH + j);
}

/* A block of B, packed or where it lies. */
static GemmRight right(const GemmKernels *kernels, const Gemm *g, const float *b, int64_t stride, bool transposed, float *room)
{
    int64_t apart = GEMM_COLS * (g->k + g->k_tail);
    if (!transposed && g->m <= FEW_ROWS && !g->k_tail) {
        fetch_columns(g, b, stride);
        return (GemmRight){ b, GEMM_COLS, stride };
    }
    if (transposed) pack_lines(kernels, g->n, g->k, b, stride, apart, room);
    else pack_columns(g->n, g->k, b, stride, apart, room);
    return (GemmRight){ room, apart, GEMM_COLS };
}

void gemm(const GemmKernels *kernels, const Gemm *g, const float *data, int64_t stride, bool transposed, const GemmTail *tail)
{
    float room[WIDTH * (DEPTH + GEMM_TAIL)] __attribute__((aligned(64)));
    int64_t pieces = g->k ? ceil_div(g->k, DEPTH) : 1, depth = ceil_div(g->k, pieces);
    for (int64_t piece = 0; piece < pieces; piece++)
        for (int64_t j = 0; j < g->n; j += WIDTH) {
            int64_t p = piece * depth;
            bool joined = tail && piece + 1 == pieces;
            Gemm part = *g;
            place(&part, g, 0, j, p);
            part.n = least(WIDTH, g->n - j);
            part.k = least(depth, g->k - p);
            part.k_tail = joined ? tail->k : 0;
            if (joined) part.a_tail = tail->a;
            if (piece) part.beta = 1;
            part.b = right(kernels, &part, transposed ? data + j * stride + p : data + p * stride + j, stride, transposed, room);
            if (joined) pack_tail(kernels, &part, tail, j, transposed, room);
            rows_of_blocks(kernels, &part);
        }
}
