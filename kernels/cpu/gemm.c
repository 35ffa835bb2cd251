#include "kernels/cpu/gemm.h"

#include <string.h>

#include "kernels/cpu/decode.h"
#include "kernels/cpu/matrix.h"

enum {
    DEPTH = 288,         /* of K at a time: a sliver of B (18 KB) stays in L1 */
    WIDTH = 96,          /* columns of B at a time: 110 KB packed, beside a block of A in L2 */
    HEIGHT = 48,         /* rows of A at a time: 55 KB */
    FEW_ROWS = 24,       /* so few that packing B would cost more than it saves */
};

const GemmKernels *gemm_kernels(void) { return gemm_avx2.tile && decode_has_avx2() ? &gemm_avx2 : NULL; }

/* One block: each sliver of B stays in L1 while the slivers of A pass by. */
static void block(const GemmKernels *kernels, const Gemm *g)
{
    for (int64_t j = 0; j < g->n; j += GEMM_COLS)
        for (int64_t i = 0; i < g->m; i += GEMM_ROWS) {
            Gemm tile = *g;
            tile.m = least(GEMM_ROWS, g->m - i);
            tile.n = least(GEMM_COLS, g->n - j);
            tile.a.data += i * g->a.row;
            tile.b.data += j / GEMM_COLS * g->b.sliver;
            tile.c += i * g->c_stride + j;
            kernels->tile(&tile);
        }
}

static void rows_of_blocks(const GemmKernels *kernels, const Gemm *g)
{
    for (int64_t i = 0; i < g->m; i += HEIGHT) {
        Gemm part = *g;
        part.m = least(HEIGHT, g->m - i);
        part.a.data += i * g->a.row;
        part.c += i * g->c_stride;
        block(kernels, &part);
    }
}

/* B [k, n] row-major to slivers. */
static void pack_columns(const Gemm *g, const float *b, int64_t stride, float *to)
{
    int64_t whole = g->n / GEMM_COLS, rest = g->n % GEMM_COLS;
    for (int64_t p = 0; p < g->k; p++, b += stride, to += GEMM_COLS) {
        for (int64_t j = 0; j < whole; j++) memcpy(to + j * GEMM_COLS * g->k, b + j * GEMM_COLS, GEMM_COLS * sizeof *b);
        for (int64_t j = 0; j < rest; j++) to[whole * GEMM_COLS * g->k + j] = b[whole * GEMM_COLS + j];
    }
}

/* B [n, k] row-major to slivers. */
static void pack_lines(const GemmKernels *kernels, const Gemm *g, const float *b, int64_t stride, float *to)
{
    for (int64_t j = 0; j < g->n; j += GEMM_COLS)
        kernels->lines(&(GemmLines){ least(GEMM_COLS, g->n - j), g->k, b + j * stride, stride, to + j * g->k });
}

/* A block of B, packed or where it lies. */
static GemmRight right(const GemmKernels *kernels, const Gemm *g, const float *b, int64_t stride, bool transposed, float *room)
{
    if (!transposed && g->m <= FEW_ROWS) return (GemmRight){ b, GEMM_COLS, stride };
    if (transposed) pack_lines(kernels, g, b, stride, room);
    else pack_columns(g, b, stride, room);
    return (GemmRight){ room, GEMM_COLS * g->k, GEMM_COLS };
}

void gemm(const GemmKernels *kernels, const Gemm *g, const float *data, int64_t stride, bool transposed)
{
    float room[WIDTH * DEPTH] __attribute__((aligned(64)));
    int64_t pieces = g->k ? ceil_div(g->k, DEPTH) : 1, depth = ceil_div(g->k, pieces);
    for (int64_t j = 0; j < g->n; j += WIDTH)
        for (int64_t piece = 0; piece < pieces; piece++) {
            int64_t p = piece * depth;
            Gemm part = *g;
            part.n = least(WIDTH, g->n - j);
            part.k = least(depth, g->k - p);
            part.a.data += p * g->a.step;
            part.c += j;
            if (piece) part.beta = 1;
            part.b = right(kernels, &part, transposed ? data + j * stride + p : data + p * stride + j, stride, transposed, room);
            rows_of_blocks(kernels, &part);
        }
}
