/* Products of float32 rows with a frozen matrix in bfloat16, C = A op(W) + beta C, on a processor's tiles, from inside a pool's task.
 *
 * A's floats are split into terms of bfloat16 whose products add into the same float32 sums. Three terms of eight bits are the float
 * itself, so that a product is as exact as one in float32, and twice as fast or more: of bfloat16-valued weights only sums are rounded. One term
 * is the float rounded to nearest.
 *
 * A tile is sixteen rows of 64 bytes. A's has sixteen rows by 32 steps of K; B's row p has steps 2p and 2p + 1 of sixteen columns, as
 * pairs. A block of A is split once, into a worker's room in L2, and meets one panel of B after the other: 32 columns by up to 576
 * steps, packed from where W lies into 36 KB of L1. Sums of 32 x 32 are made in four tiles. What lies beyond the border of A or W
 * is zeros in the tiles. Sums run over K in its order, so bits depend on
 * shapes only. */
#ifndef KERNELS_CPU_TILES_H
#define KERNELS_CPU_TILES_H
#include <stdbool.h>
#include <stdint.h>

#include "kernels/backend.h"
#include "kernels/cpu/matrix.h"

enum {
    TILE_LINES = 16,                                 /* rows of A, or columns of B, in a tile */
    TILE_STEPS = 32,                                 /* of K */
    TILE_HALVES = TILE_LINES * TILE_STEPS,           /* a tile's 1024 bytes */
    TILE_BLOCK = 2 * TILE_LINES,                     /* rows and columns of C made at once */
    TILE_DEPTH = 576,                                /* of K at a time, at most */
    TILE_MOST_TERMS = 3,
};

/* m <= 32 rows of A, k floats each, become tiles: of each 32 steps, of each term, two of sixteen rows. */
typedef struct { int64_t m, k; Block a; int terms; uint16_t *to; } TileSplit;

/* n <= 32 columns of B, k steps, become tiles: of each 32 steps two of sixteen columns. Step p of column j is b[p * stride + j], or with
 * `lines` b[j * stride + p]. */
typedef struct { int64_t n, k; const uint16_t *b; int64_t stride; bool lines; uint16_t *to; } TilePack;

/* 32 x 32 of C, with `add` beside what is there, from `steps` tiles of what the two above made. */
typedef struct { int64_t steps; int terms; const uint16_t *a, *b; float *c; int64_t c_stride; bool add; } TileSums;

/* What an instruction set must have. Nothing but `sums` needs the tiles, which are this thread's between begin and end. */
typedef struct {
    void (*begin)(void), (*end)(void);
    void (*split)(const TileSplit *);
    void (*pack)(const TilePack *);
    void (*sums)(const TileSums *);
} TileKernels;
extern const TileKernels tiles_amx;      /* needs x86-64-v4 and AMX-BF16; NULLs where there is none */

/* C [m, n] = A op(W) + beta C, beta 0 or 1. op(W) is columns [col, col + n) of W, whose rows A meets, or with `transposed` rows
 * [col, col + n), whose columns it meets. Where W is not bfloat16, its values are rounded to it. */
typedef struct {
    int64_t m, n;
    Block a;
    const Weight *w;
    bool transposed;
    int64_t col;
    float beta, *c;
    int64_t c_stride;
} TileProduct;

/* Does this backend multiply `rows` rows with W on tiles? float32 precision only where W is bfloat16. More rows never turn a yes into a no. */
bool tiles_take(const Backend *, const Weight *, int64_t rows);

int64_t tiles_room_floats(void);         /* of a worker, 64-byte aligned */
void    tile_product(const Backend *, const TileProduct *, float *room);

/* How C [rows, cols] is cut into tasks: tall blocks, that A be split and W packed for as much as possible, but one for each worker. */
typedef struct { int64_t rows, cols; } TileCut;
TileCut tiles_cut(const Backend *, int64_t rows, int64_t cols);

#endif
