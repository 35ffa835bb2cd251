/* What the tests of the tape share: a tiny model of two layers, made of every operation that learns or lets a gradient through, and one
 * step of it, planned in many ways, in an arena that ends where the plan ends. */
#ifndef TESTS_KERNELS_TAPE_MODEL_H
#define TESTS_KERNELS_TAPE_MODEL_H
#include "tests/kernels/aborts.h"

#include <math.h>
#include <sys/mman.h>

#include "kernels/memory.h"
#include "kernels/random.h"
#include "kernels/tape.h"

enum {
    VOCABULARY = 40, WIDTH = 16, HEADS = 4, KV_HEADS = 2, HEAD_DIM = 4, INNER = 24, RANK = 2, LAYERS = 2, MAX_ROWS = 48,
    SITES = 7,                       /* of a layer: q, k, v, o, gate, up, down */
    PARAMS = LAYERS * SITES * 2 + LAYERS,      /* A and B of each site, and a second A that is added to q's */
};
enum { Q, K, V, O, GATE, UP, DOWN };

typedef struct { int64_t at, rows, cols; } Param;
typedef struct {
    Weight embedding, head, site[LAYERS][SITES];
    float *norm, *bias, *frozen_a, *frozen_b, *cos, *sin;
    Param param[PARAMS];
    int64_t n_params;
    float *value, *grad;
    uint64_t trainable;              /* bit p: param[p] */
    void *memory[2 + LAYERS * SITES + 6];
    int n_memory;
} Model;

/* Sizes alone are enough to measure a step. */
typedef struct {
    int64_t n_rows, n_scored;
    int n_spans, longest;
    int32_t ids[MAX_ROWS], position[MAX_ROWS], row[MAX_ROWS], target[MAX_ROWS];
    float coef[MAX_ROWS];
    Span span[MAX_ROWS];
} Batch;

static inline float *numbers(Model *m, Random *random, int64_t n, double mean, double std)
{
    float *x = m->memory[m->n_memory++] = memory_new((size_t)(n + 16), sizeof *x);
    random_normal(random, mean, std, n + 16, x);
    return x;
}

static inline Weight matrix(Model *m, Random *random, const char *name, int64_t rows, int64_t cols)
{
    return (Weight){ .name = name, .dtype = DTYPE_F32, .bytes = numbers(m, random, rows * cols, 0, 1 / sqrt((double)cols)), .rows = rows, .cols = cols };
}

static inline Model model_open(void)
{
    static const int64_t out[SITES] = { WIDTH, KV_HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM, WIDTH, INNER, INNER, WIDTH };
    Model m = { .trainable = ~0ull };
    Random random;
    random_seed(&random, 1);
    m.embedding = matrix(&m, &random, "embedding", VOCABULARY, WIDTH);
    m.head = matrix(&m, &random, "head", VOCABULARY, WIDTH);
    m.norm = numbers(&m, &random, INNER, 1, 0.2);
    m.bias = numbers(&m, &random, INNER, 0, 0.2);
    m.frozen_a = numbers(&m, &random, RANK * WIDTH, 0, 0.3);
    m.frozen_b = numbers(&m, &random, WIDTH * RANK, 0, 0.3);
    m.cos = numbers(&m, &random, MAX_ROWS * HEAD_DIM / 2, 0, 1);
    m.sin = numbers(&m, &random, MAX_ROWS * HEAD_DIM / 2, 0, 1);
    int p = 0;
    for (int l = 0; l < LAYERS; l++)
        for (int s = 0; s < SITES; s++) {
            int64_t in = s == DOWN ? INNER : WIDTH;
            m.site[l][s] = matrix(&m, &random, "site", out[s], in);
            m.param[p++] = (Param){ 0, RANK, in };
            m.param[p++] = (Param){ 0, out[s], RANK };
        }
    for (int l = 0; l < LAYERS; l++) m.param[p++] = (Param){ 0, RANK, WIDTH };
    for (p = 0; p < PARAMS; p++) {
        m.param[p].at = m.n_params;
        m.n_params += m.param[p].rows * m.param[p].cols;
    }
    m.value = memory_new((size_t)m.n_params, sizeof *m.value);
    m.grad = memory_new((size_t)m.n_params, sizeof *m.grad);
    random_normal(&random, 0, 0.3, m.n_params, m.value);
    return m;
}

static inline void model_close(Model *m)
{
    for (int i = 0; i < m->n_memory; i++) free(m->memory[i]);
    free(m->value);
    free(m->grad);
}

/* Documents of the lengths given; every third row is not scored. */
static inline Batch batch_of(const int *lengths, uint64_t seed)
{
    Batch b = {0};
    Random random;
    random_seed(&random, seed);
    for (; lengths[b.n_spans]; b.n_spans++) {
        int n = lengths[b.n_spans];
        b.span[b.n_spans] = (Span){ (int32_t)b.n_rows, n, (int32_t)b.n_rows, n };
        if (n > b.longest) b.longest = n;
        for (int i = 0; i < n; i++, b.n_rows++) {
            b.ids[b.n_rows] = (int32_t)(random_u32(&random) % VOCABULARY);
            b.position[b.n_rows] = i;
            if (b.n_rows % 3 == 1) continue;
            b.row[b.n_scored] = (int32_t)b.n_rows;
            b.target[b.n_scored] = (int32_t)(random_u32(&random) % VOCABULARY);
            random_uniform(&random, 0.2, 1, 1, &b.coef[b.n_scored]);
            b.n_scored++;
        }
    }
    return b;
}

static inline Batch batch_a(void) { return batch_of((int[]){ 9, 1, 14, 6, 0 }, 2); }

/* --- the model's forward */

static inline Var param(Tape *tape, const Model *m, int p)
{
    Tensor value = { m->value + m->param[p].at, m->param[p].rows, m->param[p].cols }, grad = value;
    grad.data = m->grad + m->param[p].at;
    return m->trainable >> p & 1 ? tape_param(tape, value, grad) : tape_const(tape, value);
}

/* q has an A that is itself a sum; o a frozen second term and a bias; q and down have dropout. */
static inline Var site(Tape *tape, const SegmentKey *key, Var x, int s)
{
    const Model *m = key->self;
    int p = (key->index * SITES + s) * 2;
    LowRank term[2] = { { param(tape, m, p), param(tape, m, p + 1), 0.7f, { .p = 0 } } };
    if (s == Q) term[0].a = op_add(tape, term[0].a, param(tape, m, LAYERS * SITES * 2 + key->index));
    if (s == Q || s == DOWN) {
        term[0].drop = (Dropout){ 0.25f, key->random };
        term[0].drop.key.site = (uint32_t)(key->index * SITES + s);
    }
    Tensor frozen_a = { m->frozen_a, RANK, WIDTH }, frozen_b = { m->frozen_b, WIDTH, RANK };
    if (s == O) term[1] = (LowRank){ tape_const(tape, frozen_a), tape_const(tape, frozen_b), -0.5f, { .p = 0 } };
    return op_linear(tape, x, &m->site[key->index][s], s == O ? m->bias : NULL, term, s == O ? 2 : 1);
}

static inline OpArgs rope_args(const Model *m, const Batch *b)
{
    return (OpArgs){ .rope = { .cos = m->cos, .sin = m->sin, .position = b->position, .head_dim = HEAD_DIM, .rotary_dim = HEAD_DIM } };
}

static inline Var normed(Tape *tape, const Model *m, Var x) { return op_norm(tape, x, &(OpArgs){ .norm = { .w = m->norm, .eps = 1e-5f } }); }

static inline void layer(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    const Model *m = key->self;
    const Batch *b = key->batch;
    OpArgs rope = rope_args(m, b);
    OpArgs attention = { .attention = { .span = b->span, .n_spans = b->n_spans, .n_heads = HEADS, .n_kv = KV_HEADS, .head_dim = HEAD_DIM,
                                        .longest = b->longest, .scale = 0.5f } };
    Var x = normed(tape, m, in[0]);
    Var q = op_rope(tape, site(tape, key, x, Q), &rope), k = op_rope(tape, site(tape, key, x, K), &rope);
    Var y = op_attention(tape, q, k, site(tape, key, x, V), &attention);
    Var middle = op_add(tape, in[0], site(tape, key, y, O));
    x = normed(tape, m, middle);
    x = op_gate(tape, ACT_SILU, site(tape, key, x, GATE), site(tape, key, x, UP));
    x = normed(tape, m, x);                 /* a light operation on a light one's output */
    out[0] = op_add(tape, middle, site(tape, key, x, DOWN));
}

typedef struct {
    SegmentPolicy policy[LAYERS];
    bool keep_light, keep_bf16, noise, dead_branch, entropy;
    bool head_again;                 /* the head's gradient is made in backward */
    int workers;
    const Batch *capacity;           /* NULL: the batch itself */
    int garbage;                     /* the arena's bytes before the step */
} Plan;

static inline Scores forward(Tape *tape, const Model *m, const Batch *b, const Plan *plan)
{
    SegmentKey key = { .self = m, .batch = b, .random = { .seed = 7, .step = 3 }, .training = true };
    Var x = op_embedding(tape, &m->embedding, b->ids, b->n_rows), last = x;
    if (plan->noise) x = op_noise(tape, x, 0.1f, key.random);
    for (; key.index < LAYERS; key.index++) {
        last = x;
        tape_segment(tape, plan->policy[key.index], layer, &key, &last, 1, &x, 1);
    }
    if (plan->dead_branch) op_rope(tape, op_add(tape, x, last), (OpArgs[]){ rope_args(m, b) });
    x = normed(tape, m, x);
    return op_head(tape, x, &(OpArgs){ .head = { .w = &m->head, .row = b->row, .target = b->target, .coef = b->coef, .n = b->n_scored, .smoothing = 0.1f,
                                                 .gradient = tape->mode != TAPE_OFF && !plan->head_again } });
}

static inline Scores make_step(Tape *tape, const Model *m, const Batch *b, const Plan *plan, TapeMode mode)
{
    tape_begin(tape, mode);
    Scores s = forward(tape, m, b, plan);
    tape_result(tape, s.score);
    if (plan->entropy) tape_result(tape, s.entropy);
    if (mode == TAPE_RECORD) {
        tape_seed(tape, s.score, b->coef);
        tape_backward(tape);
    }
    tape_end(tape);
    return s;
}

/* --- one step, in an arena that ends where the plan ends */

typedef struct { char *map, *arena; size_t bytes; } Arena;

static inline size_t page(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static inline Arena arena_new(size_t bytes, int garbage)
{
    size_t inside = (bytes + page() - 1) / page() * page();
    Arena a = { .bytes = inside + 2 * page() };
    a.map = mmap(NULL, a.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(a.map != MAP_FAILED);
    assert_int_equal(mprotect(a.map + page(), inside, PROT_READ | PROT_WRITE), 0);
    a.arena = a.map + page() + inside - bytes;
    memset(a.arena, garbage, bytes);
    return a;
}

typedef struct {
    float score[MAX_ROWS], entropy[MAX_ROWS], *grad;
    size_t bytes;
    double flops;
    Profile profile;
    Tensor correct;
} Step;

/* A backend that counts calls and looks at the pointers that the tape hands over. */
typedef struct { Backend backend, real; int fwd[OP_COUNT], bwd[OP_COUNT], without_output[OP_COUNT]; } Spy;

static inline void look(const OpCall *c, bool bwd)
{
    assert_true(!c->scratch_bytes || c->scratch);
    for (int i = 0; i < c->n_saved; i++) assert_true(c->saved[i].data || !c->saved[i].rows);
    if (!bwd) return;
    uint32_t reads = op_rows[c->op].reads ? op_rows[c->op].reads(c->args, c->wanted) : 0;
    assert_true(c->wanted);
    for (int i = 0; i < c->n_in; i++) {
        assert_int_equal(c->in[i].data != NULL, reads >> i & 1);
        assert_int_equal(c->din[i].data != NULL, c->wanted >> i & 1);
        assert_true(c->beta[i] == 0 || (c->beta[i] == 1 && c->din[i].data));
    }
    for (int i = 0; i < c->n_out; i++) assert_int_equal(c->out[i].data != NULL, reads >> (16 + i) & 1);
}

static inline void spy_fwd(const Backend *b, const OpCall *c)
{
    Spy *spy = (Spy *)b;
    spy->fwd[c->op]++;
    spy->without_output[c->op] += !c->out[0].data;
    look(c, false);
    spy->real.op[c->op].fwd(&spy->real, c);
}

static inline void spy_bwd(const Backend *b, const OpCall *c)
{
    Spy *spy = (Spy *)b;
    spy->bwd[c->op]++;
    look(c, true);
    spy->real.op[c->op].bwd(&spy->real, c);
}

static inline Spy spy_new(Pool *pool)
{
    Spy spy = { .real = cpu_backend(pool) };
    spy.backend = spy.real;
    for (int op = 0; op < OP_COUNT; op++) {
        spy.backend.op[op].fwd = spy_fwd;
        if (spy.real.op[op].bwd) spy.backend.op[op].bwd = spy_bwd;
    }
    return spy;
}

static inline Step run(Model *m, const Batch *b, Plan plan, TapeMode mode, Spy *calls)
{
    Pool *pool = pool_open(plan.workers ? plan.workers : 1);
    Spy spy = spy_new(pool);
    Layout *layout = layout_open();
    Tape tape;
    Step step = {0};
    tape_init(&tape, &spy.backend, layout, 500, 200);
    tape.keep_light = plan.keep_light;
    tape.keep_bf16 = plan.keep_bf16;
    make_step(&tape, m, plan.capacity ? plan.capacity : b, &plan, mode);
    for (int op = 0; op < OP_COUNT; op++) assert_int_equal(spy.fwd[op] + spy.bwd[op], 0);
    step.bytes = layout_bytes(layout);
    step.flops = layout_flops(layout);
    Arena arena = arena_new(step.bytes, plan.garbage);
    layout_place(layout, arena.arena);
    memset(m->grad, 0, (size_t)m->n_params * sizeof *m->grad);
    tape.profile = &step.profile;
    Scores s = make_step(&tape, m, b, &plan, mode);
    memcpy(step.score, tape_value(&tape, s.score).data, (size_t)b->n_scored * sizeof(float));
    if (plan.entropy) memcpy(step.entropy, tape_value(&tape, s.entropy).data, (size_t)b->n_scored * sizeof(float));
    step.correct = tape_value(&tape, s.correct);
    step.grad = memory_copy(m->grad, (size_t)m->n_params, sizeof *m->grad);
    if (calls) *calls = spy;
    munmap(arena.map, arena.bytes);
    tape_free(&tape);
    layout_close(layout);
    pool_close(pool);
    return step;
}

static inline void assert_same_step(const Model *m, const Step *got, const Step *expected)
{
    assert_memory_equal(got->score, expected->score, sizeof got->score);
    assert_memory_equal(got->grad, expected->grad, (size_t)m->n_params * sizeof *got->grad);
}

#endif
