/* y = (x - mean) rstd (offset + w) + b against a plain loop in double. */
#include "tests/kernels/op_testing.h"

/* One group of a row: what stands between the tensors and the formula. */
typedef struct { int64_t n; const double *x, *dy; double mean, rstd; const double *w, *b; double offset; int64_t at; } Group;

/* Weights in double, from where the case keeps them. */
static double *weights(const Reference *r, int input, const float *frozen)
{
    int64_t n = r->args->norm.each || !r->args->norm.width ? r->in[0].cols : r->args->norm.width;
    double *w = memory_new((size_t)n, sizeof *w);
    for (int64_t j = 0; j < n; j++) w[j] = input < r->n_in ? r->in[input].data[j] : frozen ? (double)frozen[j] : 0;
    return w;
}

static Group group(const Reference *r, int64_t i, const double *w, const double *b)
{
    int64_t n = r->args->norm.width ? r->args->norm.width : r->in[0].cols, groups = r->in[0].cols / n;
    Group g = { .n = n, .x = r->in[0].data + i * n, .dy = r->dout[0].data ? r->dout[0].data + i * n : NULL, .offset = (double)r->args->norm.offset };
    double variance = 0;
    g.at = r->args->norm.each ? i % groups * n : 0;
    g.w = w + g.at;
    g.b = b + g.at;
    if (r->args->norm.center) for (int64_t j = 0; j < n; j++) g.mean += g.x[j] / (double)n;
    for (int64_t j = 0; j < n; j++) variance += (g.x[j] - g.mean) * (g.x[j] - g.mean) / (double)n;
    g.rstd = 1 / sqrt(variance + (double)r->args->norm.eps);
    return g;
}

static int64_t n_groups(const Reference *r) { return r->args->norm.width ? r->in[0].cols / r->args->norm.width * r->in[0].rows : r->in[0].rows; }

static void fwd(Reference *r)
{
    double *w = weights(r, 1, r->args->norm.w), *b = weights(r, 2, r->args->norm.b);
    for (int64_t i = 0; i < n_groups(r); i++) {
        Group g = group(r, i, w, b);
        for (int64_t j = 0; j < g.n; j++) r->out[0].data[i * g.n + j] = (g.x[j] - g.mean) * g.rstd * (g.offset + g.w[j]) + g.b[j];
    }
    free(w);
    free(b);
}

static void bwd(Reference *r)
{
    double *w = weights(r, 1, r->args->norm.w), *b = weights(r, 2, r->args->norm.b);
    for (int i = 1; i < r->n_in; i++) memset(r->din[i].data, 0, (size_t)r->din[i].cols * sizeof(double));
    for (int64_t i = 0; i < n_groups(r); i++) {
        Group g = group(r, i, w, b);
        double along = 0, level = 0;
        for (int64_t j = 0; j < g.n; j++) {
            along += g.dy[j] * (g.offset + g.w[j]) * (g.x[j] - g.mean) * g.rstd / (double)g.n;
            if (r->args->norm.center) level += g.dy[j] * (g.offset + g.w[j]) / (double)g.n;
            if (r->n_in > 1) r->din[1].data[g.at + j] += g.dy[j] * (g.x[j] - g.mean) * g.rstd;
            if (r->n_in > 2) r->din[2].data[g.at + j] += g.dy[j];
        }
        for (int64_t j = 0; j < g.n; j++)
            r->din[0].data[i * g.n + j] = g.rstd * (g.dy[j] * (g.offset + g.w[j]) - level - (g.x[j] - g.mean) * g.rstd * along);
    }
    free(w);
    free(b);
}

typedef enum { FROZEN, FROZEN_BIAS, TRAINED, TRAINED_BIAS, KINDS } Kind;
typedef struct { Kind kind; bool center, each; int64_t width; float eps, offset, spread; } Norm;

static void check(Norm norm, int64_t rows, int64_t cols, bool small)
{
    int64_t n = norm.each || !norm.width ? cols : norm.width;
    Tensor w = tensor_random(1, n, 50, 1), b = tensor_random(1, n, 51, 1);
    /* A handful of float32 operations of 6e-8 on each element, and sums in 16 partial sums. A mean is off by 6e-8 of the row's size.
     * dw's terms, of rows whose rstd is off by up to 2e-7, are several times its size where they nearly cancel. */
    check_op(&(OpCase){ .op = OP_NORM, .n_in = norm.kind < TRAINED ? 1 : norm.kind - TRAINED + 2, .size = { { rows, cols }, { 1, n }, { 1, n } },
                        .args.norm = { .w = norm.kind < TRAINED ? w.data : NULL, .b = norm.kind == FROZEN_BIAS ? b.data : NULL, .eps = norm.eps,
                                       .offset = norm.offset, .width = norm.width, .center = norm.center, .each = norm.each },
                        .spread = norm.spread, .fwd = fwd, .bwd = bwd, .fwd_tolerance = 5e-7, .bwd_tolerance = norm.kind < TRAINED ? 5e-7 : 1e-6, .small = small });
    guarded_free(b.data);
    guarded_free(w.data);
}

static void shapes(void **state)
{
    (void)state;
    for (Kind kind = FROZEN; kind < KINDS; kind++)
        for (int center = 0; center < 2; center++) {
            Norm norm = { .kind = kind, .center = center, .eps = 1e-5f };
            check((Norm){ .kind = kind, .center = center, .eps = 0.5f }, 1, 1, true);
            check(norm, 1, 5, true);
            check(norm, 5, 16, true);
            check(norm, 3, 33, true);
            check(norm, 0, 64, false);
            check(norm, 123, 123, false);
            check(norm, 530, 576, false);       /* tasks of 56 rows */
            check(norm, 3, 40000, false);       /* a row is more than a task */
        }
}

/* Heads normalised each on its own, by one weight for all or by a weight each; 1 + w. */
static void groups(void **state)
{
    (void)state;
    for (Kind kind = FROZEN; kind < KINDS; kind++)
        for (int center = 0; center < 2; center++)
            for (int each = 0; each < 2; each++) {
                Norm norm = { .kind = kind, .center = center, .each = each, .eps = 1e-6f, .width = 6, .offset = (float)each };
                check(norm, 3, 18, true);
                norm.width = 64;
                norm.offset = 1 - norm.offset;
                check(norm, 2, 64, true);
                check(norm, 530, 192, false);
            }
}

static void eps_matters(void **state)
{
    (void)state;
    for (int center = 0; center < 2; center++) {
        check((Norm){ .center = center, .eps = 0.5f }, 5, 64, true);
        check((Norm){ .center = center, .eps = 1e-5f, .spread = 1e-3f }, 5, 64, false);      /* x^2 = 1e-6 */
    }
}

/* A row of zeros: rstd = 1 / sqrt(eps), y = 0. */
static void check_row_of_zeros(const Backend *backend)
{
    float x[20] = {0}, w[20], y[20], rstd;
    for (int i = 0; i < 20; i++) w[i] = 2;
    OpArgs args = { .norm = { .w = w, .eps = 0.25f } };
    OpCall c = { .op = OP_NORM, .n_in = 1, .n_out = 1, .n_saved = 1, .args = &args, .in = { { x, 1, 20 } }, .out = { { y, 1, 20 } },
                 .saved = { { &rstd, 1, 1 } } };
    run_kernel(backend, &c, false);
    assert_true(rstd == 2.0f);
    for (int i = 0; i < 20; i++) assert_true(y[i] == 0.0f);
}

static void a_row_of_zeros(void **state)
{
    (void)state;
    on_every_backend(OP_NORM, check_row_of_zeros);
}

/* x * rstd is rounded before * w, and 1 + w before that product: what transformers' Llama and Gemma do, and where the bits of a
 * step come from. */
static void check_rounding(const Backend *backend)
{
    Tensor w = tensor_random(1, 64, 50, 1), in[1] = { tensor_random(7, 64, 51, 1) };
    for (int offset = 0; offset < 2; offset++) {
        OpCase t = { .op = OP_NORM, .n_in = 1, .args.norm = { .w = w.data, .eps = 1e-5f, .offset = (float)offset } };
        OpCall c = forward(&t, backend, in, 0, -1);
        for (int i = 0; i < 7 * 64; i++) {
            volatile float normalized = in[0].data[i] * c.saved[0].data[i / 64], factor = (float)offset + w.data[i % 64], y = normalized * factor;
            assert_true(c.out[0].data[i] == y);
        }
        forward_free(&c);
    }
    guarded_free(in[0].data);
    guarded_free(w.data);
}

static void rounds_before_the_weight(void **state)
{
    (void)state;
    on_every_backend(OP_NORM, check_rounding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes), cmocka_unit_test(groups), cmocka_unit_test(eps_matters), cmocka_unit_test(a_row_of_zeros),
        cmocka_unit_test(rounds_before_the_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
