/* Causal attention over documents, a block of queries of one head at a time.
 *
 * Forward: scores of the block against all keys it may see, softmax in place, product with v. Backward makes the scores
 * again from q, k and lse. A forward task is a document's head's block; a backward task is a document's kv head, since dk
 * and dv gather from all its queries. Keys and values are read where they lie, strided by heads.
 * With a window, a block touches the keys from its first query's first one on: at most QUERIES - 1 more than the window.
 * delta_i = dy_i . y_i turns the softmax's gradient into dS = P (dP - delta), as in FlashAttention-2, arXiv:2307.08691. With dropout
 * dP = drop(dy v^T) and dv gathers by drop(P); delta stays, since sum_j drop(P)_ij (dy v^T)_ij = sum_j P_ij dP_ij. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

enum { QUERIES = 128 };

typedef struct {
    const OpCall *c;
    int head_dim, n_heads, n_kv, blocks;
    float scale, softcap;
    float *room;
    int64_t room_floats;
} Attention;

static int64_t room_floats(const OpCall *c, bool bwd)
{
    int64_t longest = c->args->attention.longest, window = c->args->attention.window, n = least(QUERIES, longest);
    int64_t square = n * (window ? least(longest, window + n - 1) : longest);
    return bwd ? 2 * square : square;
}

size_t cpu_attention_scratch(const Backend *backend, const OpCall *c, bool bwd)
{
    return (size_t)(pool_workers(backend->pool) * room_floats(c, bwd)) * sizeof(float);
}

static Attention prepare(const OpCall *c, bool bwd)
{
    return (Attention){ .c = c, .head_dim = c->args->attention.head_dim, .n_heads = c->args->attention.n_heads, .n_kv = c->args->attention.n_kv,
                        .blocks = (int)ceil_div(c->args->attention.longest, QUERIES), .scale = c->args->attention.scale,
                        .softcap = c->args->attention.softcap, .room = c->scratch, .room_floats = room_floats(c, bwd) };
}

/* A block of one head: queries [first, first + n) of a span and the `n_keys` keys that any of them sees; query i's own is
 * key `diagonal` + i, the last of the `window` that it sees. Before these keys stand `unseen` of the document. */
typedef struct { int64_t q_row, kv_row, n, n_keys, q_col, kv_col, diagonal, window, unseen; int head; } QueryBlock;

static QueryBlock query_block(const Attention *a, const Span *span, int head, int64_t first)
{
    int64_t n = least(QUERIES, span->q_len - first), window = a->c->args->attention.window ? a->c->args->attention.window : span->kv_len;
    int64_t own = first + span->kv_len - span->q_len, unseen = greatest(0, own + 1 - window), diagonal = own - unseen;
    return (QueryBlock){ .q_row = span->q_start + first, .kv_row = span->kv_start + unseen, .n = n, .n_keys = diagonal + n, .diagonal = diagonal,
                         .window = window, .unseen = unseen, .head = head, .q_col = (int64_t)head * a->head_dim,
                         .kv_col = (int64_t)(head / (a->n_heads / a->n_kv)) * a->head_dim };
}

/* The keys that query i sees. */
typedef struct { int64_t begin, n; } Seen;

static Seen seen_keys(const QueryBlock *b, int64_t i)
{
    int64_t end = b->diagonal + i + 1, begin = greatest(0, end - b->window);
    return (Seen){ begin, end - begin };
}

static void zero_unseen(float *row, Seen seen, int64_t n_keys)
{
    int64_t end = seen.begin + seen.n;
    memset(row, 0, (size_t)seen.begin * sizeof *row);
    memset(row + end, 0, (size_t)(n_keys - end) * sizeof *row);
}

/* Dropout on query i's row, at the keys that it sees. */
static void drop_seen(const Attention *a, const QueryBlock *b, int64_t i, Seen seen, float *row)
{
    Dropout drop = a->c->args->attention.drop;
    if (drop.p <= 0) return;
    drop.key.site += (uint32_t)b->head;
    uint64_t first = (uint64_t)((b->q_row + i) * DROPOUT_KEYS + b->unseen + seen.begin);
    cpu_drop_block(drop, row + seen.begin, 0, 1, seen.n, first, 0, row + seen.begin, 0);
}

static Block at(Tensor t, int64_t row, int64_t col) { return (Block){ t.data + row * t.cols + col, t.cols }; }

static void scores(const Attention *a, const QueryBlock *b, float *s)
{
    matmul_part(GEMM_LOWER_C, b->diagonal, b->n, b->n_keys, a->head_dim, a->scale, AS_IS, at(a->c->in[0], b->q_row, b->q_col),
                TRANSPOSED, at(a->c->in[1], b->kv_row, b->kv_col), 0, s, b->n_keys);
}

/* Scores become probabilities. Returns the log of the sum of exponentials. */
static VECTOR_CLONES float softmax(float *s, int64_t n)
{
    float lane[LANES], most = largest(s, n);
    for (int64_t i = 0; i < n; i++) s[i] = exp_f32(s[i] - most);
    memset(lane, 0, sizeof lane);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += s[i + j];
    for (; i < n; i++) lane[i % LANES] += s[i];
    float sum = lanes_sum(lane), inverse = 1.0f / sum;
    for (i = 0; i < n; i++) s[i] *= inverse;
    return most + logf(sum);
}

static void fwd_block(const void *ctx, int task, int worker)
{
    const Attention *a = ctx;
    const Span *span = &a->c->args->attention.span[task / (a->blocks * a->n_heads)];
    int head = task / a->blocks % a->n_heads;
    int64_t first = (int64_t)(task % a->blocks) * QUERIES;
    if (first >= span->q_len) return;
    QueryBlock b = query_block(a, span, head, first);
    float *s = a->room + worker * a->room_floats;
    scores(a, &b, s);
    for (int64_t i = 0; i < b.n; i++) {
        Seen seen = seen_keys(&b, i);
        float *row = s + i * b.n_keys;
        if (a->softcap > 0) cpu_softcap(row + seen.begin, a->softcap, seen.n);
        a->c->saved[0].data[(b.q_row + i) * a->n_heads + head] = softmax(row + seen.begin, seen.n);
        drop_seen(a, &b, i, seen, row);
        zero_unseen(row, seen, b.n_keys);
    }
    matmul_part(GEMM_LOWER_A, b.diagonal, b.n, a->head_dim, b.n_keys, 1, AS_IS, (Block){ s, b.n_keys },
                AS_IS, at(a->c->in[2], b.kv_row, b.kv_col), 0, a->c->out[0].data + b.q_row * a->c->out[0].cols + b.q_col, a->c->out[0].cols);
}

void cpu_attention_fwd(const Backend *backend, const OpCall *c)
{
    Attention a = prepare(c, false);
    pool_run(backend->pool, c->args->attention.n_spans * a.n_heads * a.blocks, fwd_block, &a);
}

static VECTOR_CLONES float dot(const float *x, const float *y, int64_t n)
{
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += x[i + j] * y[i + j];
    for (; i < n; i++) lane[i % LANES] += x[i] * y[i];
    return lanes_sum(lane);
}

/* dp loses delta and takes the slope of the cap on the scores s. */
static VECTOR_CLONES void cap_gradient(const float *s, float softcap, float delta, int64_t n, float *dp)
{
    for (int64_t i = 0; i < n; i++) dp[i] = (dp[i] - delta) * softcap_slope(s[i], softcap);
}

/* s: scores to probabilities. */
static VECTOR_CLONES void probabilities(float *s, float lse, int64_t n)
{
    for (int64_t i = 0; i < n; i++) s[i] = exp_f32(s[i] - lse);
}

/* dp becomes the gradient of q k^T. */
static VECTOR_CLONES void score_gradient(const float *p, float delta, float scale, int64_t n, float *dp)
{
    for (int64_t i = 0; i < n; i++) dp[i] = p[i] * (dp[i] - delta) * scale;
}

/* One query: scores become what multiplied v, and dp, the gradient of that, the gradient of q k^T. */
static void bwd_query(const Attention *a, const QueryBlock *b, int64_t i, float lse, float delta, float *p, float *dp)
{
    Seen seen = seen_keys(b, i);
    float *to = p + seen.begin, *gradient = dp + seen.begin;
    bool capped = a->softcap > 0;
    drop_seen(a, b, i, seen, dp);
    if (capped) {
        cpu_softcap(to, a->softcap, seen.n);
        cap_gradient(to, a->softcap, delta, seen.n, gradient);
    }
    probabilities(to, lse, seen.n);
    score_gradient(to, capped ? 0 : delta, a->scale, seen.n, gradient);
    drop_seen(a, b, i, seen, p);
    zero_unseen(p, seen, b->n_keys);
    zero_unseen(dp, seen, b->n_keys);
}

static void bwd_block(const Attention *a, const QueryBlock *b, float *p, float *dp)
{
    const OpCall *c = a->c;
    Tensor dq = c->din[0], dk = c->din[1], dv = c->din[2];
    Block q = at(c->in[0], b->q_row, b->q_col), k = at(c->in[1], b->kv_row, b->kv_col), v = at(c->in[2], b->kv_row, b->kv_col);
    Block y = at(c->out[0], b->q_row, b->q_col), dy = at(c->dout[0], b->q_row, b->q_col);
    int64_t n = b->n, n_keys = b->n_keys, head_dim = a->head_dim;
    scores(a, b, p);
    matmul_part(GEMM_LOWER_C, b->diagonal, n, n_keys, head_dim, 1, AS_IS, dy, TRANSPOSED, v, 0, dp, n_keys);
    for (int64_t i = 0; i < n; i++) {
        float lse = c->saved[0].data[(b->q_row + i) * a->n_heads + b->head], delta = dot(dy.data + i * dy.stride, y.data + i * y.stride, head_dim);
        bwd_query(a, b, i, lse, delta, p + i * n_keys, dp + i * n_keys);
    }
    if (dv.data)
        matmul_part(GEMM_UPPER_A, b->diagonal, n_keys, head_dim, n, 1, TRANSPOSED, (Block){ p, n_keys }, AS_IS, dy, 1,
                    dv.data + b->kv_row * dv.cols + b->kv_col, dv.cols);
    if (dq.data)
        matmul_part(GEMM_LOWER_A, b->diagonal, n, head_dim, n_keys, 1, AS_IS, (Block){ dp, n_keys }, AS_IS, k, c->beta[0],
                    dq.data + b->q_row * dq.cols + b->q_col, dq.cols);
    if (dk.data)
        matmul_part(GEMM_UPPER_A, b->diagonal, n_keys, head_dim, n, 1, TRANSPOSED, (Block){ dp, n_keys }, AS_IS, q, 1,
                    dk.data + b->kv_row * dk.cols + b->kv_col, dk.cols);
}

static void clear(Tensor t, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols)
{
    for (int64_t r = row; t.data && r < row + n_rows; r++) memset(t.data + r * t.cols + col, 0, (size_t)n_cols * sizeof(float));
}

static void bwd_head(const void *ctx, int task, int worker)
{
    const Attention *a = ctx;
    const Span *span = &a->c->args->attention.span[task / a->n_kv];
    int kv = task % a->n_kv, group = a->n_heads / a->n_kv;
    float *p = a->room + worker * a->room_floats, *dp = p + a->room_floats / 2;
    for (int i = 1; i <= 2; i++)
        if (a->c->beta[i] == 0) clear(a->c->din[i], span->kv_start, span->kv_len, (int64_t)kv * a->head_dim, a->head_dim);
    for (int head = kv * group; head < (kv + 1) * group; head++)
        for (int64_t first = 0; first < span->q_len; first += QUERIES) {
            QueryBlock b = query_block(a, span, head, first);
            bwd_block(a, &b, p, dp);
        }
}

void cpu_attention_bwd(const Backend *backend, const OpCall *c)
{
    Attention a = prepare(c, true);
    pool_run(backend->pool, c->args->attention.n_spans * a.n_kv, bwd_head, &a);
}
