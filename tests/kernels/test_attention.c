/* Causal attention over spans against a plain loop over pairs of query and key. */
#include "tests/kernels/op_testing.h"

/* What one query of one head makes of the keys [first, end) of its span: probabilities, the slope of its scores' cap, and what dropout
 * multiplies the probabilities by. */
typedef struct { int64_t first, end; double *p, *slope, *keep; } Row;

static Row row_new(const Reference *r)
{
    size_t n = (size_t)r->args->attention.longest;
    return (Row){ .p = memory_new(n, sizeof(double)), .slope = memory_new(n, sizeof(double)), .keep = memory_new(n, sizeof(double)) };
}

static void row_free(Row row)
{
    free(row.p);
    free(row.slope);
    free(row.keep);
}

static void attend(const Reference *r, const Span *s, int64_t query, int64_t head, Row *row)
{
    int64_t d = r->args->attention.head_dim, kv = head * r->args->attention.n_kv / r->args->attention.n_heads, window = r->args->attention.window;
    const double *q = r->in[0].data + (s->q_start + query) * r->in[0].cols + head * d;
    double sum = 0, most = -INFINITY, cap = (double)r->args->attention.softcap;
    Dropout drop = r->args->attention.drop;
    drop.key.site += (uint32_t)head;
    row->end = query + s->kv_len - s->q_len + 1;
    row->first = window && row->end > window ? row->end - window : 0;
    for (int64_t j = row->first; j < row->end; j++) {
        const double *k = r->in[1].data + (s->kv_start + j) * r->in[1].cols + kv * d;
        double score = 0;
        for (int64_t e = 0; e < d; e++) score += (double)r->args->attention.scale * q[e] * k[e];
        row->p[j] = cap > 0 ? cap * tanh(score / cap) : score;
        row->slope[j] = cap > 0 ? 1 - tanh(score / cap) * tanh(score / cap) : 1;
        row->keep[j] = dropout_keep(drop, (s->q_start + query) * (1 << 17) + j);
        most = fmax(most, row->p[j]);
    }
    for (int64_t j = row->first; j < row->end; j++) sum += row->p[j] = exp(row->p[j] - most);
    for (int64_t j = row->first; j < row->end; j++) row->p[j] /= sum;
}

static void fwd(Reference *r)
{
    int64_t d = r->args->attention.head_dim, n_heads = r->args->attention.n_heads;
    Row row = row_new(r);
    for (const Span *s = r->args->attention.span; s < r->args->attention.span + r->args->attention.n_spans; s++)
        for (int64_t query = 0; query < s->q_len; query++)
            for (int64_t head = 0; head < n_heads; head++) {
                int64_t kv = head * r->args->attention.n_kv / n_heads;
                attend(r, s, query, head, &row);
                for (int64_t e = 0; e < d; e++) {
                    double y = 0;
                    for (int64_t j = row.first; j < row.end; j++) y += row.keep[j] * row.p[j] * r->in[2].data[(s->kv_start + j) * r->in[2].cols + kv * d + e];
                    r->out[0].data[(s->q_start + query) * r->out[0].cols + head * d + e] = y;
                }
            }
    row_free(row);
}

static void bwd(Reference *r)
{
    int64_t d = r->args->attention.head_dim, n_heads = r->args->attention.n_heads;
    double *dp = memory_new((size_t)r->args->attention.longest, sizeof *dp);
    Row row = row_new(r);
    for (int i = 0; i < 3; i++) memset(r->din[i].data, 0, (size_t)(r->din[i].rows * r->din[i].cols) * sizeof(double));
    for (const Span *s = r->args->attention.span; s < r->args->attention.span + r->args->attention.n_spans; s++)
        for (int64_t query = 0; query < s->q_len; query++)
            for (int64_t head = 0; head < n_heads; head++) {
                int64_t kv = head * r->args->attention.n_kv / n_heads;
                attend(r, s, query, head, &row);
                int64_t q_at = (s->q_start + query) * r->in[0].cols + head * d;
                const double *dy = r->dout[0].data + q_at;
                double mean = 0;
                for (int64_t j = row.first; j < row.end; j++) {
                    int64_t kv_at = (s->kv_start + j) * r->in[1].cols + kv * d;
                    dp[j] = 0;
                    for (int64_t e = 0; e < d; e++) {
                        dp[j] += row.keep[j] * dy[e] * r->in[2].data[kv_at + e];
                        r->din[2].data[kv_at + e] += row.keep[j] * row.p[j] * dy[e];
                    }
                    mean += row.p[j] * dp[j];
                }
                for (int64_t j = row.first; j < row.end; j++) {
                    int64_t kv_at = (s->kv_start + j) * r->in[1].cols + kv * d;
                    double ds = (double)r->args->attention.scale * row.slope[j] * row.p[j] * (dp[j] - mean);
                    for (int64_t e = 0; e < d; e++) {
                        r->din[0].data[q_at + e] += ds * r->in[1].data[kv_at + e];
                        r->din[1].data[kv_at + e] += ds * r->in[0].data[q_at + e];
                    }
                }
            }
    free(dp);
    row_free(row);
}

/* `longest` is a capacity: it may be more than the longest span. */
typedef struct { int n_heads, n_kv, head_dim, spare, window; float softcap, spread, drop; bool inference, small, cpu_only; int n_spans; Span span[6]; } Shape;

static void check(Shape s)
{
    int64_t rows = 0, kv_rows = 0;
    int longest = 0;
    for (int i = 0; i < s.n_spans; i++) {
        rows += s.span[i].q_len;
        if (s.span[i].kv_start + s.span[i].kv_len > kv_rows) kv_rows = s.span[i].kv_start + s.span[i].kv_len;
        if (s.span[i].kv_len > longest) longest = s.span[i].kv_len;
    }
    int64_t q_cols = (int64_t)s.n_heads * s.head_dim, kv_cols = (int64_t)s.n_kv * s.head_dim;
    /* Float32 products over head_dim and keys, a softmax whose scores, of size spread^2, are rounded before exp. In backward
     * dP - delta is a difference of numbers of size sqrt(head_dim), of which a document of one token keeps only the rounding,
     * and the first keys gather from all queries of a group, with terms several times the tensor's size. Measured: 1e-6, 7e-6. */
    double scores = s.spread > 1 ? (double)(s.spread * s.spread) : 1;
    check_op(&(OpCase){
        .op = OP_ATTENTION, .n_in = 3, .size = { { rows, q_cols }, { kv_rows, kv_cols }, { kv_rows, kv_cols } }, .spread = s.spread,
        .args.attention = { .span = s.span, .n_spans = s.n_spans, .n_heads = s.n_heads, .n_kv = s.n_kv, .head_dim = s.head_dim,
                            .longest = longest + s.spare, .scale = (float)(1 / sqrt(s.head_dim)), .window = s.window, .softcap = s.softcap,
                            .drop = { s.drop, { .seed = 5, .step = 7, .micro_batch = 1, .site = 40 } } },
        .fwd = fwd, .bwd = s.inference ? NULL : bwd, .fwd_tolerance = 2e-6 * scores, .bwd_tolerance = 1.2e-5 * scores, .small = s.small, .cpu_only = s.cpu_only });
}

/* Spans with the lengths given, query and key rows the same. */
static Shape packed(Shape s, const int *lengths)
{
    int row = 0;
    for (s.n_spans = 0; lengths[s.n_spans]; s.n_spans++) {
        s.span[s.n_spans] = (Span){ row, lengths[s.n_spans], row, lengths[s.n_spans] };
        row += lengths[s.n_spans];
    }
    return s;
}

static void small_shapes_every_subset(void **state)
{
    (void)state;
    check(packed((Shape){ .n_heads = 1, .n_kv = 1, .head_dim = 8, .small = true }, (int[]){ 1, 0 }));
    check(packed((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 4, .small = true }, (int[]){ 1, 5, 1, 2, 0 }));
    check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 2, .spare = 7, .small = true }, (int[]){ 3, 4, 0 }));
    check((Shape){ .n_heads = 2, .n_kv = 2, .head_dim = 3, .small = true, .n_spans = 2, .span = { { 3, 2, 0, 6 }, { 0, 3, 6, 4 } } });
}

/* Blocks hold 128 queries. */
static void every_block_edge(void **state)
{
    (void)state;
    check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 64 }, (int[]){ 129, 1, 123, 128, 0 }));
    check(packed((Shape){ .n_heads = 6, .n_kv = 2, .head_dim = 80 }, (int[]){ 5, 257, 17, 0 }));
    check(packed((Shape){ .n_heads = 3, .n_kv = 3, .head_dim = 8, .spare = 100 }, (int[]){ 300, 1, 1, 0 }));
}

/* Backward cuts the keys of long documents into pieces of 512 and more: one key into the second, two, three and four pieces, windows that
 * end at a border, span two pieces or begin behind the first; short documents beside long ones, and queries behind their keys. */
static void pieces_of_keys(void **state)
{
    (void)state;
    static const struct { int length, window; } longest[] = { { 513, 0 }, { 513, 1 }, { 1024, 511 }, { 1100, 600 }, { 1700, 0 }, { 2100, 1300 } };
    for (int i = 0; i < 6; i++)
        check(packed((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 4, .cpu_only = true, .window = longest[i].window }, (int[]){ 3, longest[i].length, 30, 0 }));
    check((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 4, .cpu_only = true, .n_spans = 2, .span = { { 0, 140, 0, 1200 }, { 140, 5, 1200, 20 } } });
    check((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 4, .cpu_only = true, .window = 100, .n_spans = 2, .span = { { 0, 140, 0, 1200 }, { 140, 5, 1200, 20 } } });
    check(packed((Shape){ .n_heads = 2, .n_kv = 2, .head_dim = 4, .cpu_only = true, .softcap = 2, .drop = 0.3f }, (int[]){ 700, 0 }));
}

/* CUDA fills a head up to 32, 64, 80, 96, 128 or 256 columns; its tiles hold 64 rows, 32 or 16. */
static void every_head_dim(void **state)
{
    (void)state;
    static const int head_dim[] = { 33, 80, 90, 96, 97, 128, 129, 256 };
    for (int i = 0; i < 8; i++) {
        check(packed((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = head_dim[i] }, (int[]){ 70, 1, 16, 0 }));
        check(packed((Shape){ .n_heads = 1, .n_kv = 1, .head_dim = head_dim[i], .window = 20, .softcap = 5, .drop = 0.2f }, (int[]){ 32, 40, 0 }));
    }
}

/* One query behind a cache, several behind a prefix that they share, and a prefix of their own that learns. */
static void more_keys_than_queries(void **state)
{
    (void)state;
    check((Shape){ .n_heads = 4, .n_kv = 1, .head_dim = 8, .inference = true, .n_spans = 1, .span = { { 0, 1, 0, 200 } } });
    check((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 8, .inference = true, .n_spans = 3, .span = { { 0, 3, 0, 40 }, { 3, 1, 0, 30 }, { 4, 150, 10, 170 } } });
    check((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 8, .n_spans = 2, .span = { { 0, 140, 0, 150 }, { 140, 5, 150, 200 } } });
}

/* Windows of one key, within a block, of whole blocks, over several, and longer than a document; small documents beside it. */
static void windows(void **state)
{
    (void)state;
    check(packed((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 4, .window = 1, .small = true }, (int[]){ 1, 5, 2, 0 }));
    check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 2, .window = 3, .spare = 7, .small = true }, (int[]){ 3, 9, 4, 0 }));
    check((Shape){ .n_heads = 2, .n_kv = 2, .head_dim = 3, .window = 2, .small = true, .n_spans = 2, .span = { { 3, 2, 0, 6 }, { 0, 3, 6, 4 } } });
    static const int window[] = { 1, 7, 16, 127, 128, 129, 200, 256, 500 };
    for (int i = 0; i < 9; i++)
        check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 16, .window = window[i] }, (int[]){ 129, 1, 300, 128, 0 }));
    check((Shape){ .n_heads = 4, .n_kv = 1, .head_dim = 8, .window = 60, .inference = true, .n_spans = 1, .span = { { 0, 1, 0, 200 } } });
    check((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 8, .window = 50, .n_spans = 2, .span = { { 0, 140, 0, 150 }, { 140, 5, 150, 200 } } });
}

/* Caps far above the scores, amid them and far below, where all scores that are not small come near the cap. */
static void capped_scores(void **state)
{
    (void)state;
    static const float softcap[] = { 50, 2, 0.3f };
    for (int i = 0; i < 3; i++) {
        check(packed((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 4, .softcap = softcap[i], .small = true }, (int[]){ 1, 5, 2, 0 }));
        check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 64, .softcap = softcap[i], .window = 70 * i }, (int[]){ 129, 1, 123, 0 }));
        check((Shape){ .n_heads = 4, .n_kv = 1, .head_dim = 8, .softcap = softcap[i], .n_spans = 1, .span = { { 0, 1, 0, 200 } } });
    }
    check(packed((Shape){ .n_heads = 2, .n_kv = 2, .head_dim = 64, .softcap = 50, .spread = 3 }, (int[]){ 40, 1, 33, 0 }));
}

/* Dropout on the probabilities: few and many zeros, several blocks, windows, caps, a capacity beyond the documents. */
static void dropped_probabilities(void **state)
{
    (void)state;
    static const float drop[] = { 0.1f, 0.75f };
    for (int i = 0; i < 2; i++) {
        check(packed((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 4, .drop = drop[i], .small = true }, (int[]){ 1, 5, 2, 0 }));
        check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 2, .drop = drop[i], .window = 3, .softcap = 2, .spare = 7, .small = true }, (int[]){ 3, 9, 4, 0 }));
        check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 64, .drop = drop[i], .spare = 100 * i }, (int[]){ 129, 1, 300, 128, 0 }));
        check(packed((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 16, .drop = drop[i], .window = 127 + i }, (int[]){ 129, 1, 300, 0 }));
        check((Shape){ .n_heads = 4, .n_kv = 2, .head_dim = 8, .drop = drop[i], .n_spans = 2, .span = { { 0, 140, 0, 150 }, { 140, 5, 150, 200 } } });
    }
}

/* v all ones: y is the sum of a query's dropped probabilities, 1 in the mean over many steps and over heads and queries. */
static void mean_of_many_masks(void **state)
{
    (void)state;
    enum { ROWS = 40, HEADS = 4, HEAD_DIM = 8, STEPS = 500 };
    static const Span spans[] = { { 0, 9, 0, 9 }, { 9, 31, 9, 31 } };
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    OpCase t = { .op = OP_ATTENTION, .n_in = 3, .args.attention = { .span = spans, .n_spans = 2, .n_heads = HEADS, .n_kv = 2, .head_dim = HEAD_DIM,
                 .longest = 31, .scale = 0.3f, .drop = { 0.2f, { .seed = 6, .site = 3 } } } };
    Tensor in[3] = { tensor_random(ROWS, HEADS * HEAD_DIM, 1, 1), tensor_random(ROWS, 2 * HEAD_DIM, 2, 1), tensor_new(ROWS, 2 * HEAD_DIM) };
    double sum[ROWS][HEADS] = {{0}};
    for (int64_t i = 0; i < in[2].rows * in[2].cols; i++) in[2].data[i] = 1;
    for (uint32_t step = 0; step < STEPS; step++) {
        t.args.attention.drop.key.step = step;
        OpCall c = forward(&t, &backend, in, 0, -1);
        for (int row = 0; row < ROWS; row++)
            for (int head = 0; head < HEADS; head++) sum[row][head] += (double)c.out[0].data[(row * HEADS + head) * HEAD_DIM] / STEPS;
        forward_free(&c);
    }
    double error = sqrt(0.2 / 0.8 / STEPS), all = 0;      /* at most, where all probability is one key's */
    for (int row = 0; row < ROWS; row++)
        for (int head = 0; head < HEADS; head++) {
            assert_true(fabs(sum[row][head] - 1) < 5 * error);
            all += sum[row][head] / (ROWS * HEADS);
        }
    assert_true(fabs(all - 1) < 5 * error / sqrt(ROWS * HEADS));
    for (int i = 0; i < 3; i++) guarded_free(in[i].data);
    pool_close(pool);
}

static void no_rows(void **state)
{
    (void)state;
    check((Shape){ .n_heads = 2, .n_kv = 1, .head_dim = 8 });
}

/* Scores of some hundreds: softmax must subtract the largest, and almost all probability is one key's. */
static void large_scores(void **state)
{
    (void)state;
    check(packed((Shape){ .n_heads = 2, .n_kv = 2, .head_dim = 64, .spread = 12 }, (int[]){ 40, 1, 33, 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_shapes_every_subset), cmocka_unit_test(every_block_edge), cmocka_unit_test(every_head_dim), cmocka_unit_test(pieces_of_keys), cmocka_unit_test(more_keys_than_queries),
        cmocka_unit_test(windows), cmocka_unit_test(capped_scores), cmocka_unit_test(dropped_probabilities),
        cmocka_unit_test(mean_of_many_masks), cmocka_unit_test(no_rows), cmocka_unit_test(large_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
