#include "kernels/op.h"

#include "kernels/status.h"

int64_t weight_stored_row(const Weight *w, int64_t row) { return row_stored(w->order, w->rows, w->heads, row); }

static Tensor like(Tensor t) { return (Tensor){ NULL, t.rows, t.cols }; }
static Tensor sized(int64_t rows, int64_t cols) { return (Tensor){ NULL, rows, cols }; }
static bool same_shape(Tensor a, Tensor b) { return a.rows == b.rows && a.cols == b.cols; }

static void shape_embedding(OpCall *c)
{
    c->n_out = 1;
    c->out[0] = sized(c->args->embedding.n, c->args->embedding.w->cols);
}

static void shape_like_first(OpCall *c)
{
    for (int i = 1; i < c->n_in; i++) CHECK(same_shape(c->in[0], c->in[i]), "%s: inputs differ in shape", op_rows[c->op].name);
    c->n_out = 1;
    c->out[0] = like(c->in[0]);
}

static void shape_norm(OpCall *c)
{
    int64_t cols = c->in[0].cols, width = c->args->norm.width ? c->args->norm.width : cols, n = c->args->norm.each ? cols : width;
    CHECK(width > 0 && cols % width == 0, "norm: %lld columns in groups of %lld", (long long)cols, (long long)width);
    for (int i = 1; i < c->n_in; i++) CHECK(c->in[i].rows == 1 && c->in[i].cols == n, "norm: w or b has another shape");
    c->n_out = 1;
    c->out[0] = like(c->in[0]);
    c->n_saved = 1 + c->args->norm.center;
    for (int i = 0; i < c->n_saved; i++) c->saved[i] = sized(c->in[0].rows, cols / width);
}

static uint32_t reads_norm(const OpArgs *args, uint32_t wanted)
{
    (void)args;
    return wanted & 1 ? READS(3, 0) : wanted & 2 ? READS(1, 0) : 0;
}

static void shape_rope(OpCall *c)
{
    int head_dim = c->args->rope.head_dim, rotary_dim = c->args->rope.rotary_dim;
    CHECK(rotary_dim > 0 && rotary_dim % 2 == 0 && rotary_dim <= head_dim && c->in[0].cols % head_dim == 0, "rope: %lld columns, heads of %d, of them %d turn",
          (long long)c->in[0].cols, head_dim, rotary_dim);
    shape_like_first(c);
}

static void shape_linear(OpCall *c)
{
    const Weight *w = c->args->linear.w;
    CHECK(c->in[0].cols == w->cols, "%s: x has %lld columns, W %lld", w->name, (long long)c->in[0].cols, (long long)w->cols);
    c->n_out = 1;
    c->out[0] = sized(c->in[0].rows, w->rows);
    c->n_saved = (c->n_in - 1) / 2;
    for (int k = 0; k < c->n_saved; k++) {
        Tensor a = c->in[1 + 2 * k], b = c->in[2 + 2 * k];
        CHECK(a.cols == w->cols && b.rows == w->rows && a.rows == b.cols, "%s: A or B has another shape", w->name);
        c->saved[k] = sized(c->in[0].rows, a.rows);
    }
}

/* dx and dA_k read B_k, dx also A_k, dA_k also x, dB_k only what is saved. */
static uint32_t reads_linear(const OpArgs *args, uint32_t wanted)
{
    (void)args;
    uint32_t in = 0;
    for (int k = 0; k < OP_MAX_TERMS; k++) {
        uint32_t a = 1u << (1 + 2 * k), b = 1u << (2 + 2 * k);
        if (wanted & 1) in |= a | b;
        if (wanted & a) in |= b | 1;
    }
    return READS(in, 0);
}

static double flops_linear(const OpCall *c, bool bwd)
{
    const Weight *w = c->args->linear.w;
    double rows = (double)c->in[0].rows, dense = 2 * rows * (double)w->rows * (double)w->cols, low = 0;
    for (int k = 0; k < c->n_saved; k++) low += 2 * rows * (double)c->saved[k].cols * (double)(w->rows + w->cols);
    return (bwd && !(c->wanted & 1) ? 0 : dense) + (bwd ? 2 : 1) * low;
}

static void shape_attention(OpCall *c)
{
    CHECK(same_shape(c->in[1], c->in[2]) && c->in[0].cols == (int64_t)c->args->attention.n_heads * c->args->attention.head_dim &&
              c->in[1].cols == (int64_t)c->args->attention.n_kv * c->args->attention.head_dim, "attention: q, k, v do not fit");
    c->n_out = c->n_saved = 1;
    c->out[0] = like(c->in[0]);
    c->saved[0] = sized(c->in[0].rows, c->args->attention.n_heads);
}

static uint32_t reads_attention(const OpArgs *args, uint32_t wanted)
{
    (void)args;
    return wanted ? READS(7, 1) : 0;
}

/* Half of every square, or the band that a window leaves of it: sum_i min(i, w) keys. Forward two products, backward five. */
static double flops_attention(const OpCall *c, bool bwd)
{
    int longest = c->args->attention.longest, window = c->args->attention.window;
    if (!longest) return 0;
    double w = window && window < longest ? window : longest, seen = w - w * w / (2.0 * longest);
    return (bwd ? 5 : 2) * 2 * seen * (double)c->in[0].rows * (double)c->in[0].cols;
}

static void shape_gate(OpCall *c)
{
    CHECK(c->n_in == 2 || c->in[0].cols % 2 == 0, "gate: %lld columns hold no two halves", (long long)c->in[0].cols);
    shape_like_first(c);
    if (c->n_in == 1) c->out[0].cols /= 2;
}

static uint32_t reads_inputs(const OpArgs *args, uint32_t wanted)
{
    (void)args;
    return wanted ? READS(3, 0) : 0;
}

static void shape_columns(OpCall *c)
{
    int64_t cols = c->in[0].cols, at = c->args->columns.at, n = c->args->columns.n, group = c->args->columns.group ? c->args->columns.group : cols;
    CHECK(at >= 0 && n > 0 && at + n <= group && cols % group == 0, "columns: %lld from %lld of groups of %lld of %lld", (long long)n, (long long)at,
          (long long)group, (long long)cols);
    c->n_out = 1;
    c->out[0] = sized(c->in[0].rows, cols / group * n);
}

static void shape_append(OpCall *c)
{
    CHECK(c->args->append.at + c->in[0].rows <= c->args->append.capacity, "append: the cache is full");
    c->n_out = 1;
    c->out[0] = (Tensor){ c->args->append.cache, c->args->append.at + c->in[0].rows, c->in[0].cols };
}

/* W's rows and columns: a parameter's, or those of a frozen matrix. */
static Tensor head_w(const OpCall *c)
{
    return !c->args->head.w ? like(c->in[1]) : sized(c->args->head.w->rows, c->args->head.w->cols);
}

static void shape_head(OpCall *c)
{
    const OpArgs *args = c->args;
    CHECK(c->n_in == 1 + !args->head.w + args->head.trained_bias && !(args->head.b && args->head.trained_bias), "head: one W and one b, frozen or trained");
    CHECK(c->n_in == 1 || !args->head.gradient, "head: what is trained has its gradient made in backward");
    CHECK(c->in[0].cols == head_w(c).cols, "head: x has %lld columns", (long long)c->in[0].cols);
    c->n_out = 3;
    for (int i = 0; i < 3; i++) c->out[i] = sized(c->args->head.n, 1);
    c->n_saved = c->args->head.gradient;
    c->saved[0] = like(c->in[0]);
}

static uint32_t reads_head(const OpArgs *args, uint32_t wanted) { return wanted && !args->head.gradient ? READS(7, 0) : 0; }

/* Products of a chunk's logits, dx and dW. */
static double flops_head(const OpCall *c, bool bwd)
{
    Tensor w = head_w(c);
    bool gradient = c->args->head.gradient;
    int products = !bwd ? 1 + gradient : gradient ? 0 : 1 + (int)(c->wanted & 1) + (!c->args->head.w && (c->wanted >> 1 & 1));
    return 2 * products * (double)c->args->head.n * (double)w.rows * (double)w.cols;
}

static void shape_dense(OpCall *c)
{
    bool transposed = c->args->dense.transposed;
    int64_t in = transposed ? c->in[1].rows : c->in[1].cols;
    CHECK(c->in[0].cols == in, "dense: x has %lld columns, W %lld", (long long)c->in[0].cols, (long long)in);
    c->n_out = 1;
    c->out[0] = sized(c->in[0].rows, transposed ? c->in[1].cols : c->in[1].rows);
}

static uint32_t reads_dense(const OpArgs *args, uint32_t wanted)
{
    (void)args;
    return READS((wanted & 1) << 1 | (wanted >> 1 & 1), 0);
}

static double flops_dense(const OpCall *c, bool bwd)
{
    int products = bwd ? (int)(c->wanted & 1) + (int)(c->wanted >> 1 & 1) : 1;
    return 2 * products * (double)c->in[0].rows * (double)c->in[1].rows * (double)c->in[1].cols;
}

static void shape_gather(OpCall *c)
{
    c->n_out = 1;
    c->out[0] = sized(c->args->gather.n, c->args->gather.transposed ? c->in[0].rows : c->in[0].cols);
}

static void shape_add_row(OpCall *c)
{
    CHECK(c->in[1].rows == 1 && c->in[1].cols == c->in[0].cols, "add_row: b is not a row of x");
    c->n_out = 1;
    c->out[0] = like(c->in[0]);
}

const OpRow op_rows[OP_COUNT] = {
    [OP_EMBEDDING] = { .name = "embedding", .shape = shape_embedding, .no_bwd = true },
    [OP_NOISE] = { .name = "noise", .shape = shape_like_first, .out_over = 1, .din_over_dout = 1 },
    [OP_DROPOUT] = { .name = "dropout", .shape = shape_like_first, .out_over = 1, .din_over_dout = 1 },
    [OP_NORM] = { .name = "norm", .shape = shape_norm, .reads = reads_norm, .light = true },
    [OP_LINEAR] = { .name = "linear", .shape = shape_linear, .reads = reads_linear, .flops = flops_linear },
    [OP_ROPE] = { .name = "rope", .shape = shape_rope, .out_over = 1, .din_over_dout = 1 },
    [OP_ATTENTION] = { .name = "attention", .shape = shape_attention, .reads = reads_attention, .flops = flops_attention },
    [OP_GATE] = { .name = "gate", .shape = shape_gate, .reads = reads_inputs, .din_over_dout = 1, .light = true },
    [OP_ACT] = { .name = "act", .shape = shape_like_first, .reads = reads_inputs, .din_over_dout = 1, .light = true },
    [OP_ADD] = { .name = "add", .shape = shape_like_first, .out_over = 3, .din_over_dout = 1 },
    [OP_SCALE] = { .name = "scale", .shape = shape_like_first, .out_over = 1, .din_over_dout = 1 },
    [OP_SOFTCAP] = { .name = "softcap", .shape = shape_like_first, .out_over = 1, .no_bwd = true },
    [OP_COLUMNS] = { .name = "columns", .shape = shape_columns },
    [OP_APPEND] = { .name = "append", .shape = shape_append, .no_bwd = true, .external = true },
    [OP_HEAD] = { .name = "head", .shape = shape_head, .reads = reads_head, .flops = flops_head, .din_over_saved = 1 },
    [OP_DENSE] = { .name = "dense", .shape = shape_dense, .reads = reads_dense, .flops = flops_dense },
    [OP_GATHER] = { .name = "gather", .shape = shape_gather },
    [OP_ADD_ROW] = { .name = "add_row", .shape = shape_add_row, .out_over = 1, .din_over_dout = 1 },
};
