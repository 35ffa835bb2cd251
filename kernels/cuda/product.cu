#include "kernels/cuda/product.cuh"

#include "kernels/cuda/dropped.cuh"
#include "kernels/cuda/elementwise.cuh"

enum {
    SIDE = 16,            /* a block's threads stand in a square */
    THREADS = SIDE * SIDE,
    PAD = 4,              /* floats between lines of a tile: columns of it lie in different banks, and lines stay aligned to 16 bytes */
    PIECE = 256,          /* of k, at least */
    MOST_PIECES = 32,
    THIN = 16, MIDDLE = 64, WIDE = 128,      /* sides of tiles */
};

typedef struct {
    int64_t m, n, k, piece;               /* piece: of k, for each block in z */
    int64_t a_line, a_step, b_line, b_step;   /* floats from one m, n to the next, and from one k to the next */
    float   alpha, beta;
    int64_t c_stride;
    DropWhere where;
    Dropout drop;
    bool    share;                        /* c is [pieces, m, n] and takes bare sums */
} Shape;

/* One thread's elements of a tile [STEP, SIZE] of an operand: neighbours read neighbours in memory, whichever way it lies. */
template <int SIZE, int STEP> struct Part {
    enum { EACH = SIZE * STEP / THREADS };
    int line, step, next_line, next_step;
    float value[EACH];
};

template <int SIZE, int STEP> DEVICE Part<SIZE, STEP> part_of(bool steps_are_neighbours)
{
    Part<SIZE, STEP> p;
    int i = (int)threadIdx.x;
    p.line = steps_are_neighbours ? i / STEP : i % SIZE;
    p.step = steps_are_neighbours ? i % STEP : i / SIZE;
    p.next_line = steps_are_neighbours ? THREADS / STEP : 0;
    p.next_step = steps_are_neighbours ? 0 : THREADS / SIZE;
    return p;
}

/* Reads it from memory, with zeros where the operand has ended. */
template <bool DROP, int SIZE, int STEP> DEVICE void take(Part<SIZE, STEP> &p, const float *from, int64_t line_floats, int64_t step_floats, int64_t line, int64_t lines,
                                                          int64_t step, int64_t steps, Dropout drop)
{
    UNROLL
    for (int e = 0; e < p.EACH; e++) {
        int64_t at_line = line + p.line + e * p.next_line, at_step = step + p.step + e * p.next_step, at = at_line * line_floats + at_step * step_floats;
        bool there = at_line < lines && at_step < steps;
        p.value[e] = there ? from[at] : 0.0f;
        if (DROP && there && drop.p > 0) p.value[e] = dropped(drop, (uint64_t)at, p.value[e]);
    }
}

template <int SIZE, int STEP> DEVICE void put(const Part<SIZE, STEP> &p, float (*tile)[SIZE + PAD])
{
    UNROLL
    for (int e = 0; e < p.EACH; e++) tile[p.step + e * p.next_step][p.line + e * p.next_line] = p.value[e];
}

/* Which lines of a tile a thread of place `i` in a row or column of the square has: groups of four neighbours, or single ones. */
template <int SIZE> DEVICE int line_of(int i, int e) { return SIZE >= 4 * SIDE ? e / 4 * (4 * SIDE) + 4 * i + e % 4 : i + SIDE * e; }

template <int SIZE> DEVICE void read_lines(const float *lines, int i, float *value)
{
    if constexpr (SIZE >= 4 * SIDE) {
        UNROLL
        for (int e = 0; e < SIZE / SIDE; e += 4) {
            float4 four = load_4(lines + line_of<SIZE>(i, e));
            value[e] = four.x, value[e + 1] = four.y, value[e + 2] = four.z, value[e + 3] = four.w;
        }
    } else value[0] = lines[i];
}

DEVICE float finished(float sum, float alpha, const float *bias, float beta, const float *c, int64_t at, int64_t col, bool drop_it, Dropout drop)
{
    float value = alpha * sum;
    if (drop_it) value = dropped(drop, (uint64_t)at, value);
    if (bias) value += bias[col];
    return added(c, at, beta, value);
}

/* block 256, shared 19456, registers 248. A block has a tile of C and a piece of k, x walks over tiles, down first, z over pieces; a thread
 * has ROWS / 16 x COLS / 16 elements. While a step of k is multiplied, the next is under way from memory to registers. */
template <int ROWS, int COLS, int STEP, bool DROP>
static __global__ void __launch_bounds__(THREADS) product_tile(const float *a, const float *b, const float *bias, Shape s, float *c)
{
    SHARED(float, a_tile, [2][STEP][ROWS + PAD]);
    SHARED(float, b_tile, [2][STEP][COLS + PAD]);
    int64_t down = (s.m + ROWS - 1) / ROWS, row = blockIdx.x % down * ROWS, col = blockIdx.x / down * COLS;
    int64_t begin = blockIdx.z * s.piece, end = begin + s.piece < s.k ? begin + s.piece : s.k;
    int across = (int)threadIdx.x % SIDE, along = (int)threadIdx.x / SIDE;
    Dropout drop_a = s.drop, drop_b = s.drop;
    drop_a.p = s.where == DROP_A ? s.drop.p : 0;
    drop_b.p = s.where == DROP_B ? s.drop.p : 0;
    Part<ROWS, STEP> from_a = part_of<ROWS, STEP>(s.a_step == 1);
    Part<COLS, STEP> from_b = part_of<COLS, STEP>(s.b_step == 1);
    float sum[ROWS / SIDE][COLS / SIDE] = {};
    take<DROP>(from_a, a, s.a_line, s.a_step, row, s.m, begin, end, drop_a);
    take<DROP>(from_b, b, s.b_line, s.b_step, col, s.n, begin, end, drop_b);
    put(from_a, a_tile[0]);
    put(from_b, b_tile[0]);
    __syncthreads();
    int half = 0;
    for (int64_t step = begin; step < end; step += STEP, half ^= 1) {
        bool more = step + STEP < end;
        if (more) {
            take<DROP>(from_a, a, s.a_line, s.a_step, row, s.m, step + STEP, end, drop_a);
            take<DROP>(from_b, b, s.b_line, s.b_step, col, s.n, step + STEP, end, drop_b);
        }
        UNROLL
        for (int k = 0; k < STEP; k++) {
            float left[ROWS / SIDE], right[COLS / SIDE];
            read_lines<ROWS>(a_tile[half][k], along, left);
            read_lines<COLS>(b_tile[half][k], across, right);
            UNROLL
            for (int i = 0; i < ROWS / SIDE; i++)
                UNROLL
                for (int j = 0; j < COLS / SIDE; j++) sum[i][j] = fmaf(left[i], right[j], sum[i][j]);
        }
        if (more) {
            put(from_a, a_tile[half ^ 1]);
            put(from_b, b_tile[half ^ 1]);
        }
        __syncthreads();
    }
    UNROLL
    for (int i = 0; i < ROWS / SIDE; i++)
        UNROLL
        for (int j = 0; j < COLS / SIDE; j++) {
            int64_t r = row + line_of<ROWS>(along, i), q = col + line_of<COLS>(across, j), at = r * s.c_stride + q;
            if (r >= s.m || q >= s.n) continue;
            if (s.share) c[(blockIdx.z * s.m + r) * s.n + q] = sum[i][j];
            else c[at] = finished(sum[i][j], s.alpha, bias, s.beta, c, at, q, DROP && s.where == DROP_C, s.drop);
        }
}

/* block 256, shared 0, registers 48. A thread has one element of C. */
static __global__ void product_sum(const float *shares, const float *bias, Shape s, int64_t pieces, float *c)
{
    int64_t i = grid_thread(), row = i / s.n, col = i % s.n;
    if (row >= s.m) return;
    float sum = 0;
    for (int64_t p = 0; p < pieces; p++) sum += shares[p * s.m * s.n + i];
    int64_t at = row * s.c_stride + col;
    c[at] = finished(sum, s.alpha, bias, s.beta, c, at, col, s.where == DROP_C && s.drop.p > 0, s.drop);
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t pieces_of(int64_t k)
{
    int64_t pieces = k ? ceil_div(k, PIECE) : 1, most = MOST_PIECES;
    return pieces < most ? pieces : most;
}

int64_t product_share_floats(int64_t m, int64_t n, int64_t k) { return pieces_of(k) > 1 ? pieces_of(k) * m * n : 0; }

static Shape shape_of(const Product *p, int64_t pieces)
{
    return Shape{ .m = p->m, .n = p->n, .k = p->k, .piece = ceil_div(ceil_div(p->k, pieces), SIDE) * SIDE, .a_line = p->a.transposed ? 1 : p->a.stride,
                  .a_step = p->a.transposed ? p->a.stride : 1, .b_line = p->b.transposed ? p->b.stride : 1, .b_step = p->b.transposed ? 1 : p->b.stride,
                  .alpha = p->alpha, .beta = p->beta, .c_stride = p->c_stride, .where = p->where, .drop = p->drop, .share = pieces > 1 };
}

template <int ROWS, int COLS, int STEP> static void run_tiles(const Backend *b, const OpCall *call, const Product *p, const Shape &s, int64_t pieces)
{
    dim3 grid = blocks_for(ceil_div(p->m, ROWS) * ceil_div(p->n, COLS), 1);
    float *c = pieces > 1 ? p->shares : p->c;
    grid.z = (unsigned)pieces;
    if (p->where != DROP_NOTHING && p->drop.p > 0)
        RUN(b, call, (product_tile<ROWS, COLS, STEP, true>), grid, THREADS, 0, p->a.data, p->b.data, p->bias, s, c);
    else RUN(b, call, (product_tile<ROWS, COLS, STEP, false>), grid, THREADS, 0, p->a.data, p->b.data, p->bias, s, c);
}

void product(const Backend *b, const OpCall *call, const Product *p)
{
    int64_t pieces = p->shares ? pieces_of(p->k) : 1;
    Shape s = shape_of(p, pieces);
    if (!p->m || !p->n) return;
    if (p->n <= THIN) run_tiles<WIDE, THIN, 16>(b, call, p, s, pieces);
    else if (p->m <= THIN) run_tiles<THIN, WIDE, 16>(b, call, p, s, pieces);
    else if (p->m <= 2 * WIDE || p->n <= 2 * WIDE) run_tiles<MIDDLE, MIDDLE, 16>(b, call, p, s, pieces);
    else run_tiles<WIDE, WIDE, 8>(b, call, p, s, pieces);
    if (pieces > 1) RUN(b, call, product_sum, blocks_for(p->m * p->n, ELEMENTWISE), ELEMENTWISE, 0, p->shares, p->bias, s, pieces, p->c);
}
