/* What the test of one operation shares with the others. A test brings a double-precision reference, written as a plain
 * loop, and cases; `check_op` does with each case what the row of the operation (kernels/op.h) allows:
 *
 *   reference   small cases: its gradient against central finite differences of its own forward
 *   forward     on every backend and in each of its variants: equal bytes, near the reference; the output over an input; small:
 *               outputs left out
 *   backward    gradients added and overwritten, over dout, over saved; what the row does not read is NULL; small: every
 *               subset of gradients
 *
 * Operations with matrix products run by every set of instructions that this machine has; those with frozen weights also by an emulated
 * one: by tiles where W is bfloat16.
 * Every tensor and the scratch stand between guard bytes, and whatever a kernel has to write starts as NaN. Inputs must be
 * unchanged afterwards. An error is a difference over the element's own size plus the expected tensor's root mean square:
 * rounding grows with the element, and beside the tensor a small element may be all rounding. */
#ifndef TESTS_KERNELS_OP_TESTING_H
#define TESTS_KERNELS_OP_TESTING_H
#include "tests/testing.h"

#include <math.h>

#include "kernels/backend.h"
#include "kernels/cuda/device.h"
#include "kernels/cuda/emulator/fake_device.h"
#include "kernels/memory.h"
#include "kernels/random.h"
#include "tests/kernels/cpu/emulated.h"

typedef struct { double *data; int64_t rows, cols; } Exact;

/* What a reference gets: forward fills out from in, backward overwrites din from in and dout. */
typedef struct {
    const OpArgs *args;
    int n_in, n_out;
    Exact in[OP_MAX_IN], out[OP_MAX_OUT], din[OP_MAX_IN], dout[OP_MAX_OUT];
} Reference;

typedef struct {
    OpId op;
    int n_in;
    struct { int64_t rows, cols; } size[OP_MAX_IN];
    OpArgs args;
    void (*fwd)(Reference *), (*bwd)(Reference *);      /* bwd NULL: no gradient is asked for */
    double fwd_tolerance, bwd_tolerance;
    float spread;                                       /* standard deviation of the inputs; 0: 1 */
    const float *dout;                                  /* d objective / d out[0] that must be this very memory; NULL: random */
    bool small;                                         /* finite differences and every subset */
    bool cpu_only;                                      /* it is about how the CPU cuts its work, and long for an emulated device */
} OpCase;

/* --- memory between guards */

enum { GUARD = 64 };
static const unsigned char guard_byte = 0xA5, garbage_byte = 0xFF;      /* 0xFFFFFFFF is a NaN */

static inline void *guarded_new(size_t bytes)
{
    unsigned char *base = aligned_alloc(GUARD, (bytes + 4 * GUARD - 1) / GUARD * GUARD);
    assert_non_null(base);
    memcpy(base, &bytes, sizeof bytes);
    memset(base + sizeof bytes, guard_byte, GUARD - sizeof bytes);
    memset(base + GUARD, garbage_byte, bytes);
    memset(base + GUARD + bytes, guard_byte, GUARD);
    return base + GUARD;
}

static inline void guarded_free(void *data)
{
    if (!data) return;
    unsigned char *base = (unsigned char *)data - GUARD;
    size_t bytes;
    memcpy(&bytes, base, sizeof bytes);
    for (size_t i = sizeof bytes; i < GUARD; i++) assert_int_equal(base[i], guard_byte);
    for (size_t i = 0; i < GUARD; i++) assert_int_equal(base[GUARD + bytes + i], guard_byte);
    free(base);
}

static inline size_t tensor_bytes(Tensor t) { return (size_t)(t.rows * t.cols) * sizeof(float); }

static inline Tensor tensor_new(int64_t rows, int64_t cols)
{
    Tensor t = { NULL, rows, cols };
    t.data = guarded_new(tensor_bytes(t));
    return t;
}

static inline Tensor tensor_copy(Tensor from)
{
    Tensor t = tensor_new(from.rows, from.cols);
    memcpy(t.data, from.data, tensor_bytes(t));
    return t;
}

/* torch's normals come in blocks of 16 and more; a tensor of any size takes the first of them. */
static inline Tensor tensor_random(int64_t rows, int64_t cols, uint64_t seed, float spread)
{
    Tensor t = tensor_new(rows, cols);
    Random random;
    random_seed(&random, seed);
    float *values = memory_new((size_t)(rows * cols + 16), sizeof *values);
    random_normal(&random, 0, (double)spread, rows * cols + 16, values);
    memcpy(t.data, values, tensor_bytes(t));
    free(values);
    return t;
}

static inline Exact exact_new(int64_t rows, int64_t cols)
{
    return (Exact){ memory_new((size_t)(rows * cols), sizeof(double)), rows, cols };
}

static inline Exact exact_of(Tensor t)
{
    Exact e = exact_new(t.rows, t.cols);
    for (int64_t i = 0; i < t.rows * t.cols; i++) e.data[i] = (double)t.data[i];
    return e;
}

/* --- weights of every dtype */

/* Random blocks whose scales are moderate float16: random bytes, then a magnitude of about 2^-7 where a scale stands. */
static inline Weight weight_random(Dtype dtype, int64_t rows, int64_t cols, uint64_t seed)
{
    static const struct { int n, at[2]; } scales[DTYPE_COUNT] = {
        [DTYPE_Q8_0] = { 1, { 0 } }, [DTYPE_Q4_0] = { 1, { 0 } }, [DTYPE_Q4_1] = { 2, { 0, 2 } }, [DTYPE_Q5_0] = { 1, { 0 } },
        [DTYPE_Q5_1] = { 2, { 0, 2 } }, [DTYPE_Q4_K] = { 2, { 0, 2 } }, [DTYPE_Q5_K] = { 2, { 0, 2 } }, [DTYPE_Q6_K] = { 1, { 208 } },
    };
    const DtypeRow *row = &dtype_rows[dtype];
    size_t bytes = (size_t)(rows * dtype_row_bytes(dtype, cols));
    uint8_t *data = guarded_new(bytes);
    Random random;
    random_seed(&random, seed);
    for (size_t i = 0; i < bytes; i++) data[i] = (uint8_t)random_u32(&random);
    if (dtype == DTYPE_F32) random_normal(&random, 0, 1, rows * cols, (float *)data);
    for (size_t i = 0; i < bytes; i += (size_t)row->bytes) {
        uint32_t bits = random_u32(&random);
        if (dtype == DTYPE_F16) data[i + 1] = (uint8_t)((bits & 0x80) | 0x34 | (bits & 0x0B));
        if (dtype == DTYPE_BF16) data[i + 1] = (uint8_t)((bits & 0x80) | 0x3E);
        for (int k = 0; k < scales[dtype].n; k++) data[i + (size_t)scales[dtype].at[k] + 1] = (uint8_t)((bits >> k & 0x80) | 0x20);
    }
    return (Weight){ .name = row->name, .dtype = dtype, .bytes = data, .rows = rows, .cols = cols };
}

static inline void weight_free(Weight w) { guarded_free((void *)w.bytes); }

/* All of W in double: row by row as the comment at Weight says. */
static inline double *weight_exact(const Weight *w)
{
    double *out = memory_new((size_t)(w->rows * w->cols), sizeof *out);
    float *row = memory_new((size_t)w->cols, sizeof *row);
    for (int64_t r = 0; r < w->rows; r++) {
        int64_t stored = r, d = w->heads ? w->rows / w->heads : 0;
        for (int64_t h = 0; w->order == ROWS_PAIRED && h < w->heads; h++)
            for (int64_t half = 0; half < 2; half++)
                for (int64_t i = 0; i < d / 2; i++)
                    if (h * d + half * (d / 2) + i == r) stored = h * d + 2 * i + half;
        for (int64_t h = 0; w->order == ROWS_SPLIT && h < w->heads; h++)
            for (int64_t part = 0; part < 3; part++)
                for (int64_t i = 0; i < d / 3; i++)
                    if (h * d + part * (d / 3) + i == r) stored = (part * w->heads + h) * (d / 3) + i;
        dtype_rows[w->dtype].decode((const char *)w->bytes + stored * dtype_row_bytes(w->dtype, w->cols), w->cols, row);
        for (int64_t i = 0; i < w->cols; i++) out[r * w->cols + i] = (double)row[i];
    }
    free(row);
    return out;
}

/* --- dropout */

/* What element number `element` is multiplied by, as the comment at Dropout says. */
static inline double dropout_keep(Dropout drop, int64_t element)
{
    if (drop.p <= 0) return 1;
    return philox_unit(philox_word(drop.key, (uint64_t)element)) < drop.p ? 0 : 1 / (1 - (double)drop.p);
}

/* --- comparing */

static inline double root_mean_square(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sum > 0 ? sqrt(sum / (double)n) : 1;
}

static inline void assert_near(const char *op, const char *what, int index, Exact got, Exact expected, double tolerance)
{
    double size = root_mean_square(expected.data, expected.rows * expected.cols), worst = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < expected.rows * expected.cols; i++) {
        double error = fabs(got.data[i] - expected.data[i]) / (fabs(expected.data[i]) + size);
        if (error <= worst) continue;
        at = i;
        worst = error;
        if (isnan(error)) break;
    }
    if (worst <= tolerance) return;
    print_error("%s %s[%d] [%lld, %lld]: element [%lld, %lld] is %.9g, expected %.9g: off by %.3g of its size, allowed %.3g\n", op, what, index,
                (long long)expected.rows, (long long)expected.cols, (long long)(at / expected.cols), (long long)(at % expected.cols), got.data[at],
                expected.data[at], worst, tolerance);
    assert_true(worst <= tolerance);
}

static inline void assert_tensor_near(const char *op, const char *what, int index, Tensor got, Exact expected, double tolerance)
{
    Exact wide = exact_of(got);
    assert_near(op, what, index, wide, expected, tolerance);
    free(wide.data);
}

static inline void assert_same_bytes(const char *op, const char *what, int index, Tensor got, Tensor expected)
{
    if (!memcmp(got.data, expected.data, tensor_bytes(expected))) return;
    Exact wide = exact_of(expected);
    assert_tensor_near(op, what, index, got, wide, 0);
    free(wide.data);
    assert_memory_equal(got.data, expected.data, tensor_bytes(expected));
}

/* --- backends */

/* A backend in variants whose results are the same bytes: with 1, 2, 3 workers; with blocks and threads forward, backward, at random. */
typedef enum { ON_CPU, ON_CUDA, ON_BACKENDS } On;
enum { VARIANTS = 3 };
typedef struct { Backend backend[VARIANTS]; Device *device; } Variants;

static inline Variants variants_open(On on)
{
    Variants v = {0};
    if (on == ON_CUDA) assert_ok(device_open(&v.device, 0));
    for (int i = 0; i < VARIANTS; i++) v.backend[i] = on == ON_CUDA ? cuda_backend(v.device) : cpu_backend(pool_open(1 + i));
    return v;
}

static inline void variants_close(Variants *v)
{
    for (int i = 0; i < VARIANTS; i++) pool_close(v->backend[i].pool);
    device_close(v->device);
    assert_int_equal(fake_device_used(), 0);
}

/* Ready for what runs next. */
static inline const Backend *variant(const Variants *v, int i)
{
    static const EmulatorSchedule schedules[VARIANTS] = { EMULATOR_FORWARD, EMULATOR_REVERSE, EMULATOR_RANDOM };
    emulator_schedule(schedules[i], 1);
    return &v->backend[i];
}

/* How large a case is run on the emulator: a product there takes a hundred times its time, under sanitizers ten or a hundred times that. Races and
 * overruns show in some blocks as they do in hundreds. On aarch64 the tests themselves are emulated. */
#if defined(__aarch64__)
enum { MOST_ELEMENTS = 0, MOST_FLOPS = 0 };
#elif defined(__SANITIZE_THREAD__)
enum { MOST_ELEMENTS = 1 << 12, MOST_FLOPS = 1 << 18 };
#elif defined(__SANITIZE_ADDRESS__)
enum { MOST_ELEMENTS = 1 << 16, MOST_FLOPS = 1 << 21 };
#else
enum { MOST_ELEMENTS = 1 << 21, MOST_FLOPS = 1 << 24 };
#endif

/* Whether a backend has the operation at all. */
static inline bool is_there(const Backend *backend, OpId op)
{
    if (backend->op[op].fwd) return true;
    print_message("skipped: %s is not there on %s yet\n", op_rows[op].name, backend->name);
    return false;
}

static inline void on_every_backend(OpId op, void (*check)(const Backend *))
{
    for (On on = ON_CPU; on < ON_BACKENDS; on++) {
        Variants v = variants_open(on);
        if (is_there(&v.backend[1], op)) check(variant(&v, 1));
        variants_close(&v);
    }
}

/* --- running where memory is not the host's: every tensor goes there and comes back, whatever the operation did to it; what arguments point
 * to is placed. Equal addresses stay equal. */

typedef struct { void *host, *device; size_t bytes; } Mirror;
typedef struct { const Backend *backend; Mirror mirror[2 * OP_MAX_IN + 2 * OP_MAX_OUT + OP_MAX_SAVED + 2]; int n; const void *placed[8]; int n_placed; } Mirrors;

static inline void *mirror(Mirrors *m, void *host, size_t bytes)
{
    if (!host) return NULL;
    for (int i = 0; i < m->n_placed; i++)
        if (m->placed[i] == host) return device_at(m->backend->device, host);
    for (int i = 0; i < m->n; i++)
        if (m->mirror[i].host == host) return m->mirror[i].device;
    Mirror *new = &m->mirror[m->n++];
    *new = (Mirror){ host, NULL, bytes };
    assert_ok(m->backend->memory->take(m->backend->device, bytes ? bytes : 1, &new->device));
    m->backend->memory->write(m->backend->device, new->device, host, bytes);
    return new->device;
}

static inline void place_array(Mirrors *m, const void *host, int64_t n, size_t size)
{
    if (!host || !n) return;
    assert_ok(m->backend->memory->place(m->backend->device, host, (size_t)n * size));
    m->placed[m->n_placed++] = host;
}

static inline void place_weight(Mirrors *m, const Weight *w)
{
    if (w) place_array(m, w->bytes, w->rows, (size_t)dtype_row_bytes(w->dtype, w->cols));
}

static inline int64_t one_more_than_the_largest(const int32_t *x, int64_t n)
{
    int64_t most = -1;
    for (int64_t i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
    return most + 1;
}

static inline void place_arguments(Mirrors *m, const OpCall *c)
{
    const OpArgs *a = c->args;
    int64_t n = 0;
    switch (c->op) {
    case OP_EMBEDDING:
        place_array(m, a->embedding.ids, a->embedding.n, sizeof(int32_t));
        place_weight(m, a->embedding.w);
        break;
    case OP_NORM:
        n = a->norm.each || !a->norm.width ? c->out[0].cols : a->norm.width;
        place_array(m, a->norm.w, n, sizeof(float));
        place_array(m, a->norm.b, n, sizeof(float));
        break;
    case OP_LINEAR:
        place_weight(m, a->linear.w);
        place_array(m, a->linear.b, a->linear.w->rows, sizeof(float));
        break;
    case OP_ROPE:
        n = one_more_than_the_largest(a->rope.position, c->out[0].rows) * (a->rope.rotary_dim / 2);
        place_array(m, a->rope.cos, n, sizeof(float));
        place_array(m, a->rope.sin, n, sizeof(float));
        place_array(m, a->rope.position, c->out[0].rows, sizeof(int32_t));
        break;
    case OP_ATTENTION:
        place_array(m, a->attention.span, a->attention.n_spans, sizeof(Span));
        break;
    case OP_HEAD:
        place_weight(m, a->head.w);
        place_array(m, a->head.row, a->head.n, sizeof(int32_t));
        place_array(m, a->head.target, a->head.n, sizeof(int32_t));
        place_array(m, a->head.coef, a->head.n, sizeof(float));
        place_array(m, a->head.b, a->head.w ? a->head.w->rows : c->in[1].rows, sizeof(float));
        break;
    case OP_GATHER:
        place_array(m, a->gather.ids, a->gather.n, sizeof(int32_t));
        place_array(m, a->gather.row, one_more_than_the_largest(a->gather.ids, a->gather.n), sizeof(int32_t));
        place_weight(m, a->gather.w);
        break;
    default: break;
    }
}

static inline void mirror_tensors(Mirrors *m, Tensor t[], int n)
{
    for (int i = 0; i < n; i++) t[i].data = mirror(m, t[i].data, tensor_bytes(t[i]));
}

static inline void run_on_device(const Backend *backend, void (*kernel)(const Backend *, const OpCall *), const OpCall *c)
{
    Mirrors m = { .backend = backend };
    OpCall there = *c;
    OpArgs args = *c->args;
    place_arguments(&m, c);
    mirror_tensors(&m, there.in, OP_MAX_IN);
    mirror_tensors(&m, there.out, OP_MAX_OUT);
    mirror_tensors(&m, there.saved, OP_MAX_SAVED);
    mirror_tensors(&m, there.din, OP_MAX_IN);
    mirror_tensors(&m, there.dout, OP_MAX_OUT);
    there.scratch = mirror(&m, c->scratch, c->scratch_bytes);
    if (c->op == OP_APPEND) args.append.cache = mirror(&m, args.append.cache, (size_t)(args.append.capacity * c->out[0].cols) * sizeof(float));
    there.args = &args;
    kernel(backend, &there);
    for (int i = 0; i < m.n; i++) {
        assert_ok(backend->memory->read(backend->device, m.mirror[i].host, m.mirror[i].device, m.mirror[i].bytes));
        backend->memory->give(backend->device, m.mirror[i].device);
    }
    for (int i = 0; i < m.n_placed; i++) backend->memory->unplace(backend->device, m.placed[i]);
    assert_ok(backend->memory->sync(backend->device));
}

/* --- running */

static inline void run_kernel(const Backend *backend, OpCall *c, bool bwd)
{
    const Kernels *kernels = &backend->op[c->op];
    c->scratch_bytes = kernels->scratch ? kernels->scratch(backend, c, bwd) : 0;
    c->scratch = guarded_new(c->scratch_bytes);
    if (backend->memory) run_on_device(backend, bwd ? kernels->bwd : kernels->fwd, c);
    else (bwd ? kernels->bwd : kernels->fwd)(backend, c);
    guarded_free(c->scratch);
    c->scratch = NULL;
}

/* `left_out`: bit i: out[i] is NULL. `over` >= 0: out[0] lies over a copy of in[over]. */
static inline OpCall forward(const OpCase *t, const Backend *backend, const Tensor in[], uint32_t left_out, int over)
{
    OpCall c = { .op = t->op, .n_in = t->n_in, .args = &t->args };
    for (int i = 0; i < t->n_in; i++) c.in[i] = in[i];
    op_rows[t->op].shape(&c);
    for (int i = 0; i < c.n_out; i++)
        if (!(left_out >> i & 1)) c.out[i] = tensor_new(c.out[i].rows, c.out[i].cols);
    if (over >= 0) {
        memcpy(c.out[0].data, in[over].data, tensor_bytes(c.out[0]));
        c.in[over].data = c.out[0].data;
    }
    for (int i = 0; i < c.n_saved; i++) c.saved[i] = tensor_new(c.saved[i].rows, c.saved[i].cols);
    run_kernel(backend, &c, false);
    if (over >= 0) c.in[over].data = in[over].data;
    return c;
}

static inline void forward_free(OpCall *c)
{
    for (int i = 0; i < c->n_out; i++) guarded_free(c->out[i].data);
    for (int i = 0; i < c->n_saved; i++) guarded_free(c->saved[i].data);
}

typedef enum { NO_ALIAS, OVER_DOUT, OVER_SAVED } Alias;
typedef struct { uint32_t wanted, add; Alias alias; } Wish;      /* bit i of add: beta[i] = 1 */

static inline Tensor before_adding(const OpCase *t, int i) { return tensor_random(t->size[i].rows, t->size[i].cols, 900 + (uint64_t)i, 1); }

/* The gradients that `wish` asks for; the caller frees them. */
static inline void backward(const OpCase *t, const Backend *backend, const OpCall *done, const Tensor dout[], Wish wish, Tensor din[])
{
    const OpRow *row = &op_rows[t->op];
    OpCall c = *done;
    uint32_t reads = row->reads ? row->reads(&t->args, wish.wanted) : 0;
    int aliased = (wish.alias == OVER_DOUT ? row->din_over_dout : wish.alias == OVER_SAVED ? row->din_over_saved : 0) - 1;
    c.wanted = wish.wanted;
    for (int i = 0; i < c.n_saved; i++) c.saved[i] = tensor_copy(done->saved[i]);
    for (int i = 0; i < c.n_out; i++) {
        if (!(reads >> (16 + i) & 1)) c.out[i].data = NULL;
        c.dout[i] = done->out[i];
        c.dout[i].data = !dout[i].data ? NULL : i == 0 && t->dout ? (float *)t->dout : tensor_copy(dout[i]).data;
    }
    for (int i = 0; i < t->n_in; i++) {
        if (!(reads >> i & 1)) c.in[i].data = NULL;
        if (!(wish.wanted >> i & 1)) continue;
        c.beta[i] = wish.add >> i & 1 ? 1.0f : 0.0f;
        c.din[i] = wish.add >> i & 1 ? before_adding(t, i) : tensor_new(t->size[i].rows, t->size[i].cols);
        if (i != aliased) continue;
        guarded_free(c.din[i].data);
        c.din[i].data = wish.alias == OVER_DOUT ? c.dout[0].data : c.saved[0].data;
    }
    run_kernel(backend, &c, true);
    for (int i = 0; i < t->n_in; i++) din[i] = c.din[i];
    for (int i = 0; i < c.n_saved; i++)
        if (i || wish.alias != OVER_SAVED) guarded_free(c.saved[i].data);
    for (int i = 0; i < c.n_out; i++) {
        bool reused = i == 0 && wish.alias == OVER_DOUT;
        if (!c.dout[i].data || reused) continue;
        assert_memory_equal(c.dout[i].data, dout[i].data, tensor_bytes(dout[i]));
        if (i || !t->dout) guarded_free(c.dout[i].data);
    }
}

static inline void gradients_free(const OpCase *t, Tensor din[])
{
    for (int i = 0; i < t->n_in; i++) guarded_free(din[i].data);
}

/* --- the checks */

static inline double objective(const Reference *r)
{
    double sum = 0;
    for (int i = 0; i < r->n_out; i++)
        for (int64_t e = 0; r->dout[i].data && e < r->out[i].rows * r->out[i].cols; e++) sum += r->out[i].data[e] * r->dout[i].data[e];
    return sum;
}

/* Central differences with step h err by about h^2 = 1e-10 of the third derivative and 1e-16 / h = 1e-11 of the objective;
 * objectives here are sums of up to a few hundred terms of size 1. */
static inline void check_reference(const OpCase *t, Reference *r)
{
    const double h = 1e-5;
    for (int i = 0; i < r->n_in; i++) {
        Exact numeric = exact_new(r->in[i].rows, r->in[i].cols);
        for (int64_t e = 0; e < numeric.rows * numeric.cols; e++) {
            double x = r->in[i].data[e];
            r->in[i].data[e] = x + h;
            t->fwd(r);
            double up = objective(r);
            r->in[i].data[e] = x - h;
            t->fwd(r);
            numeric.data[e] = (up - objective(r)) / (2 * h);
            r->in[i].data[e] = x;
        }
        assert_near(op_rows[t->op].name, "reference's gradient", i, r->din[i], numeric, 1e-7);
        free(numeric.data);
    }
    t->fwd(r);
}

static inline void check_gradients(const OpCase *t, const Reference *r, const Tensor din[], Wish wish)
{
    for (int i = 0; i < t->n_in; i++) {
        if (!din[i].data) continue;
        Exact expected = exact_new(din[i].rows, din[i].cols);
        Tensor before = before_adding(t, i);
        for (int64_t e = 0; e < expected.rows * expected.cols; e++)
            expected.data[e] = r->din[i].data[e] + (wish.add >> i & 1 ? (double)before.data[e] : 0);
        assert_tensor_near(op_rows[t->op].name, wish.add >> i & 1 ? "added gradient" : "gradient", i, din[i], expected, t->bwd_tolerance);
        guarded_free(before.data);
        free(expected.data);
    }
}

static inline void check_backward(const OpCase *t, const Variants *v, const OpCall *done, const Reference *r, const Tensor dout[])
{
    const OpRow *row = &op_rows[t->op];
    uint32_t all = (1u << t->n_in) - 1;
    for (uint32_t wanted = t->small ? 1 : all; wanted <= all; wanted++)
        for (int how = 0; how < (t->small ? 4 : 2); how++) {
            Wish wish = { .wanted = wanted, .add = (uint32_t[]){ 0, all, 0x55555555u & all, 0xAAAAAAAAu & all }[how] };
            Tensor din[OP_MAX_IN], other[OP_MAX_IN];
            backward(t, variant(v, 0), done, dout, wish, din);
            check_gradients(t, r, din, wish);
            for (int b = 1; b < VARIANTS; b++) {
                backward(t, variant(v, b), done, dout, wish, other);
                for (int i = 0; i < t->n_in; i++)
                    if (din[i].data) assert_same_bytes(row->name, "gradient, another variant", i, other[i], din[i]);
                gradients_free(t, other);
            }
            for (Alias alias = OVER_DOUT; alias <= OVER_SAVED; alias++) {
                int over = alias == OVER_DOUT ? row->din_over_dout : row->din_over_saved;
                if (!over || (alias == OVER_SAVED && !done->n_saved) || !(wanted >> (over - 1) & 1) || wish.add >> (over - 1) & 1) continue;
                if (tensor_bytes(din[over - 1]) != tensor_bytes(alias == OVER_DOUT ? done->out[0] : done->saved[0])) continue;
                backward(t, variant(v, 1), done, dout, (Wish){ wanted, wish.add, alias }, other);
                for (int i = 0; i < t->n_in; i++)
                    if (din[i].data) assert_same_bytes(row->name, "gradient in place", i, other[i], din[i]);
                gradients_free(t, other);
            }
            gradients_free(t, din);
        }
}

/* An output may be missing where another one, or backward through what is saved, still makes the call worth its while. */
static inline bool may_leave_out(const OpCase *t, const OpCall *c, uint32_t left_out)
{
    uint32_t all_out = (1u << c->n_out) - 1, all_in = (1u << t->n_in) - 1;
    if (left_out != all_out) return true;
    return c->n_saved && !(op_rows[t->op].reads && op_rows[t->op].reads(&t->args, all_in) >> 16);
}

static inline void check_forward(const OpCase *t, const Variants *v, const OpCall *done, const Tensor in[])
{
    const char *name = op_rows[t->op].name;
    uint32_t subsets = t->small ? 1u << done->n_out : 1;
    for (int b = 0; b < VARIANTS; b++)
        for (uint32_t left_out = !b; left_out < subsets; left_out++) {
            if (!may_leave_out(t, done, left_out)) continue;
            OpCall other = forward(t, variant(v, b), in, left_out, -1);
            for (int i = 0; i < done->n_out; i++)
                if (other.out[i].data) assert_same_bytes(name, "out, another variant or outputs", i, other.out[i], done->out[i]);
            for (int i = 0; i < done->n_saved; i++) assert_same_bytes(name, "saved, another variant or outputs", i, other.saved[i], done->saved[i]);
            forward_free(&other);
        }
    for (int i = 0; i < t->n_in; i++) {
        if (!(op_rows[t->op].out_over >> i & 1)) continue;
        OpCall other = forward(t, variant(v, 1), in, 0, i);
        assert_same_bytes(name, "out in place of in", i, other.out[0], done->out[0]);
        forward_free(&other);
    }
}

/* `isa`: of the CPU. */
static inline void check_on(On on, const Instructions *isa, const OpCase *t)
{
    const char *name = op_rows[t->op].name;
    Variants v = variants_open(on);
    for (int i = 0; i < VARIANTS; i++) v.backend[i].isa = isa;
    if (!is_there(&v.backend[0], t->op)) {
        variants_close(&v);
        return;
    }
    Reference r = { .args = &t->args, .n_in = t->n_in };
    Tensor in[OP_MAX_IN], pristine[OP_MAX_IN], dout[OP_MAX_OUT] = {0};
    for (int i = 0; i < t->n_in; i++) {
        in[i] = tensor_random(t->size[i].rows, t->size[i].cols, 1 + (uint64_t)i, t->spread > 0 ? t->spread : 1);
        pristine[i] = tensor_copy(in[i]);
        r.in[i] = exact_of(in[i]);
        r.din[i] = exact_new(in[i].rows, in[i].cols);
    }

    OpCall done = forward(t, variant(&v, 0), in, 0, -1);
    r.n_out = done.n_out;
    for (int i = 0; i < r.n_out; i++) r.out[i] = exact_new(done.out[i].rows, done.out[i].cols);
    t->fwd(&r);
    for (int i = 0; i < r.n_out; i++) assert_tensor_near(name, "out", i, done.out[i], r.out[i], t->fwd_tolerance);
    check_forward(t, &v, &done, in);

    if (t->bwd) {
        dout[0] = tensor_random(done.out[0].rows, done.out[0].cols, 77, 1);
        if (t->dout) memcpy(dout[0].data, t->dout, tensor_bytes(dout[0]));
        r.dout[0] = exact_of(dout[0]);
        t->bwd(&r);
        if (t->small && on == ON_CPU) check_reference(t, &r);
        check_backward(t, &v, &done, &r, dout);
    }

    for (int i = 0; i < t->n_in; i++) assert_same_bytes(name, "untouched in", i, in[i], pristine[i]);
    forward_free(&done);
    guarded_free(dout[0].data);
    free(r.dout[0].data);
    for (int i = 0; i < r.n_out; i++) free(r.out[i].data);
    for (int i = 0; i < t->n_in; i++) {
        guarded_free(in[i].data);
        guarded_free(pristine[i].data);
        free(r.in[i].data);
        free(r.din[i].data);
    }
    variants_close(&v);
}

static inline bool fits_emulator(const OpCase *t)
{
    OpCall c = { .op = t->op, .n_in = t->n_in, .args = &t->args };
    for (int i = 0; i < t->n_in; i++) c.in[i] = (Tensor){ NULL, t->size[i].rows, t->size[i].cols };
    op_rows[t->op].shape(&c);
    int64_t most = c.out[0].rows * c.out[0].cols;
    for (int i = 0; i < t->n_in; i++) most = c.in[i].rows * c.in[i].cols > most ? c.in[i].rows * c.in[i].cols : most;
    return most <= MOST_ELEMENTS && (!op_rows[t->op].flops || op_rows[t->op].flops(&c, false) <= MOST_FLOPS);
}

/* By every set of instructions that this machine has, where the operation is a product, and those that only emulation has. */
static inline void check_on_cpu(const OpCase *t)
{
    const Weight *w = t->op == OP_LINEAR ? t->args.linear.w : t->op == OP_HEAD ? t->args.head.w : NULL;
    bool multiplies = t->op == OP_LINEAR || t->op == OP_HEAD || t->op == OP_ATTENTION || t->op == OP_DENSE;
    const Instructions *widest = instructions_widest();
    for (const Instructions *isa = multiplies ? instruction_sets : widest; isa <= widest; isa++) check_on(ON_CPU, isa, t);
    for (int i = 0; w && i < n_emulated; i++)
        if (!emulated[i].isa.tiles == (w->dtype != DTYPE_BF16)) check_on(ON_CPU, &emulated[i].isa, t);
}

static inline void check_op(const OpCase *t)
{
    check_on_cpu(t);
    if (!t->cpu_only && fits_emulator(t)) check_on(ON_CUDA, NULL, t);
}

#endif
