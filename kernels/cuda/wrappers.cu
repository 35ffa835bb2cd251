#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce.cuh"

extern "C" {
#include <math.h>
#include <string.h>

#include "kernels/cuda/wrappers.h"
#include "kernels/memory.h"
}

/* --- where an element stands: lane = 4 * group + thread_in_group; element i of a lane's fragment. "Matrix Fragments for mma.m16n8k16 with floating
 * point type" */

enum { M = 16, N = 8, K = 16, A_EACH = 8, B_EACH = 4, C_EACH = 4 };
typedef struct { int row, col; } Spot;

static Spot spot_of_a(int lane, int i)
{
    int group = lane >> 2, thread_in_group = lane % 4;
    int row = (0 <= i && i < 2) || (4 <= i && i < 6) ? group : group + 8;
    return Spot{ row, i < 4 ? thread_in_group * 2 + (i & 1) : thread_in_group * 2 + (i & 1) + 8 };
}

static Spot spot_of_b(int lane, int i)
{
    int group = lane >> 2, thread_in_group = lane % 4;
    return Spot{ i < 2 ? thread_in_group * 2 + (i & 1) : thread_in_group * 2 + (i & 1) + 8, group };
}

static Spot spot_of_c(int lane, int i)
{
    int group = lane >> 2, thread_in_group = lane % 4;
    return Spot{ i < 2 ? group : group + 8, thread_in_group * 2 + (i & 1) };
}

/* --- memory of a check: what goes there, what comes back */

typedef struct { Device *device; void *in, *out; Status status; } Bench;

static Bench bench_open(Device *d, const void *in, size_t in_bytes, size_t out_bytes)
{
    Bench b = { d, NULL, NULL, STATUS_OK };
    b.status = device_take(d, in_bytes, &b.in);
    if (b.status == STATUS_OK) b.status = device_take(d, out_bytes, &b.out);
    if (b.status == STATUS_OK) device_write(d, b.in, in, in_bytes);
    return b;
}

static Status bench_close(Bench *b, void *out, size_t out_bytes)
{
    if (b->status == STATUS_OK) b->status = device_read(b->device, out, b->out, out_bytes);
    device_give(b->device, b->in);
    device_give(b->device, b->out);
    return b->status;
}

#define RUN_CHECK(bench, kernel, threads, ...)                                                          \
    do {                                                                                                \
        if ((bench).status != STATUS_OK) break;                                                         \
        LAUNCH(kernel, 1, threads, 0, device_stream((bench).device), __VA_ARGS__);                      \
        device_launched((bench).device, OP_COUNT, #kernel);                                             \
    } while (0)

static uint32_t small_bf16(int value)
{
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits >> 16;
}

/* --- mma */

enum { MMA_IN = 4 + 2 + 4 };      /* words a lane brings: A, B, C */

/* block 32, shared 0, registers 32. */
static __global__ void wrappers_mma(const uint32_t *in, float *out)
{
    uint32_t a[4], b[2];
    float c[4];
    const uint32_t *mine = in + threadIdx.x * MMA_IN;
    for (int i = 0; i < 4; i++) a[i] = mine[i];
    for (int i = 0; i < 2; i++) b[i] = mine[4 + i];
    for (int i = 0; i < 4; i++) memcpy(&c[i], &mine[6 + i], sizeof c[i]);
    mma_16816(c, a, b);
    for (int i = 0; i < 4; i++) out[threadIdx.x * 4 + i] = c[i];
}

/* Whole numbers without a pattern: every product and sum is exact. */
static int of_a(int row, int col) { return (row * 7 + col * 13 + row * col) % 17 - 8; }
static int of_b(int row, int col) { return (row * 11 + col * 5 + row * row * col) % 15 - 7; }
static int of_c(int row, int col) { return row * 8 + col; }

static Status check_mma(Device *d)
{
    uint32_t in[WARP][MMA_IN] = {};
    float out[WARP][C_EACH];
    for (int lane = 0; lane < WARP; lane++) {
        for (int i = 0; i < A_EACH; i++) in[lane][i / 2] |= small_bf16(of_a(spot_of_a(lane, i).row, spot_of_a(lane, i).col)) << 16 * (i % 2);
        for (int i = 0; i < B_EACH; i++) in[lane][4 + i / 2] |= small_bf16(of_b(spot_of_b(lane, i).row, spot_of_b(lane, i).col)) << 16 * (i % 2);
        for (int i = 0; i < C_EACH; i++) {
            float c = (float)of_c(spot_of_c(lane, i).row, spot_of_c(lane, i).col);
            memcpy(&in[lane][6 + i], &c, sizeof c);
        }
    }
    Bench b = bench_open(d, in, sizeof in, sizeof out);
    RUN_CHECK(b, wrappers_mma, WARP, (const uint32_t *)b.in, (float *)b.out);
    TRY(bench_close(&b, out, sizeof out));
    for (int lane = 0; lane < WARP; lane++)
        for (int i = 0; i < C_EACH; i++) {
            Spot at = spot_of_c(lane, i);
            int expected = of_c(at.row, at.col);
            for (int k = 0; k < K; k++) expected += of_a(at.row, k) * of_b(k, at.col);
            if (out[lane][i] != (float)expected)
                return fail(STATUS_FAULT, "mma_16816: lane %d has %g for [%d, %d], expected %d", lane, (double)out[lane][i], at.row, at.col, expected);
        }
    return STATUS_OK;
}

/* --- ldmatrix: "the elements of row r are held by threads 4 r to 4 r + 3, two each"; .trans: of column r */

enum { TILE_ROWS = 32, TILE_COLS = 16 };      /* of 16 bits; matrices stand in rows 8 m and columns 4 on, so that no address is another's */

/* block 32, shared 1536, registers 32. */
static __global__ void wrappers_ldsm(const uint16_t *in, uint32_t *out)
{
    SHARED(uint16_t, tile, [TILE_ROWS][TILE_COLS + 8]);
    uint32_t plain[4], turned[4];
    for (int i = (int)threadIdx.x; i < TILE_ROWS * TILE_COLS; i += WARP) tile[i / TILE_COLS][i % TILE_COLS] = in[i];
    __syncthreads();
    ldsm_x4(plain, &tile[threadIdx.x][threadIdx.x / 8 % 2 * 8]);
    ldsm_x4_t(turned, &tile[threadIdx.x][threadIdx.x / 8 % 2 * 8]);
    for (int i = 0; i < 4; i++) {
        out[threadIdx.x * 8 + i] = plain[i];
        out[threadIdx.x * 8 + 4 + i] = turned[i];
    }
}

static Status check_ldsm(Device *d)
{
    uint16_t in[TILE_ROWS][TILE_COLS];
    uint32_t out[WARP][8];
    for (int r = 0; r < TILE_ROWS; r++)
        for (int c = 0; c < TILE_COLS; c++) in[r][c] = (uint16_t)(r << 8 | c);
    Bench b = bench_open(d, in, sizeof in, sizeof out);
    RUN_CHECK(b, wrappers_ldsm, WARP, (const uint16_t *)b.in, (uint32_t *)b.out);
    TRY(bench_close(&b, out, sizeof out));
    for (int m = 0; m < 4; m++)
        for (int r = 0; r < 8; r++)
            for (int c = 0; c < 8; c++) {
                uint16_t expected = in[8 * m + r][m % 2 * 8 + c];
                int lane = 4 * r + c / 2, turned = 4 * c + r / 2;
                if ((uint16_t)(out[lane][m] >> 16 * (c % 2)) != expected)
                    return fail(STATUS_FAULT, "ldsm_x4: lane %d has %08x for matrix %d, expected %04x in half %d", lane, out[lane][m], m, expected, c % 2);
                if ((uint16_t)(out[turned][4 + m] >> 16 * (r % 2)) != expected)
                    return fail(STATUS_FAULT, "ldsm_x4_t: lane %d has %08x for matrix %d, expected %04x in half %d", turned, out[turned][4 + m], m, expected, r % 2);
            }
    return STATUS_OK;
}

/* --- cp.async: three groups, each awaited in its turn and read by another thread; the last has nothing to copy for every second thread */

enum { COPIES = 64, PIECE = 4 };

/* block 64, shared 3072, registers 32. */
static __global__ void wrappers_cp_async(const float *in, float *out)
{
    SHARED(float, got, [3][COPIES * PIECE]);
    int i = (int)threadIdx.x, other = (i + 37) % COPIES;
    for (int group = 0; group < 3; group++) {
        cp_async(&got[group][i * PIECE], in + (group * COPIES + i) * PIECE, group < 2 || i % 2);
        cp_async_commit();
    }
    cp_async_wait<2>();
    __syncthreads();
    store_4(out + i * PIECE, load_4(&got[0][other * PIECE]));
    cp_async_wait<1>();
    __syncthreads();
    store_4(out + (COPIES + i) * PIECE, load_4(&got[1][other * PIECE]));
    cp_async_wait<0>();
    __syncthreads();
    store_4(out + (2 * COPIES + i) * PIECE, load_4(&got[2][other * PIECE]));
}

static Status check_cp_async(Device *d)
{
    float in[3][COPIES][PIECE], out[3][COPIES][PIECE];
    for (int group = 0; group < 3; group++)
        for (int i = 0; i < COPIES * PIECE; i++) in[group][i / PIECE][i % PIECE] = (float)(group * COPIES * PIECE + i + 1);
    Bench b = bench_open(d, in, sizeof in, sizeof out);
    RUN_CHECK(b, wrappers_cp_async, COPIES, (const float *)b.in, (float *)b.out);
    TRY(bench_close(&b, out, sizeof out));
    for (int group = 0; group < 3; group++)
        for (int i = 0; i < COPIES; i++)
            for (int k = 0; k < PIECE; k++) {
                int from = (i + 37) % COPIES;
                float expected = group < 2 || from % 2 ? in[group][from][k] : 0;
                if (out[group][i][k] != expected)
                    return fail(STATUS_FAULT, "cp_async: group %d, piece %d: %g, expected %g", group, from, (double)out[group][i][k], (double)expected);
            }
    return STATUS_OK;
}

/* --- rounding to bf16: every upper half with lower halves around the middle */

enum { LOWERS = 6, ROUNDED = 1 << 16 };

/* block 256, shared 0, registers 32. A thread has one upper half. Out: rounded one by one, and in pairs with 1 above. */
static __global__ void wrappers_bf16(const float *in, uint32_t *out)
{
    for (int i = (int)threadIdx.x; i < ROUNDED; i += (int)blockDim.x)
        for (int k = 0; k < LOWERS; k++) {
            float x = in[i * LOWERS + k];
            uint32_t pair = bf16_pair(x, 1.0f);
            out[i * LOWERS + k] = (pair & 0xFFFF) == bf16_round(x).bits && bf16_value(bf16{ (uint16_t)(pair >> 16) }) == 1.0f ? pair & 0xFFFF : 0xFFFFFFFFu;
        }
}

/* Of the two neighbours the nearer, of two as near the even one; in double, where the distances are exact. */
static bool is_nearest(float x, uint32_t got)
{
    uint32_t bits, down;
    float value, low, high;
    memcpy(&bits, &x, sizeof bits);
    down = bits & 0xFFFF0000u;
    memcpy(&low, &down, sizeof low);
    down += 0x10000u;
    memcpy(&high, &down, sizeof high);
    got <<= 16;
    memcpy(&value, &got, sizeof value);
    if (isnan(x)) return isnan(value);
    if (isinf(x) || x == low) return value == x && signbit(value) == signbit(x);
    double beyond = isinf(high) ? copysign(0x1p128, (double)x) : (double)high;
    double to_low = fabs((double)x - (double)low), to_high = fabs((double)x - beyond);
    bool take_low = to_low < to_high || (to_low == to_high && !(bits >> 16 & 1));
    return value == (take_low ? low : high);
}

static Status check_bf16(Device *d)
{
    static const uint32_t lower[LOWERS] = { 0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF };
    size_t bytes = (size_t)ROUNDED * LOWERS * sizeof(float);
    float *in = (float *)memory_new(1, bytes);
    uint32_t *out = (uint32_t *)memory_new(1, bytes);
    for (uint32_t i = 0; i < (uint32_t)ROUNDED * LOWERS; i++) {
        uint32_t bits = i / LOWERS << 16 | lower[i % LOWERS];
        memcpy(&in[i], &bits, sizeof bits);
    }
    Bench b = bench_open(d, in, bytes, bytes);
    RUN_CHECK(b, wrappers_bf16, 256, (const float *)b.in, (uint32_t *)b.out);
    Status status = bench_close(&b, out, bytes);
    for (int i = 0; status == STATUS_OK && i < ROUNDED * LOWERS; i++)
        if (out[i] > 0xFFFF || !is_nearest(in[i], out[i])) status = fail(STATUS_FAULT, "bf16_round, bf16_pair: %a became %08x", (double)in[i], out[i]);
    free(in);
    free(out);
    return status;
}

/* --- sums and maxima of a warp */

/* block 32, shared 0, registers 16. */
static __global__ void wrappers_reduce(const float *in, float *out)
{
    out[2 * threadIdx.x] = warp_sum(in[threadIdx.x]);
    out[2 * threadIdx.x + 1] = warp_max(in[threadIdx.x]);
}

static Status check_reduce(Device *d)
{
    float in[WARP], out[WARP][2], sum = 0, most = -INFINITY;
    for (int i = 0; i < WARP; i++) {
        in[i] = (float)(i * 7 % 32 - 40);
        sum += in[i];
        most = fmaxf(most, in[i]);
    }
    Bench b = bench_open(d, in, sizeof in, sizeof out);
    RUN_CHECK(b, wrappers_reduce, WARP, (const float *)b.in, (float *)b.out);
    TRY(bench_close(&b, out, sizeof out));
    for (int i = 0; i < WARP; i++)
        if (out[i][0] != sum || out[i][1] != most)
            return fail(STATUS_FAULT, "warp_sum, warp_max: lane %d has %g and %g, expected %g and %g", i, (double)out[i][0], (double)out[i][1], (double)sum,
                        (double)most);
    return STATUS_OK;
}

Status wrappers_check(Device *d)
{
    TRY(check_mma(d));
    TRY(check_ldsm(d));
    TRY(check_cp_async(d));
    TRY(check_bf16(d));
    TRY(check_reduce(d));
    return STATUS_OK;
}
