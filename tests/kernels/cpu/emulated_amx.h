/* The tile instructions of AMX that kernels/cpu uses, after Intel's manual, with its faults: a tile that is not configured, shapes that
 * do not meet, a number that there is not. Each thread has its own tiles. Included before kernels/cpu's sources, it takes the names. */
#ifndef TESTS_KERNELS_CPU_EMULATED_AMX_H
#define TESTS_KERNELS_CPU_EMULATED_AMX_H
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/status.h"

enum { EMULATED_TILES = 8, EMULATED_ROWS = 16, EMULATED_ROW_BYTES = 64 };

typedef struct { uint8_t palette, start_row, reserved[14]; uint16_t row_bytes[EMULATED_ROWS]; uint8_t rows[EMULATED_ROWS]; } EmulatedConfig;
_Static_assert(sizeof(EmulatedConfig) == 64, "as LDTILECFG reads it");

typedef struct { EmulatedConfig config; uint8_t data[EMULATED_TILES][EMULATED_ROWS][EMULATED_ROW_BYTES]; } EmulatedTiles;

static _Thread_local EmulatedTiles emulated_tiles;

/* All tiles become zero. */
static void emulated_tile_loadconfig(const void *config)
{
    EmulatedTiles tiles = {0};
    memcpy(&tiles.config, config, sizeof tiles.config);
    CHECK(tiles.config.palette == 1 && tiles.config.start_row == 0, "palette %d, start row %d", tiles.config.palette, tiles.config.start_row);
    for (int i = 0; i < 14; i++) CHECK(!tiles.config.reserved[i], "reserved byte %d of a tile configuration", i);
    for (int i = 0; i < 16; i++) {
        int rows = tiles.config.rows[i], bytes = tiles.config.row_bytes[i];
        CHECK(rows <= EMULATED_ROWS && bytes <= EMULATED_ROW_BYTES && (i < EMULATED_TILES || (!rows && !bytes)),
              "tile %d of %d rows of %d bytes", i, rows, bytes);
        CHECK(!rows == !bytes, "tile %d has %d rows of %d bytes", i, rows, bytes);
    }
    emulated_tiles = tiles;
}

static void emulated_tile_release(void) { memset(&emulated_tiles, 0, sizeof emulated_tiles); }

typedef struct { int rows, row_bytes; } EmulatedShape;

static EmulatedShape emulated_shape(int tile)
{
    CHECK(tile >= 0 && tile < EMULATED_TILES, "tile %d", tile);
    EmulatedShape shape = { emulated_tiles.config.rows[tile], emulated_tiles.config.row_bytes[tile] };
    CHECK(emulated_tiles.config.palette && shape.rows, "tile %d is not configured", tile);
    return shape;
}

static void emulated_tile_zero(int tile)
{
    emulated_shape(tile);
    memset(emulated_tiles.data[tile], 0, sizeof emulated_tiles.data[tile]);
}

static void emulated_tile_loadd(int tile, const void *from, int64_t stride)
{
    EmulatedShape shape = emulated_shape(tile);
    emulated_tile_zero(tile);
    for (int r = 0; r < shape.rows; r++) memcpy(emulated_tiles.data[tile][r], (const char *)from + r * stride, (size_t)shape.row_bytes);
}

static void emulated_tile_stored(int tile, void *to, int64_t stride)
{
    EmulatedShape shape = emulated_shape(tile);
    for (int r = 0; r < shape.rows; r++) memcpy((char *)to + r * stride, emulated_tiles.data[tile][r], (size_t)shape.row_bytes);
}

/* Subnormals are zeros, going in and coming out. */
static inline float emulated_flushed(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= bits & 0x7F800000 ? UINT32_MAX : 0x80000000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The even, then the odd elements of a row of pairs. */
static void emulated_pairs(const uint8_t *row, int n_pairs, float value[2][EMULATED_ROWS])
{
    uint16_t half[2 * EMULATED_ROWS];
    memcpy(half, row, (size_t)n_pairs * 2 * sizeof *half);
    for (int n = 0; n < n_pairs; n++)
        for (int odd = 0; odd < 2; odd++) {
            uint32_t bits = (uint32_t)half[2 * n + odd] << 16;
            memcpy(&value[odd][n], &bits, sizeof bits);
            value[odd][n] = emulated_flushed(value[odd][n]);
        }
}

/* A row of C: sums of the even and of the odd steps, each product added with one rounding, then both, then C. A product of two
 * bfloat16 is exact in float32 unless it is subnormal. */
static void emulated_tile_dpbf16ps(int c, int a, int b)
{
    EmulatedShape to = emulated_shape(c), left = emulated_shape(a), right = emulated_shape(b);
    CHECK(c != a && c != b && a != b, "tiles %d, %d and %d of one product", c, a, b);
    CHECK(to.rows == left.rows && to.row_bytes == right.row_bytes && left.row_bytes == 4 * right.rows && left.row_bytes % 4 == 0 && right.row_bytes % 4 == 0,
          "%d rows of %d bytes from %d of %d and %d of %d", to.rows, to.row_bytes, left.rows, left.row_bytes, right.rows, right.row_bytes);
    float y[EMULATED_ROWS][2][EMULATED_ROWS] = {{{0}}}, x[2][EMULATED_ROWS] = {{0}};
    for (int k = 0; k < right.rows; k++) emulated_pairs(emulated_tiles.data[b][k], right.row_bytes / 4, y[k]);
    for (int m = 0; m < to.rows; m++) {
        float sum[2][EMULATED_ROWS] = {{0}}, row[EMULATED_ROWS] = {0};
        emulated_pairs(emulated_tiles.data[a][m], right.rows, x);
        for (int k = 0; k < right.rows; k++)
            for (int odd = 0; odd < 2; odd++)
                for (int n = 0; n < EMULATED_ROWS; n++) sum[odd][n] = emulated_flushed(x[odd][k] * y[k][odd][n] + sum[odd][n]);
        memcpy(row, emulated_tiles.data[c][m], (size_t)to.row_bytes);
        for (int n = 0; n < EMULATED_ROWS; n++) row[n] = emulated_flushed(emulated_flushed(row[n]) + emulated_flushed(sum[0][n] + sum[1][n]));
        memcpy(emulated_tiles.data[c][m], row, (size_t)to.row_bytes);
    }
}

#undef _tile_loadconfig
#define _tile_loadconfig emulated_tile_loadconfig
#undef _tile_release
#define _tile_release emulated_tile_release
#undef _tile_zero
#define _tile_zero emulated_tile_zero
#undef _tile_loadd
#define _tile_loadd emulated_tile_loadd
#undef _tile_stream_loadd
#define _tile_stream_loadd emulated_tile_loadd
#undef _tile_stored
#define _tile_stored(tile, to, stride) emulated_tile_stored(tile, to, stride)
#undef _tile_dpbf16ps
#define _tile_dpbf16ps emulated_tile_dpbf16ps

#ifndef __AMX_BF16__
#define __AMX_BF16__ 1
#endif

#endif
