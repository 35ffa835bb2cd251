/* Causal attention over documents, as FlashAttention-2, arXiv:2307.08691, cuts it, in float32: a block has a tile of queries of one head, keys pass by
 * in tiles, and no more of the scores is ever there. Backward makes them again from lse, in two kernels, so that nothing is added
 * by several blocks: one has a tile of keys of a kv head and gathers dk and dv from all queries of its heads, in order; the other has a
 * tile of queries and gathers dq.
 *
 * A block is a square of 16 x 16 threads. Of a tile of scores a thread has the rows `along` + 16 i and the columns `across` + 16 j, so that
 * a row belongs to half a warp; of a tile [rows, D] it has the same rows and the columns `across` + 16 j. Tiles lie in shared memory with
 * lines of D + 4 floats: sixteen threads that read four neighbours each from sixteen lines meet no bank twice.
 *
 * head_dim is filled up with zeros to the next D of 32, 64, 80, 96, 128, 256. */
#include "kernels/cuda/dropped.cuh"
#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/reduce.cuh"

enum { SIDE = 16, THREADS = SIDE * SIDE, PAD = 4, ROWS_OF_DELTA = 8 };

typedef struct {
    int     n_heads, n_kv, head_dim, window;
    float   scale, softcap;
    Dropout drop;
    int64_t q_cols, kv_cols;
} Attention;

template <int D> using Line = float[D + PAD];

/* Keys [begin, end) that any of the queries [first, first + n) of a span may see. */
typedef struct { int begin, end; } Range;

DEVICE int least(int a, int b) { return a < b ? a : b; }
DEVICE int own_key(Span s, int query) { return query + s.kv_len - s.q_len; }

DEVICE Range keys_of(Span s, int window, int first, int n)
{
    int begin = window ? own_key(s, first) + 1 - window : 0;
    return Range{ begin > 0 ? begin : 0, own_key(s, least(first + n, s.q_len)) };
}

/* Queries that may see any of the keys [first, first + n). */
DEVICE Range queries_of(Span s, int window, int first, int n)
{
    int before = s.kv_len - s.q_len, begin = first - before;
    return Range{ begin > 0 ? begin : 0, window ? least(s.q_len, first + n - 1 + window - before) : s.q_len };
}

DEVICE bool sees(Span s, int window, int query, int key)
{
    int own = own_key(s, query);
    return query < s.q_len && key <= own && (!window || key > own - window);
}

DEVICE float keep(Attention a, Span s, int head, int query, int key)
{
    if (a.drop.p <= 0) return 1;
    Dropout of_head = a.drop;
    of_head.key.site += (uint32_t)head;
    return dropped(of_head, (uint64_t)(s.q_start + query) * DROPOUT_KEYS + (uint64_t)key, 1.0f);
}

/* `n` rows of `head_dim` columns, the rest of the tile zeros. */
template <int D, int B> DEVICE void load(Line<D> *tile, const float *from, int64_t stride, int n, int head_dim)
{
    for (int i = (int)threadIdx.x; i < B * D; i += THREADS) {
        int row = i / D, col = i % D;
        tile[row][col] = row < n && col < head_dim ? from[row * stride + col] : 0.0f;
    }
}

/* s[i][j] = row i of `left` times row j of `right`. */
template <int D, int M> DEVICE void rows_by_rows(const Line<D> *left, const Line<D> *right, int along, int across, float (&s)[M][M])
{
    UNROLL
    for (int i = 0; i < M; i++)
        UNROLL
        for (int j = 0; j < M; j++) s[i][j] = 0;
    UNROLL
    for (int d = 0; d < D; d += 4) {
        float4 x[M], y[M];
        UNROLL
        for (int i = 0; i < M; i++) x[i] = load_4(left[along + SIDE * i] + d), y[i] = load_4(right[across + SIDE * i] + d);
        UNROLL
        for (int i = 0; i < M; i++)
            UNROLL
            for (int j = 0; j < M; j++) s[i][j] = fmaf(x[i].w, y[j].w, fmaf(x[i].z, y[j].z, fmaf(x[i].y, y[j].y, fmaf(x[i].x, y[j].x, s[i][j]))));
    }
}

/* sum += weights [rows, B] times values [B, D]; or the transpose of weights. */
template <int D, int B, bool TRANSPOSED, int M> DEVICE void gather(const Line<B> *weights, const Line<D> *values, int along, int across, float (&sum)[M][D / SIDE])
{
    UNROLL
    for (int k = 0; k < B; k++) {
        float w[M];
        UNROLL
        for (int i = 0; i < M; i++) w[i] = TRANSPOSED ? weights[k][along + SIDE * i] : weights[along + SIDE * i][k];
        UNROLL
        for (int j = 0; j < D / SIDE; j++) {
            float x = values[k][across + SIDE * j];
            UNROLL
            for (int i = 0; i < M; i++) sum[i][j] = fmaf(w[i], x, sum[i][j]);
        }
    }
}

/* A row of scores belongs to half a warp. */
DEVICE float row_sum(float x)
{
    for (int apart = SIDE / 2; apart; apart /= 2) x += __shfl_xor_sync(FULL_WARP, x, apart);
    return x;
}

DEVICE float row_max(float x)
{
    for (int apart = SIDE / 2; apart; apart /= 2) x = fmaxf(x, __shfl_xor_sync(FULL_WARP, x, apart));
    return x;
}

/* --- forward */

/* block 256, shared 0, registers 192. x walks over tiles of B queries of a span, y over heads, z over spans. Dynamic shared memory: tiles of queries,
 * of keys or values, of probabilities. */
template <int D, int B> static __global__ void __launch_bounds__(THREADS) attention_forward(const float *q, const float *k, const float *v, const Span *spans,
                                                                                            Attention a, float *lse, float *y)
{
    enum { M = B / SIDE };
    DYNAMIC_SHARED(float, room);
    Line<D> *queries = (Line<D> *)room, *keys = queries + B;
    Line<B> *p = (Line<B> *)(keys + B);
    Span span = spans[blockIdx.z];
    int first = (int)blockIdx.x * B, head = (int)blockIdx.y, across = (int)threadIdx.x % SIDE, along = (int)threadIdx.x / SIDE;
    if (first >= span.q_len) return;
    int64_t q_at = (int64_t)(span.q_start + first) * a.q_cols + head * a.head_dim, kv_col = (int64_t)(head / (a.n_heads / a.n_kv)) * a.head_dim;
    Range range = keys_of(span, a.window, first, B);
    float most[M], sum[M], out[M][D / SIDE] = {};
    for (int i = 0; i < M; i++) most[i] = -INFINITY, sum[i] = 0;
    load<D, B>(queries, q + q_at, a.q_cols, least(B, span.q_len - first), a.head_dim);
    for (int key = range.begin; key < range.end; key += B) {
        int64_t kv_at = (int64_t)(span.kv_start + key) * a.kv_cols + kv_col;
        float s[M][M];
        __syncthreads();
        load<D, B>(keys, k + kv_at, a.kv_cols, least(B, range.end - key), a.head_dim);
        __syncthreads();
        rows_by_rows<D>(queries, keys, along, across, s);
        UNROLL
        for (int i = 0; i < M; i++) {
            int query = first + along + SIDE * i;
            float now = most[i], added_up = 0;
            UNROLL
            for (int j = 0; j < M; j++) {
                float score = s[i][j] * a.scale;
                if (a.softcap > 0) score = a.softcap * tanhf(score / a.softcap);
                s[i][j] = sees(span, a.window, query, key + across + SIDE * j) ? score : -INFINITY;
                now = fmaxf(now, s[i][j]);
            }
            now = row_max(now);
            float base = now == -INFINITY ? 0 : now, shrink = expf(most[i] - base);
            UNROLL
            for (int j = 0; j < M; j++) {
                float e = expf(s[i][j] - base);
                added_up += e;
                p[along + SIDE * i][across + SIDE * j] = e * keep(a, span, head, query, key + across + SIDE * j);
            }
            most[i] = now;
            sum[i] = sum[i] * shrink + row_sum(added_up);
            UNROLL
            for (int j = 0; j < D / SIDE; j++) out[i][j] *= shrink;
        }
        __syncthreads();
        load<D, B>(keys, v + kv_at, a.kv_cols, least(B, range.end - key), a.head_dim);
        __syncthreads();
        gather<D, B, false>(p, keys, along, across, out);
    }
    UNROLL
    for (int i = 0; i < M; i++) {
        int row = along + SIDE * i;
        if (first + row >= span.q_len) continue;
        if (across == 0) lse[(int64_t)(span.q_start + first + row) * a.n_heads + head] = most[i] + logf(sum[i]);
        UNROLL
        for (int j = 0; j < D / SIDE; j++)
            if (across + SIDE * j < a.head_dim) y[q_at + row * a.q_cols + across + SIDE * j] = out[i][j] / sum[i];
    }
}

/* --- backward */

/* block 256, shared 0, registers 32. A warp has one head of one row: delta = dy . y. */
static __global__ void attention_delta(const float *dy, const float *y, int64_t n, int head_dim, float *delta)
{
    int64_t i = (int64_t)blockIdx.x * ROWS_OF_DELTA + threadIdx.x / WARP;
    float sum = 0;
    for (int d = (int)threadIdx.x % WARP; i < n && d < head_dim; d += WARP) sum = fmaf(dy[i * head_dim + d], y[i * head_dim + d], sum);
    sum = warp_sum(sum);
    if (i < n && threadIdx.x % WARP == 0) delta[i] = sum;
}

/* What a thread's scores of queries from `first` and keys from `key` become: what multiplied v, and the gradient of q k^T. */
template <int D, int M> DEVICE void score_gradients(Attention a, Span span, int head, int first, int key, const Line<D> *queries, const Line<D> *keys, const Line<D> *dy,
                                                    const Line<D> *values, const float *lse, const float *delta, int along, int across, float (&p)[M][M],
                                                    float (&ds)[M][M])
{
    rows_by_rows<D>(queries, keys, along, across, p);
    rows_by_rows<D>(dy, values, along, across, ds);
    UNROLL
    for (int i = 0; i < M; i++) {
        int query = first + along + SIDE * i;
        int64_t at = (int64_t)(span.q_start + query) * a.n_heads + head;
        float log_sum = query < span.q_len ? lse[at] : 0, mean = query < span.q_len ? delta[at] : 0;
        UNROLL
        for (int j = 0; j < M; j++) {
            int at_key = key + across + SIDE * j;
            float score = p[i][j] * a.scale, slope = a.scale, kept = keep(a, span, head, query, at_key);
            if (a.softcap > 0) {
                float t = tanhf(score / a.softcap);
                score = a.softcap * t;
                slope *= (1 - t) * (1 + t);
            }
            float probability = sees(span, a.window, query, at_key) ? expf(score - log_sum) : 0;
            p[i][j] = probability * kept;
            ds[i][j] = probability * (ds[i][j] * kept - mean) * slope;
        }
    }
}

template <int B, int M> DEVICE void put(Line<B> *tile, int along, int across, const float (&s)[M][M])
{
    UNROLL
    for (int i = 0; i < M; i++)
        UNROLL
        for (int j = 0; j < M; j++) tile[along + SIDE * i][across + SIDE * j] = s[i][j];
}

template <int D, int M> DEVICE void write(const float (&sum)[M][D / SIDE], int along, int across, int n, int head_dim, int64_t stride, float beta, float *to)
{
    UNROLL
    for (int i = 0; i < M; i++)
        UNROLL
        for (int j = 0; j < D / SIDE; j++) {
            int row = along + SIDE * i, col = across + SIDE * j;
            if (row < n && col < head_dim) to[row * stride + col] = added(to, row * stride + col, beta, sum[i][j]);
        }
}

/* block 256, shared 0, registers 208. x walks over tiles of B keys of a span, y over kv heads, z over spans. Dynamic shared memory: tiles of keys,
 * values, queries, dy, probabilities and their gradients. dk or dv NULL: not wanted. */
template <int D, int B> static __global__ void __launch_bounds__(THREADS, 1) attention_keys(const float *q, const float *k, const float *v, const float *dy, const float *lse,
                                                                                         const float *delta, const Span *spans, Attention a, float beta_k,
                                                                                         float beta_v, float *dk, float *dv)
{
    enum { M = B / SIDE };
    DYNAMIC_SHARED(float, room);
    Line<D> *keys = (Line<D> *)room, *values = keys + B, *queries = values + B, *gradients = queries + B;
    Line<B> *p_tile = (Line<B> *)(gradients + B), *ds_tile = p_tile + B;
    Span span = spans[blockIdx.z];
    int key = (int)blockIdx.x * B, kv = (int)blockIdx.y, group = a.n_heads / a.n_kv, across = (int)threadIdx.x % SIDE, along = (int)threadIdx.x / SIDE;
    if (key >= span.kv_len) return;
    int n_keys = least(B, span.kv_len - key);
    int64_t kv_at = (int64_t)(span.kv_start + key) * a.kv_cols + (int64_t)kv * a.head_dim;
    Range range = queries_of(span, a.window, key, B);
    float sum_k[M][D / SIDE] = {}, sum_v[M][D / SIDE] = {};
    load<D, B>(keys, k + kv_at, a.kv_cols, n_keys, a.head_dim);
    load<D, B>(values, v + kv_at, a.kv_cols, n_keys, a.head_dim);
    for (int head = kv * group; head < (kv + 1) * group; head++)
        for (int first = range.begin; first < range.end; first += B) {
            int64_t q_at = (int64_t)(span.q_start + first) * a.q_cols + (int64_t)head * a.head_dim;
            float p[M][M], ds[M][M];
            __syncthreads();
            load<D, B>(queries, q + q_at, a.q_cols, least(B, range.end - first), a.head_dim);
            load<D, B>(gradients, dy + q_at, a.q_cols, least(B, range.end - first), a.head_dim);
            __syncthreads();
            score_gradients<D>(a, span, head, first, key, queries, keys, gradients, values, lse, delta, along, across, p, ds);
            put<B>(p_tile, along, across, p);
            put<B>(ds_tile, along, across, ds);
            __syncthreads();
            if (dv) gather<D, B, true>(p_tile, gradients, along, across, sum_v);
            if (dk) gather<D, B, true>(ds_tile, queries, along, across, sum_k);
        }
    if (dv) write<D>(sum_v, along, across, n_keys, a.head_dim, a.kv_cols, beta_v, dv + kv_at);
    if (dk) write<D>(sum_k, along, across, n_keys, a.head_dim, a.kv_cols, beta_k, dk + kv_at);
}

/* block 256, shared 0, registers 208. x walks over tiles of B queries of a span, y over heads, z over spans. Dynamic shared memory as above, but for the
 * probabilities. */
template <int D, int B> static __global__ void __launch_bounds__(THREADS, 1) attention_queries(const float *q, const float *k, const float *v, const float *dy, const float *lse,
                                                                                            const float *delta, const Span *spans, Attention a, float beta, float *dq)
{
    enum { M = B / SIDE };
    DYNAMIC_SHARED(float, room);
    Line<D> *keys = (Line<D> *)room, *values = keys + B, *queries = values + B, *gradients = queries + B;
    Line<B> *ds_tile = (Line<B> *)(gradients + B);
    Span span = spans[blockIdx.z];
    int first = (int)blockIdx.x * B, head = (int)blockIdx.y, across = (int)threadIdx.x % SIDE, along = (int)threadIdx.x / SIDE;
    if (first >= span.q_len) return;
    int n = least(B, span.q_len - first);
    int64_t q_at = (int64_t)(span.q_start + first) * a.q_cols + (int64_t)head * a.head_dim, kv_col = (int64_t)(head / (a.n_heads / a.n_kv)) * a.head_dim;
    Range range = keys_of(span, a.window, first, B);
    float sum[M][D / SIDE] = {};
    load<D, B>(queries, q + q_at, a.q_cols, n, a.head_dim);
    load<D, B>(gradients, dy + q_at, a.q_cols, n, a.head_dim);
    for (int key = range.begin; key < range.end; key += B) {
        int64_t kv_at = (int64_t)(span.kv_start + key) * a.kv_cols + kv_col;
        float p[M][M], ds[M][M];
        __syncthreads();
        load<D, B>(keys, k + kv_at, a.kv_cols, least(B, range.end - key), a.head_dim);
        load<D, B>(values, v + kv_at, a.kv_cols, least(B, range.end - key), a.head_dim);
        __syncthreads();
        score_gradients<D>(a, span, head, first, key, queries, keys, gradients, values, lse, delta, along, across, p, ds);
        put<B>(ds_tile, along, across, ds);
        __syncthreads();
        gather<D, B, false>(ds_tile, keys, along, across, sum);
    }
    write<D>(sum, along, across, n, a.head_dim, a.q_cols, beta, dq + q_at);
}

/* --- launching */

static Attention attention_of(const OpCall *c)
{
    return Attention{ .n_heads = c->args->attention.n_heads, .n_kv = c->args->attention.n_kv, .head_dim = c->args->attention.head_dim,
                      .window = c->args->attention.window, .scale = c->args->attention.scale, .softcap = c->args->attention.softcap,
                      .drop = c->args->attention.drop, .q_cols = c->in[0].cols, .kv_cols = c->in[1].cols };
}

/* Tiles of B rows of the longest span, for each head and span. */
static dim3 tiles(const OpCall *c, int B, int n_heads)
{
    dim3 grid = blocks_for(c->args->attention.longest, B);
    grid.y = (unsigned)n_heads;
    grid.z = (unsigned)c->args->attention.n_spans;
    return grid;
}

template <int D> struct Forward {
    enum { B = D <= 128 ? 64 : 32, SHARED_BYTES = (2 * B * (D + PAD) + B * (B + PAD)) * (int)sizeof(float) };
    static void run(const Backend *b, const OpCall *c)
    {
        Attention a = attention_of(c);
        ALLOW_SHARED((attention_forward<D, B>), SHARED_BYTES);
        RUN(b, c, (attention_forward<D, B>), tiles(c, B, a.n_heads), THREADS, SHARED_BYTES, c->in[0].data, c->in[1].data, c->in[2].data,
            placed(b, c->args->attention.span), a, c->saved[0].data, c->out[0].data);
    }
};

template <int D> struct Backward {
    enum { B = D <= 128 ? 32 : 16, SHARED_BYTES = (4 * B * (D + PAD) + 2 * B * (B + PAD)) * (int)sizeof(float) };
    static void run(const Backend *b, const OpCall *c)
    {
        Attention a = attention_of(c);
        const float *delta = (const float *)c->scratch;
        float *dq = c->din[0].data, *dk = c->din[1].data, *dv = c->din[2].data;
        ALLOW_SHARED((attention_keys<D, B>), SHARED_BYTES);
        ALLOW_SHARED((attention_queries<D, B>), SHARED_BYTES);
        if (dk || dv)
            RUN(b, c, (attention_keys<D, B>), tiles(c, B, a.n_kv), THREADS, SHARED_BYTES, c->in[0].data, c->in[1].data, c->in[2].data, c->dout[0].data,
                c->saved[0].data, delta, placed(b, c->args->attention.span), a, c->beta[1], c->beta[2], dk, dv);
        if (dq)
            RUN(b, c, (attention_queries<D, B>), tiles(c, B, a.n_heads), THREADS, SHARED_BYTES, c->in[0].data, c->in[1].data, c->in[2].data, c->dout[0].data,
                c->saved[0].data, delta, placed(b, c->args->attention.span), a, c->beta[0], dq);
    }
};

template <template <int> class Pass> static void run_for_head_dim(const Backend *b, const OpCall *c)
{
    int head_dim = c->args->attention.head_dim;
    CHECK(head_dim <= 256, "heads of %d columns", head_dim);
    if (!c->args->attention.n_spans) return;
    if (head_dim <= 32) Pass<32>::run(b, c);
    else if (head_dim <= 64) Pass<64>::run(b, c);
    else if (head_dim <= 80) Pass<80>::run(b, c);
    else if (head_dim <= 96) Pass<96>::run(b, c);
    else if (head_dim <= 128) Pass<128>::run(b, c);
    else Pass<256>::run(b, c);
}

size_t cuda_attention_scratch(const Backend *, const OpCall *c, bool bwd)
{
    return bwd ? (size_t)(c->in[0].rows * c->args->attention.n_heads) * sizeof(float) : 0;
}

void cuda_attention_fwd(const Backend *b, const OpCall *c) { run_for_head_dim<Forward>(b, c); }

void cuda_attention_bwd(const Backend *b, const OpCall *c)
{
    int64_t n = c->in[0].rows * c->args->attention.n_heads;
    RUN(b, c, attention_delta, blocks_for(n, ROWS_OF_DELTA), ROWS_OF_DELTA * WARP, 0, c->dout[0].data, c->out[0].data, n, c->args->attention.head_dim,
        (float *)c->scratch);
    run_for_head_dim<Backward>(b, c);
}
