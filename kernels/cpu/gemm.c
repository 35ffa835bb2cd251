#include "kernels/cpu/gemm.h"

#include <string.h>

#include "kernels/cpu/matrix.h"

enum {
    DEPTH = 576,         /* of K at a time */
    HEIGHT = 24,         /* rows of A at a time, whole slivers of any kernels: 55 KB beside B in L2 */
    FEW_ROWS = 24,       /* so few that packing B would cost more than it saves */
    LINE = 16,           /* floats */
    ROWS_AHEAD = 16,
};

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
static bool trim(const GemmKernels *kernels, Gemm *tile)
{
    if (tile->part == GEMM_LOWER_C) return tile->diagonal + kernels->rows > 0;
    if (tile->part == GEMM_LOWER_A) tile->k = greatest(0, least(tile->k, tile->diagonal + kernels->rows));
    if (tile->part == GEMM_UPPER_A) {
        int64_t zeros = greatest(0, least(tile->k, -tile->diagonal));
        tile->a.data += zeros * tile->a.step;
        tile->b.data += zeros * tile->b.step;
        tile->k -= zeros;
    }
    return tile->k + tile->k_tail > 0 || tile->beta != 1;
}

/* One sliver of B passes by all slivers of A. */
static void sliver(const GemmKernels *kernels, const Gemm *g, int64_t j, const float *b, const float *ahead, Gemm *tile)
{
    tile->n = least(kernels->cols, g->n - j);
    for (int64_t i = 0; i < g->m; i += kernels->rows) {
        place(tile, g, i, j, 0);
        tile->m = least(kernels->rows, g->m - i);
        tile->k = g->k;
        tile->b.data = b;
        tile->ahead = ahead ? ahead + i * g->a.row : NULL;
        if (trim(kernels, tile)) kernels->tile(tile);
    }
}

/* One block. Each tile fetches a share of the A below. */
static void block(const GemmKernels *kernels, const Gemm *g)
{
    Gemm tile = *g;
    const float *b = g->b.data, *ahead = g->ahead;
    int64_t share = ceil_div(g->k, g->n) * LINE;
    tile.ahead_every = g->n;
    for (int64_t j = 0; j < g->n; j += kernels->cols, b += g->b.sliver, ahead = ahead ? ahead + share : NULL) sliver(kernels, g, j, b, ahead, &tile);
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

/* Slivers are whole lines wide: most are copied by a constant size. */
static void copy_floats(float *to, const float *from, int64_t n)
{
    for (; n >= LINE; n -= LINE, to += LINE, from += LINE) memcpy(to, from, LINE * sizeof *to);
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

/* B [k, n] row-major to slivers `apart` floats apart. Its rows lie pages apart, so each is fetched well before. */
static void pack_columns(const GemmKernels *kernels, int64_t n, int64_t k, const float *b, int64_t stride, int64_t apart, float *to)
{
    for (int64_t p = 0; p < k; p++, b += stride, to += kernels->cols) {
        for (int64_t j = 0; j < n; j += LINE) __builtin_prefetch(b + ROWS_AHEAD * stride + j);
        float *line = to;
        for (int64_t j = 0; j < n; j += kernels->cols, line += apart) copy_floats(line, b + j, least(kernels->cols, n - j));
    }
}

/* B [n, k] row-major to slivers. */
static void pack_lines(const GemmKernels *kernels, int64_t n, int64_t k, const float *b, int64_t stride, int64_t apart, float *to)
{
    for (int64_t j = 0; j < n; j += kernels->cols, to += apart)
        kernels->lines(&(GemmLines){ least(kernels->cols, n - j), k, b + j * stride, stride, to });
}

/* The columns from j on of a tail's B, behind the k steps in each sliver. */
static void pack_tail(const GemmKernels *kernels, const Gemm *g, const GemmTail *tail, int64_t j, bool transposed, float *room)
{
    int64_t apart = g->b.sliver;
    float *to = room + g->k * kernels->cols;
    if (transposed) pack_lines(kernels, g->n, tail->k, tail->data + j * tail->stride, tail->stride, apart, to);
    else pack_columns(kernels, g->n, tail->k, tail->data + j, tail->stride, apart, to);
    for (int64_t i = 0; tail->scale != 1 && i < g->n; i += kernels->cols, to += apart)
        for (int64_t e = 0; e < tail->k * kernels->cols; e++) to[e] *= tail->scale;
}

/* Rows of B far apart are fetched by nobody: the columns after this block, before they are needed. */
static void fetch_columns(const GemmKernels *kernels, const Gemm *g, const float *b, int64_t stride)
{
    for (int64_t p = 0; p < g->k; p++)
        for (int64_t j = 0; j < kernels->width; j += LINE) __builtin_prefetch(b + p * stride + kernels->width + j);
}

/* A block of B, packed or where it lies. */
static GemmRight right(const GemmKernels *kernels, const Gemm *g, const float *b, int64_t stride, bool transposed, float *room)
{
    int64_t apart = kernels->cols * (g->k + g->k_tail);
    if (!transposed && g->m <= FEW_ROWS && !g->k_tail) {
        fetch_columns(kernels, g, b, stride);
        return (GemmRight){ b, kernels->cols, stride };
    }
    if (transposed) pack_lines(kernels, g->n, g->k, b, stride, apart, room);
    else pack_columns(kernels, g->n, g->k, b, stride, apart, room);
    return (GemmRight){ room, apart, kernels->cols };
}

void gemm(const GemmKernels *kernels, const Gemm *g, const float *data, int64_t stride, bool transposed, const GemmTail *tail)
{
    float room[GEMM_WIDTH * (DEPTH + GEMM_TAIL)] __attribute__((aligned(64)));
    int64_t pieces = g->k ? ceil_div(g->k, DEPTH) : 1, depth = ceil_div(g->k, pieces);
    for (int64_t piece = 0; piece < pieces; piece++)
        for (int64_t j = 0; j < g->n; j += kernels->width) {
            int64_t p = piece * depth;
            bool joined = tail && piece + 1 == pieces;
            Gemm part = *g;
            place(&part, g, 0, j, p);
            part.n = least(kernels->width, g->n - j);
            part.k = least(depth, g->k - p);
            part.k_tail = joined ? tail->k : 0;
            if (joined) part.a_tail = tail->a;
            if (piece) part.beta = 1;
            part.b = right(kernels, &part, transposed ? data + j * stride + p : data + p * stride + j, stride, transposed, room);
            if (joined) pack_tail(kernels, &part, tail, j, transposed, room);
            rows_of_blocks(kernels, &part);
        }
}
