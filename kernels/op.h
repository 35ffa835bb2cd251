/* Every operation, declared once.
 *
 * A row of `op_rows` (op.c) says what the tape and the layout must know about an operation; a backend fills one forward
 * and one backward slot per row (backend.h). Models, adapters and objectives call the wrappers at the end of tape.h.
 *
 * Activations are float32 [rows, cols] with contiguous rows and no batch axis: a row is a token.
 *
 * THE GRADIENT RULE, for the whole project
 *   parameter       backward always adds (beta = 1); the optimizer's owner zeroes.
 *   activation      beta[i] = 0: overwrite (what was there is garbage), beta[i] = 1: add. The tape decides, in reverse
 *                   order of recording. A kernel honours beta and never asks why.
 *   din[i].data NULL     not wanted: neither computed nor stored.
 *   dout[i].data NULL    nobody used that output: read it as zero.
 *   out[i].data NULL     nobody will read that output: do not compute it.
 *   saved[i]             is there whenever the call is made: a kernel may use it as an intermediate.
 *   in[i].data, out[i].data NULL in backward    the row's `reads` did not name it.
 *   Any subset of gradients may be wanted: the lowest operation with a trainable input gets odd ones.
 *   Inputs of one call are distinct Vars; the tape CHECKs it.
 * Shapes, reads, scratch and flops depend on sizes and on arguments that the recipe fixes, never on a pointer being NULL:
 * while the layout measures, every address is NULL. No size but 0 <= n is assumed: a micro-batch may have no scored row.
 *
 * THE ALIAS RULE. A kernel accepts the aliases its row allows (out_over, din_over_dout, din_over_saved) and no others, between
 * tensors of one size only. Whether one happens is the layout's business; a kernel sees it as equal pointers. With several
 * gradients, the one that may lie on dy is written last. */
#ifndef KERNELS_OP_H
#define KERNELS_OP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/dtype.h"
#include "kernels/philox.h"

enum { OP_MAX_IN = 9, OP_MAX_OUT = 3, OP_MAX_SAVED = 4, OP_MAX_TERMS = 4 };

typedef struct { float *data; int64_t rows, cols; } Tensor;          /* a view; owns nothing */

/* In which order a matrix's rows are stored: GGUF's converters reorder those of H heads, D to a head. */
typedef enum {
    ROWS_IN_ORDER,
    ROWS_PAIRED,         /* the halves of a head interleaved: row h*D + half*D/2 + i stands at h*D + 2i + half */
    ROWS_SPLIT,          /* q, k and v of each head, kept as all q, all k, all v: row (3h + part)*D + i stands at (part*H + h)*D + i */
} RowOrder;

/* A frozen matrix [rows, cols] in the dtype it was stored in. Only a backend looks at the bytes. */
typedef struct { const char *name; Dtype dtype; const void *bytes; int64_t rows, cols; RowOrder order; int32_t heads; } Weight;

int64_t weight_stored_row(const Weight *, int64_t row);

/* Where row `row` of `rows` stands. */
ON_HOST_AND_DEVICE int64_t row_stored(RowOrder order, int64_t rows, int64_t heads, int64_t row)
{
    if (order == ROWS_IN_ORDER) return row;
    int64_t parts = order == ROWS_SPLIT ? 3 : 1, d = rows / (parts * heads), head = row / d, i = row % d;
    if (order == ROWS_SPLIT) return (head % 3 * heads + head / 3) * d + i;
    return head * d + 2 * (i % (d / 2)) + i / (d / 2);
}

/* One document, or its newest piece: `q_len` query rows see key rows from `kv_start` on, `kv_len` of them.
 * Causal: query i sees key j iff j <= i + kv_len - q_len. Packing: kv == q. Cache, prefix: kv_len > q_len.
 * The spans of a call tile its query rows: every row is in exactly one. Where gradients are wanted they tile the key rows too. */
typedef struct { int32_t q_start, q_len, kv_start, kv_len; } Span;

/* Dropout of one site: element e = row * cols + col is zero iff philox_unit(word e) < p, others times 1 / (1 - p).
 * Attention's probability of head h, query row i and key j of its document is element i * DROPOUT_KEYS + j of site + h, whatever the
 * batch beside it. Where there are more keys, far masks are equal.
 * Made again in backward, never stored. p = 0: none. */
typedef struct { float p; PhiloxKey key; } Dropout;
enum { DROPOUT_KEYS = 1 << 17 };

/* silu x sigmoid(x);  gelu x Phi(x), or with tanh, arXiv:1606.08415: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2;
 * relu max(x, 0), whose slope at 0 is 0;  relu2 its square, arXiv:2109.08668. */
typedef enum { ACT_SILU, ACT_GELU, ACT_GELU_TANH, ACT_RELU, ACT_RELU2 } Act;

typedef enum {
    /* y = W[ids]                       y [n, C]  W [V, C] frozen.  bwd: none. */
    OP_EMBEDDING,
    /* y = x + U(-m, m)                 NEFTune, arXiv:2310.05914; noise is a function of (key, element).  y may take x's
     * place.  bwd: dx = dy, may take its place. */
    OP_NOISE,
    /* y = drop(x)                      arXiv:1207.0580; y may take x's place.  bwd: dx = drop(dy), reads nothing, may take dy's place. */
    OP_DROPOUT,
    /* y = (x - mean) rstd (offset + w) + b     x, y [rows, C] in groups of `width` columns (0: one of all), each with its own
     * mean and rstd = 1 / sqrt(variance + eps); saved rstd [rows, groups], where centered also mean [rows, groups].
     * `center`: LayerNorm, arXiv:1607.06450, variance over n. Else RMSNorm, arXiv:1910.07467: mean 0, variance mean(x^2).
     * w, b [width] for all groups, or [C] where they are `each` group's own; b NULL: none. Frozen in args, or in[1], in[2] [1, n].
     * (x - mean) rstd is rounded before the product, offset + w too.  light.  dx reads x, w;  dw reads x. */
    OP_NORM,
    /* y = x W^T + b + sum_k s_k (drop_k(x) A_k^T) B_k^T     x [rows, in]  W [out, in], b [out] frozen  A_k [r_k, in]  B_k [out, r_k]
     * LoRA, arXiv:2106.09685.  in: x, A_1, B_1, A_2, B_2, …   saved xa_k [rows, r_k] = drop_k(x) A_k^T, unscaled.
     * bwd  dxa_k = s_k dy B_k (scratch)   dB_k = s_k dy^T xa_k   dA_k = dxa_k^T drop_k(x)   dx = dy W + sum_k drop'_k(dxa_k A_k),
     *      each beside beta times what was there: A and B may be values that other operations made.
     * x is read by bwd only where some dA is wanted: a bare linear, or one with frozen terms, keeps nothing alive. */
    OP_LINEAR,
    /* (a, b) -> (a cos - b sin, b cos + a sin)     x, y [rows, heads * D]; y may take x's place.  arXiv:2104.09864.
     * Of each head the first `rotary_dim` columns turn, the others pass. A pair is (i, i + rotary_dim / 2), as in transformers'
     * llama, or, `interleaved`, (2i, 2i + 1); tables [positions, rotary_dim / 2] by position carry yarn's attention factor.
     * bwd: rotation by the negative angle, reads nothing, dx may take dy's place. */
    OP_ROPE,
    /* y = softmax(scale q k^T + causal mask) v     q, y [rows, H * D]  k, v [kv rows, KV * D]  saved lse [rows, H]
     * over spans; head h reads kv head h * KV / H; scores live in scratch, a block of queries at a time.
     * window w > 0: a query whose own key is i' sees key j iff i' - w < j <= i'; work goes by the window, not by the document.
     * softcap c > 0: scores become c tanh(scale q k^T / c) before the mask (Gemma 2, arXiv:2408.00118).
     * drop: of the probabilities, so y = drop(softmax(…)) v.
     * bwd reads q, k, v, y, lse. */
    OP_ATTENTION,
    /* y = act(g) * u                   g, u, y [rows, I], or one x [rows, 2 I] that holds g in its first columns, u behind.
     * arXiv:2002.05202.  light.  bwd reads what came in; dg may take dy's place. */
    OP_GATE,
    /* y = act(x)                       light.  bwd reads x; dx may take dy's place. */
    OP_ACT,
    /* y = a + s b                      y may take a's or b's place; bwd: da may take dy's place, db = s dy. */
    OP_ADD,
    /* y = s x                          y may take x's place; bwd: dx may take dy's place. */
    OP_SCALE,
    /* y = c tanh(x / c)                logits of Gemma 2, arXiv:2408.00118; y may take x's place. Not differentiable: generation. */
    OP_SOFTCAP,
    /* y = the `n` columns from `at` of each group of `group` columns (0: one of all)     x [rows, C]  y [rows, C / group * n]
     * bwd: where beta is 0, dx is zero outside them; where it is 1, only they change. */
    OP_COLUMNS,
    /* Rows of x appended behind the `at` rows that a cache of `capacity` rows holds; y is the cache's own first at + n rows, so
     * it has no slot. One sequence a cache. Not differentiable: generation. */
    OP_APPEND,
    /* For each scored row i, with z = x[row_i] W^T + b in float32, z chunk by chunk in scratch only:
     *   score [n, 1] = (1 - eps) logp_i[target_i] + eps mean_v logp_i[v]     eps: label smoothing
     *   entropy [n, 1] of softmax(z)      correct [n, 1] = 1 where target is the arg-max, else 0   (not differentiable)
     * x [rows, C]  W [V, C]  b [V] frozen, NULL: none.  softcap c > 0: logits become c tanh(z / c).
     * With `gradient`, saved: dx [rows, C], made in the same pass since d objective / d score_i = coef_i is known before (SFT);
     * rows that are not scored get zero. bwd CHECKs that dscore *is* coef and hands dx over, which may take its place.
     * Without: bwd reads x, makes a chunk's logits again and takes any dscore (DPO). W may then be trained: in[1], w NULL; so may
     * b, with `trained_bias` the last input, [1, V]. bwd also reads them and makes dW, db. */
    OP_HEAD,
    /* y = x W^T                        x [rows, in]  W [out, in] a value on the tape.  bwd  dx = dy W   dW = dy^T x
     * `transposed`: W is stored as [in, out], as Conv1D keeps it. */
    OP_DENSE,
    /* y_i = T[ids_i]                   y [n, C]  T [V, C], or `transposed` [C, V] and y_i its column, as in PEFT's lora_embedding_A.
     * With `row` [vocabulary], T holds the rows of some ids only: row[id] is id's, or -1, and then y_i = W[ids_i], frozen.
     * bwd  dT[ids_i] += dy_i, in the order of i; reads nothing. */
    OP_GATHER,
    /* y = x + b in every row           x [rows, C]  b [1, C]; y may take x's place; bwd: db = sum of dy's rows, dx may take dy's place. */
    OP_ADD_ROW,
    OP_COUNT,
    OP_SEGMENT = OP_COUNT,     /* not operations: the tape's own record of a recomputed segment, */
    OP_NARROW, OP_WIDEN,       /* and its calls that keep a value as bfloat16 and make it float32 again */
    OP_KINDS
} OpId;

typedef struct Tape Tape;
typedef struct { int32_t id; } Var;                                   /* index into the tape's nodes */

/* What a segment may depend on besides its inputs. Kept by value in the record, so it cannot dangle. What it points to
 * (the batch above all) must not change until the reverse walk ends. */
typedef struct {
    const void *self, *batch, *active;     /* model, batch, active adapters */
    PhiloxKey random;                      /* seed, step, micro-batch; the site is filled in where it is used */
    bool     training;                     /* false: nothing random */
    int32_t  index;                        /* which segment: the layer */
} SegmentKey;
typedef void SegmentFn(Tape *, const SegmentKey *, const Var in[], Var out[]);

typedef union {
    struct { const Weight *w; const int32_t *ids; int64_t n; } embedding;
    struct { float m; PhiloxKey key; } noise;
    Dropout dropout;
    struct { const float *w, *b; float eps, offset; int64_t width; bool center, each; } norm;
    struct { const Weight *w; const float *b; float scale[OP_MAX_TERMS]; Dropout drop[OP_MAX_TERMS]; } linear;
    struct { const float *cos, *sin; const int32_t *position; int head_dim, rotary_dim; bool interleaved; } rope;
    struct { const Span *span; int n_spans, n_heads, n_kv, head_dim, longest;   /* longest kv_len */
             float scale; int window; float softcap; Dropout drop; } attention;
    struct { Act act; } gate, act;
    struct { float s; } add, scale;
    struct { float cap; } softcap;
    struct { bool transposed; } dense;
    struct { int64_t at, n, group; } columns;
    struct { float *cache; int64_t at, capacity; } append;
    struct { const Weight *w; const int32_t *row, *target; const float *coef; int64_t n; float smoothing; bool gradient;
             const float *b; float softcap; bool trained_bias; } head;
    struct { const int32_t *ids; int64_t n; bool transposed; const int32_t *row; const Weight *w; } gather;
    struct { SegmentFn *fn; SegmentKey key; } segment;
} OpArgs;

/* What a kernel gets. Forward fills out and saved; backward fills din from dout. */
typedef struct {
    OpId op;
    int n_in, n_out, n_saved;
    Tensor in[OP_MAX_IN], out[OP_MAX_OUT], saved[OP_MAX_SAVED], din[OP_MAX_IN], dout[OP_MAX_OUT];
    float beta[OP_MAX_IN];
    uint32_t wanted;                       /* backward: bit i = d in[i] is wanted */
    void *scratch;
    size_t scratch_bytes;
    const OpArgs *args;
} OpCall;

/* What `reads` returns: low half, inputs that backward reads; high half, outputs. Saved are always read; bits beyond n_in mean nothing. */
#define READS(ins, outs) ((uint32_t)(ins) | (uint32_t)(outs) << 16)
typedef struct {
    const char *name;
    void     (*shape)(OpCall *);                         /* from in and args: n_out, n_saved, shapes of out and saved; CHECKs inputs */
    uint32_t (*reads)(const OpArgs *, uint32_t wanted);  /* which values the wanted gradients need; NULL: none */
    double   (*flops)(const OpCall *, bool bwd);         /* NULL: not worth counting */
    uint16_t out_over;                                   /* bit i: out[0] may take the place of in[i] */
    int8_t   din_over_dout, din_over_saved;              /* 1 + i: d in[i] may take the place of d out[0], of saved[0]; 0: none */
    bool     light;                                      /* one output, cheaper to run again in the reverse walk than to keep */
    bool     no_bwd;
    bool     external;                                   /* out lies in memory that came with args (shape says where): no slot, and an effect */
} OpRow;

extern const OpRow op_rows[OP_COUNT];

#endif
