/* Scores, entropy, arg-max and the gradient of the hidden states against a plain loop over the vocabulary in double. */
#include "tests/kernels/op_testing.h"

/* W's sizes and values, frozen or the second input. */
typedef struct { int64_t vocabulary, cols; double *values; } Head;

static Head head_new(const Reference *r)
{
    bool trained = !r->args->head.w;
    Head h = { .vocabulary = trained ? r->in[1].rows : r->args->head.w->rows, .cols = r->in[0].cols };
    size_t n = (size_t)(h.vocabulary * h.cols);
    h.values = trained ? memcpy(memory_new(n, sizeof(double)), r->in[1].data, n * sizeof(double)) : weight_exact(r->args->head.w);
    return h;
}

/* The log-probabilities of scored row i, and the slope of the cap at each logit. */
static void log_probabilities(const Reference *r, const Head *h, int64_t i, double *logp, double *slope)
{
    const double *x = r->in[0].data + r->args->head.row[i] * h->cols;
    double most = -INFINITY, sum = 0, cap = (double)r->args->head.softcap;
    for (int64_t v = 0; v < h->vocabulary; v++) {
        double z = r->args->head.trained_bias ? r->in[r->n_in - 1].data[v] : r->args->head.b ? (double)r->args->head.b[v] : 0;
        for (int64_t j = 0; j < h->cols; j++) z += x[j] * h->values[v * h->cols + j];
        logp[v] = cap > 0 ? cap * tanh(z / cap) : z;
        slope[v] = cap > 0 ? 1 - tanh(z / cap) * tanh(z / cap) : 1;
        most = fmax(most, logp[v]);
    }
    for (int64_t v = 0; v < h->vocabulary; v++) sum += exp(logp[v] - most);
    for (int64_t v = 0; v < h->vocabulary; v++) logp[v] -= most + log(sum);
}

static void fwd(Reference *r)
{
    Head h = head_new(r);
    int64_t n = h.vocabulary;
    double *logp = memory_new((size_t)n, sizeof *logp), *slope = memory_new((size_t)n, sizeof *slope), eps = (double)r->args->head.smoothing;
    for (int64_t i = 0; i < r->args->head.n; i++) {
        log_probabilities(r, &h, i, logp, slope);
        double mean = 0, entropy = 0;
        int64_t best = 0;
        for (int64_t v = 0; v < n; v++) {
            mean += logp[v] / (double)n;
            entropy -= exp(logp[v]) * logp[v];
            if (logp[v] > logp[best]) best = v;
        }
        r->out[0].data[i] = (1 - eps) * logp[r->args->head.target[i]] + eps * mean;
        r->out[1].data[i] = entropy;
        r->out[2].data[i] = best == r->args->head.target[i];
    }
    free(slope);
    free(logp);
    free(h.values);
}

static void bwd(Reference *r)
{
    Head h = head_new(r);
    int64_t n = h.vocabulary, cols = h.cols;
    double *logp = memory_new((size_t)n, sizeof *logp), *slope = memory_new((size_t)n, sizeof *slope), eps = (double)r->args->head.smoothing;
    for (int i = 0; i < r->n_in; i++) memset(r->din[i].data, 0, (size_t)(r->din[i].rows * r->din[i].cols) * sizeof(double));
    for (int64_t i = 0; i < r->args->head.n; i++) {
        int64_t row = r->args->head.row[i];
        log_probabilities(r, &h, i, logp, slope);
        for (int64_t v = 0; v < n; v++) {
            double dz = r->dout[0].data[i] * ((1 - eps) * (v == r->args->head.target[i]) + eps / (double)n - exp(logp[v])) * slope[v];
            if (r->args->head.trained_bias) r->din[r->n_in - 1].data[v] += dz;
            for (int64_t j = 0; j < cols; j++) {
                r->din[0].data[row * cols + j] += dz * h.values[v * cols + j];
                if (!r->args->head.w) r->din[1].data[v * cols + j] += dz * r->in[0].data[row * cols + j];
            }
        }
    }
    free(slope);
    free(logp);
    free(h.values);
}

/* Where the gradient is made: with the scores, in backward, in backward with those of W, of b, of both, nowhere. */
typedef enum { IN_FORWARD, IN_BACKWARD, TRAINED, TRAINED_BIAS, TRAINED_BOTH, EVALUATION } Way;
typedef struct { int64_t rows, n, vocabulary, cols; Dtype dtype; float smoothing, spread, softcap; bool bias, small; Way way; } Shape;

/* Scored are n of the rows, spread over all and from the last to the first. */
static void check(Shape s)
{
    bool trained = s.way == TRAINED || s.way == TRAINED_BOTH, trained_bias = s.way == TRAINED_BIAS || s.way == TRAINED_BOTH;
    Weight w = weight_random(s.dtype, s.vocabulary, s.cols, 8);
    int32_t *row = memory_new((size_t)s.n, sizeof *row), *target = memory_new((size_t)s.n, sizeof *target);
    Tensor coef = tensor_random(s.n, 1, 70, 1), bias = tensor_random(s.vocabulary, 1, 71, 1);
    for (int64_t i = 0; i < s.n; i++) {
        row[i] = (int32_t)(s.rows - 1 - i * s.rows / s.n);
        target[i] = (int32_t)((i * 101 + s.vocabulary - 1) % s.vocabulary);
    }
    OpCase t = { .op = OP_HEAD, .n_in = 1 + trained + trained_bias, .size = { { s.rows, s.cols }, { s.vocabulary, s.cols }, { 1, s.vocabulary } },
                 .args.head = { .w = trained ? NULL : &w, .row = row, .target = target, .n = s.n, .smoothing = s.smoothing,
                                .gradient = s.way == IN_FORWARD, .b = s.bias && !trained_bias ? bias.data : NULL, .trained_bias = trained_bias, .softcap = s.softcap },
                 .spread = s.spread > 0 ? s.spread : 0.3f, .small = s.small,
                 .fwd = fwd, .bwd = s.way == EVALUATION ? NULL : bwd };
    if (s.way == TRAINED_BIAS) t.size[1].rows = 1, t.size[1].cols = s.vocabulary;
    if (s.way == IN_FORWARD) t.dout = t.args.head.coef = coef.data;
    /* Logits are float32 sums of `cols` products, and p = e^z takes their absolute error: sqrt(cols) / 4 roundings of 6e-8 of
     * a logit's size z, five deviations. dx is a sum over the vocabulary, dW one over the scored rows. */
    double *values = weight_exact(&w), size = trained ? (double)t.spread : root_mean_square(values, s.vocabulary * s.cols);
    double z = fmax(1, (double)t.spread * sqrt((double)s.cols) * size);
    free(values);
    double terms = fmax((double)s.cols, (double)s.vocabulary), most_terms = trained || trained_bias ? fmax(terms, (double)s.n) : terms;
    t.fwd_tolerance = 6e-8 * 5 * (2 + sqrt(terms) / 4) * z;
    t.bwd_tolerance = 6e-8 * 5 * (2 + sqrt(most_terms) / 4) * z;
    check_op(&t);
    guarded_free(bias.data);
    guarded_free(coef.data);
    free(target);
    free(row);
    weight_free(w);
}

static void small_shapes(void **state)
{
    (void)state;
    check((Shape){ .rows = 1, .n = 1, .vocabulary = 5, .cols = 3, .small = true });
    check((Shape){ .rows = 5, .n = 3, .vocabulary = 17, .cols = 8, .small = true });
    check((Shape){ .rows = 4, .n = 4, .vocabulary = 33, .cols = 7, .smoothing = 0.1f, .small = true });
    check((Shape){ .rows = 4, .n = 2, .vocabulary = 33, .cols = 7, .smoothing = 0.1f, .way = EVALUATION });
}

/* More than 256 scored rows, 1024 tokens, 256 columns: chunks and tiles whose last one is short or holds a single line. */
static void every_tile_edge(void **state)
{
    (void)state;
    check((Shape){ .rows = 300, .n = 257, .vocabulary = 1025, .cols = 33 });
    check((Shape){ .rows = 123, .n = 123, .vocabulary = 2050, .cols = 300, .smoothing = 0.2f });
    check((Shape){ .rows = 600, .n = 520, .vocabulary = 100, .cols = 16, .dtype = DTYPE_BF16 });
    check((Shape){ .rows = 130, .n = 123, .vocabulary = 1100, .cols = 289, .dtype = DTYPE_BF16, .softcap = 30, .way = IN_BACKWARD });
    check((Shape){ .rows = 20, .n = 15, .vocabulary = 1100, .cols = 40, .dtype = DTYPE_BF16 });
    check((Shape){ .rows = 40, .n = 20, .vocabulary = 2100, .cols = 270, .dtype = DTYPE_F16, .smoothing = 0.1f });
}

/* Whatever dscore is, and more than a chunk of 512 rows, so that dW is a sum. */
static void gradient_in_backward(void **state)
{
    (void)state;
    for (Way way = IN_BACKWARD; way < EVALUATION; way++) {
        check((Shape){ .rows = 5, .n = 3, .vocabulary = 17, .cols = 8, .way = way, .small = true });
        check((Shape){ .rows = 2, .n = 4, .vocabulary = 33, .cols = 7, .smoothing = 0.1f, .way = way, .small = true });
        check((Shape){ .rows = 1100, .n = 1030, .vocabulary = 70, .cols = 40, .smoothing = 0.1f, .way = way });
        check((Shape){ .rows = 40, .n = 20, .vocabulary = 2050, .cols = 300, .way = way });
        check((Shape){ .rows = 20, .n = 0, .vocabulary = 50, .cols = 16, .way = way });
    }
    check((Shape){ .rows = 40, .n = 20, .vocabulary = 2100, .cols = 512, .dtype = DTYPE_Q4_K, .spread = 0.05f, .way = IN_BACKWARD });
}

/* CUDA decodes 2^21 values at once, in panels of whole rows. */
static void several_panels(void **state)
{
    (void)state;
    for (Way way = IN_FORWARD; way <= IN_BACKWARD; way++)
        check((Shape){ .rows = 5, .n = 3, .vocabulary = 1100, .cols = 2048, .dtype = DTYPE_Q8_0, .spread = 0.05f, .way = way });
}

static void biased_and_capped(void **state)
{
    (void)state;
    static const float softcap[] = { 0, 30, 1.5f };
    for (int i = 0; i < 3; i++)
        for (Way way = IN_FORWARD; way <= EVALUATION; way++) {
            check((Shape){ .rows = 4, .n = 3, .vocabulary = 33, .cols = 7, .smoothing = 0.1f, .bias = i != 1, .softcap = softcap[i], .way = way,
                           .small = true });
            check((Shape){ .rows = 60, .n = 37, .vocabulary = 1030, .cols = 150, .bias = true, .softcap = softcap[i], .way = way });
        }
}

static void no_scored_row(void **state)
{
    (void)state;
    check((Shape){ .rows = 20, .n = 0, .vocabulary = 50, .cols = 16 });
    check((Shape){ .rows = 20, .n = 0, .vocabulary = 50, .cols = 16, .way = EVALUATION });
    check((Shape){ .rows = 0, .n = 0, .vocabulary = 50, .cols = 32, .dtype = DTYPE_Q8_0 });
}

static void every_dtype(void **state)
{
    (void)state;
    for (Dtype dtype = 0; dtype < DTYPE_COUNT; dtype++)
        if (dtype_rows[dtype].decode) check((Shape){ .rows = 12, .n = 9, .vocabulary = 1100, .cols = 512, .dtype = dtype, .spread = 0.05f });
}

/* Logits of some hundreds: the largest must be subtracted, and logp is far from zero. */
static void large_logits(void **state)
{
    (void)state;
    check((Shape){ .rows = 9, .n = 9, .vocabulary = 40, .cols = 64, .spread = 30, .smoothing = 0.1f });
}

/* Whole numbers, so that equal rows of W give equal logits: of several largest the first counts. */
static void ties_go_to_the_first(void **state)
{
    (void)state;
    enum { V = 2100, COLS = 4 };
    float *values = memory_new(V * COLS, sizeof *values), x[2 * COLS] = { 1, 2, 3, 4, 4, 3, 2, 1 };
    static const int best[] = { 77, 78, 1500, 2099 };
    for (int b = 0; b < 4; b++)
        for (int j = 0; j < COLS; j++) values[best[b] * COLS + j] = 2;
    Weight w = { .name = "w", .dtype = DTYPE_F32, .bytes = values, .rows = V, .cols = COLS };
    int32_t row[] = { 0, 1, 0, 1, 0 }, target[] = { 77, 78, 1500, 77, 0 };
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    OpCase t = { .op = OP_HEAD, .n_in = 1, .args.head = { .w = &w, .row = row, .target = target, .n = 5 } };
    OpCall c = forward(&t, &backend, &(Tensor){ x, 2, COLS }, 0, -1);
    static const float expected[] = { 1, 0, 0, 1, 0 };
    assert_memory_equal(c.out[2].data, expected, sizeof expected);
    forward_free(&c);
    pool_close(pool);
    free(values);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_shapes), cmocka_unit_test(every_tile_edge), cmocka_unit_test(gradient_in_backward), cmocka_unit_test(several_panels),
        cmocka_unit_test(biased_and_capped), cmocka_unit_test(no_scored_row), cmocka_unit_test(every_dtype),
        cmocka_unit_test(large_logits), cmocka_unit_test(ties_go_to_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
