/* Causal attention over documents, a tile of QUERIES by KEYS of one head at a time, which stays in L2.
 *
 * Forward passes over the keys that a block of queries sees; of each query it keeps the largest score so far and the sum of the
 * exponentials beside it, and what y has gathered shrinks when a larger score comes (Milakov and Gimelshein, arXiv:1805.02867).
 * Backward makes the scores again from q, k and lse. A forward task is a document's head's block; a backward task is a piece of the keys of a document's
 * kv head, since dk and dv gather from all queries that see them. Where documents are so long that there are several pieces, each
 * gathers a dq of its own, and those are added in the order of the keys. Keys and values are read where they lie, strided by heads.
 * With a window, a block touches the keys from its first query's first one on: at most QUERIES - 1 more than the window.
 * delta_i = dy_i . y_i turns the softmax's gradient into dS = P (dP - delta), as in FlashAttention-2, arXiv:2307.08691. With dropout
 * dP = drop(dy v^T) and dv gathers by drop(P); delta stays, since sum_j drop(P)_ij (dy v^T)_ij = sum_j P_ij dP_ij. */
#include "kernels/cpu/cpu.h"

#include <math.h>
#include <string.h>

#include "kernels/cpu/matrix.h"
#include "kernels/cpu/vector.h"

enum {
    QUERIES = 128,
    KEYS = 256,
    PIECE = 512,         /* keys of a task of backward, at least */
    MOST_PIECES = 4,     /* of a document's keys */
};

typedef struct {
    const OpCall *c;
    const Instructions *isa;
    int head_dim, n_heads, n_kv, blocks, pieces;
    int64_t piece;                   /* keys */
    float scale, softcap;
    float *partial;                  /* dq of each piece [pieces, rows, cols], where there are several */
    float *room;
    int64_t room_floats;
} Attention;

static int64_t piece_keys(int64_t longest) { return greatest(PIECE, ceil_div(ceil_div(longest, MOST_PIECES), QUERIES) * QUERIES); }
static int64_t partial_floats(const OpCall *c) { return c->in[0].rows * c->in[0].cols; }

/* Of one worker: a tile of scores, and in backward one of their gradient. */
static int64_t room_floats(const OpCall *c, bool bwd)
{
    int64_t longest = c->args->attention.longest;
    return (bwd ? 2 : 1) * least(QUERIES, longest) * least(KEYS, longest);
}

size_t cpu_attention_scratch(const Backend *backend, const OpCall *c, bool bwd)
{
    int64_t longest = c->args->attention.longest, pieces = bwd ? ceil_div(longest, piece_keys(longest)) : 1;
    return (size_t)(pool_workers(backend->pool) * room_floats(c, bwd) + (pieces > 1 ? pieces * partial_floats(c) : 0)) * sizeof(float);
}

static Attention prepare(const Backend *backend, const OpCall *c, bool bwd)
{
    int64_t longest = c->args->attention.longest, piece = piece_keys(longest);
    Attention a = { .c = c, .isa = backend->isa, .head_dim = c->args->attention.head_dim,
                    .n_heads = c->args->attention.n_heads, .n_kv = c->args->attention.n_kv, .blocks = (int)ceil_div(longest, QUERIES),
                    .pieces = (int)ceil_div(longest, piece), .piece = piece, .scale = c->args->attention.scale, .softcap = c->args->attention.softcap,
                    .room = c->scratch, .room_floats = room_floats(c, bwd) };
    if (bwd && a.pieces > 1) {
        a.partial = a.room;
        a.room += a.pieces * partial_floats(c);
    }
    return a;
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

/* What of it concerns keys [begin, end) of the document, of which it sees some. */
static QueryBlock block_of_keys(QueryBlock b, int64_t begin, int64_t end)
{
    int64_t before = greatest(0, begin - b.unseen);
    b.n_keys = least(b.n_keys, end - b.unseen) - before;
    b.kv_row += before;
    b.diagonal -= before;
    b.unseen += before;
    return b;
}

/* The keys that query i sees, of those of the block. */
typedef struct { int64_t begin, n; } Seen;

static Seen seen_keys(const QueryBlock *b, int64_t i)
{
    int64_t own = b->diagonal + i + 1, begin = least(b->n_keys, greatest(0, own - b->window)), end = greatest(begin, least(b->n_keys, own));
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
    matmul_part(a->isa, GEMM_LOWER_C, b->diagonal, b->n, b->n_keys, a->head_dim, a->scale, AS_IS, at(a->c->in[0], b->q_row, b->q_col),
                TRANSPOSED, at(a->c->in[1], b->kv_row, b->kv_col), 0, s, b->n_keys);
}

/* Scores become e^(s - most). Returns their sum. */
static VECTOR_CLONES float exponentials(float *s, float most, int64_t n)
{
    float lane[LANES] = {0};
    for (int64_t i = 0; i < n; i++) s[i] = exp_f32(s[i] - most);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += s[i + j];
    for (; i < n; i++) lane[i % LANES] += s[i];
    return lanes_sum(lane);
}

static VECTOR_CLONES void shrink(float *y, float by, int64_t n)
{
    for (int64_t i = 0; i < n; i++) y[i] *= by;
}

/* What a query has met: its largest score, and the sum of e^(score - most). */
typedef struct { float most, sum; } Met;

/* Query i's row of a tile: scores become weights of v, and what y has gathered is brought to the new largest score. */
static void weigh(const Attention *a, const QueryBlock *b, int64_t i, float *row, Met *met, float *y)
{
    Seen seen = seen_keys(b, i);
    float *s = row + seen.begin;
    if (a->softcap > 0) cpu_softcap(s, a->softcap, seen.n);
    float most = fmaxf(met->most, largest(s, seen.n)), before = met->sum > 0 ? expf(met->most - most) : 0;
    if (met->sum > 0 && before != 1) shrink(y, before, a->head_dim);
    *met = (Met){ most, met->sum * before + exponentials(s, most, seen.n) };
    drop_seen(a, b, i, seen, row);
    zero_unseen(row, seen, b->n_keys);
}

static void fwd_block(const void *ctx, int task, int worker)
{
    const Attention *a = ctx;
    const Span *span = &a->c->args->attention.span[task / (a->blocks * a->n_heads)];
    int head = task / a->blocks % a->n_heads;
    int64_t first = (int64_t)(task % a->blocks) * QUERIES, y_cols = a->c->out[0].cols;
    if (first >= span->q_len) return;
    QueryBlock all = query_block(a, span, head, first);
    float *s = a->room + worker * a->room_floats, *y = a->c->out[0].data + all.q_row * y_cols + all.q_col;
    Met met[QUERIES];
    for (int64_t i = 0; i < all.n; i++) met[i] = (Met){ -INFINITY, 0 };
    for (int64_t key = all.unseen; key < all.unseen + all.n_keys; key += KEYS) {
        QueryBlock b = block_of_keys(all, key, key + KEYS);
        scores(a, &b, s);
        for (int64_t i = 0; i < b.n; i++) weigh(a, &b, i, s + i * b.n_keys, &met[i], y + i * y_cols);
        matmul_part(a->isa, GEMM_LOWER_A, b.diagonal, b.n, a->head_dim, b.n_keys, 1, AS_IS, (Block){ s, b.n_keys },
                    AS_IS, at(a->c->in[2], b.kv_row, b.kv_col), key > all.unseen ? 1 : 0, y, y_cols);
    }
    for (int64_t i = 0; i < all.n; i++) {
        shrink(y + i * y_cols, 1 / met[i].sum, a->head_dim);
        a->c->saved[0].data[(all.q_row + i) * a->n_heads + head] = met[i].most + logf(met[i].sum);
    }
}

void cpu_attention_fwd(const Backend *backend, const OpCall *c)
{
    Attention a = prepare(backend, c, false);
    pool_run(backend->pool, c->args->attention.n_spans * a.n_heads * a.blocks, fwd_block, &a);
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

/* Where a piece's dq goes: `beta` times what is there stays. */
typedef struct { float *data, beta; } QueryGradient;

static QueryGradient query_gradient(const Attention *a, int piece)
{
    if (!a->partial || !a->c->din[0].data) return (QueryGradient){ a->c->din[0].data, a->c->beta[0] };
    return (QueryGradient){ a->partial + piece * partial_floats(a->c), 0 };
}

static void bwd_block(const Attention *a, const QueryBlock *b, QueryGradient dq, float *p, float *dp)
{
    const OpCall *c = a->c;
    Tensor dk = c->din[1], dv = c->din[2];
    int64_t q_cols = c->in[0].cols;
    Block q = at(c->in[0], b->q_row, b->q_col), k = at(c->in[1], b->kv_row, b->kv_col), v = at(c->in[2], b->kv_row, b->kv_col);
    Block y = at(c->out[0], b->q_row, b->q_col), dy = at(c->dout[0], b->q_row, b->q_col);
    int64_t n = b->n, n_keys = b->n_keys, head_dim = a->head_dim;
    scores(a, b, p);
    matmul_part(a->isa, GEMM_LOWER_C, b->diagonal, n, n_keys, head_dim, 1, AS_IS, dy, TRANSPOSED, v, 0, dp, n_keys);
    for (int64_t i = 0; i < n; i++) {
        float lse = c->saved[0].data[(b->q_row + i) * a->n_heads + b->head], delta = cpu_dot(dy.data + i * dy.stride, y.data + i * y.stride, head_dim);
        bwd_query(a, b, i, lse, delta, p + i * n_keys, dp + i * n_keys);
    }
    if (dv.data)
        matmul_part(a->isa, GEMM_UPPER_A, b->diagonal, n_keys, head_dim, n, 1, TRANSPOSED, (Block){ p, n_keys }, AS_IS, dy, 1,
                    dv.data + b->kv_row * dv.cols + b->kv_col, dv.cols);
    if (dq.data)
        matmul_part(a->isa, GEMM_LOWER_A, b->diagonal, n, head_dim, n_keys, 1, AS_IS, (Block){ dp, n_keys }, AS_IS, k, dq.beta,
                    dq.data + b->q_row * q_cols + b->q_col, q_cols);
    if (dk.data)
        matmul_part(a->isa, GEMM_UPPER_A, b->diagonal, n_keys, head_dim, n, 1, TRANSPOSED, (Block){ dp, n_keys }, AS_IS, q, 1,
                    dk.data + b->kv_row * dk.cols + b->kv_col, dk.cols);
}

static void clear(Tensor t, int64_t row, int64_t n_rows, int64_t col, int64_t n_cols)
{
    for (int64_t r = row; t.data && r < row + n_rows; r++) memset(t.data + r * t.cols + col, 0, (size_t)n_cols * sizeof(float));
}

/* A block of queries on keys [begin, end), a tile at a time. */
static void bwd_queries(const Attention *a, QueryBlock all, int64_t begin, int64_t end, QueryGradient dq, float *p, float *dp)
{
    begin = greatest(begin, all.unseen);
    end = least(end, all.unseen + all.n_keys);
    for (int64_t key = begin; key < end; key += KEYS, dq.beta = 1) {
        QueryBlock b = block_of_keys(all, key, least(key + KEYS, end));
        bwd_block(a, &b, dq, p, dp);
    }
}

/* A piece of the keys of a document's kv head: all queries that see any of them. */
static void bwd_piece(const void *ctx, int task, int worker)
{
    const Attention *a = ctx;
    int piece = task % a->pieces, kv = task / a->pieces % a->n_kv, group = a->n_heads / a->n_kv;
    const Span *span = &a->c->args->attention.span[task / (a->pieces * a->n_kv)];
    int64_t begin = piece * a->piece, end = least(begin + a->piece, span->kv_len);
    float *p = a->room + worker * a->room_floats, *dp = p + a->room_floats / 2;
    for (int i = 1; i <= 2; i++)
        if (a->c->beta[i] == 0) clear(a->c->din[i], span->kv_start + begin, end - begin, (int64_t)kv * a->head_dim, a->head_dim);
    for (int head = kv * group; head < (kv + 1) * group; head++)
        for (int64_t first = 0; first < span->q_len; first += QUERIES)
            bwd_queries(a, query_block(a, span, head, first), begin, end, query_gradient(a, piece), p, dp);
}

/* dq of a document's block of queries, from the pieces whose keys any of them sees. */
static void sum_pieces(const void *ctx, int task, int worker)
{
    (void)worker;
    const Attention *a = ctx;
    const Span *span = &a->c->args->attention.span[task / a->blocks];
    int64_t first = (int64_t)(task % a->blocks) * QUERIES, cols = a->c->din[0].cols;
    if (first >= span->q_len) return;
    QueryBlock b = query_block(a, span, 0, first);
    float *dq = a->c->din[0].data + b.q_row * cols, beta = a->c->beta[0];
    for (int64_t piece = b.unseen / a->piece; piece * a->piece < b.unseen + b.n_keys; piece++, beta = 1)
        cpu_hand_over(a->partial + piece * partial_floats(a->c) + b.q_row * cols, b.n * cols, beta, dq);
}

void cpu_attention_bwd(const Backend *backend, const OpCall *c)
{
    Attention a = prepare(backend, c, true);
    pool_run(backend->pool, c->args->attention.n_spans * a.n_kv * a.pieces, bwd_piece, &a);
    if (a.partial && c->din[0].data) pool_run(backend->pool, c->args->attention.n_spans * a.blocks, sum_pieces, &a);
}
