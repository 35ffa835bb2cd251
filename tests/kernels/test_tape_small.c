/* The tape on a few values of four by four: segments with several inputs and outputs, one inside another, and every CHECK of the
 * tape. test_tape.c has a whole model. */
#include "tests/kernels/aborts.h"

#include <math.h>

#include "kernels/memory.h"
#include "kernels/random.h"
#include "kernels/tape.h"

typedef struct { Tape tape; Backend backend; Layout *layout; Pool *pool; float value[64], grad[64], w[16]; Weight weight; SegmentPolicy policy; } Small;

static Small *small_open(void)
{
    Small *s = memory_new(1, sizeof *s);
    s->pool = pool_open(1);
    s->backend = cpu_backend(s->pool);
    s->layout = layout_open();
    s->weight = (Weight){ .name = "w", .dtype = DTYPE_F32, .bytes = s->w, .rows = 4, .cols = 4 };
    tape_init(&s->tape, &s->backend, s->layout, 30, 12);
    tape_begin(&s->tape, TAPE_RECORD);
    return s;
}

static void small_close(Small *s)
{
    tape_free(&s->tape);
    layout_close(s->layout);
    pool_close(s->pool);
    free(s);
}

static Var learned(Small *s) { return tape_param(&s->tape, (Tensor){ s->value, 4, 4 }, (Tensor){ s->grad, 4, 4 }); }
static Var fixed(Small *s) { return tape_const(&s->tape, (Tensor){ s->value, 4, 4 }); }

/* --- values as matrices */

/* A table, a matrix, a row and a head that all learn, through their wrappers: the step along the gradient, h of it up and down, changes
 * the objective by 2 h |gradient|^2. */
enum { LEARNED = 20 + 12 + 3 + 21 };      /* table [5, 4], matrix [3, 4], row [1, 3], head [7, 3] */
typedef struct { Tape tape; Layout *layout; float value[LEARNED], grad[LEARNED]; } Learner;

static Var part(Learner *l, int *at, int64_t rows, int64_t cols)
{
    Var v = tape_param(&l->tape, (Tensor){ l->value + *at, rows, cols }, (Tensor){ l->grad + *at, rows, cols });
    *at += (int)(rows * cols);
    return v;
}

static double objective(Learner *l)
{
    static const int32_t ids[] = { 0, 3, 3, 4 }, row[] = { 3, 1, 2 }, target[] = { 6, 0, 2 };
    static const float coef[] = { 1, -0.5f, 2 };
    int at = 0;
    tape_begin(&l->tape, TAPE_RECORD);
    Var x = op_gather(&l->tape, part(l, &at, 5, 4), ids, 4, false);
    x = op_dense(&l->tape, x, part(l, &at, 3, 4), false);
    x = op_add_row(&l->tape, x, part(l, &at, 1, 3));
    Scores s = op_head_trained(&l->tape, x, (Var[]){ part(l, &at, 7, 3) }, NULL, &(OpArgs){ .head = { .row = row, .target = target, .n = 3 } });
    assert_int_equal(at, LEARNED);
    tape_result(&l->tape, s.score);
    tape_seed(&l->tape, s.score, coef);
    tape_backward(&l->tape);
    tape_end(&l->tape);
    const float *score = tape_value(&l->tape, s.score).data;
    double sum = 0;
    for (int i = 0; score && i < 3; i++) sum += (double)(coef[i] * score[i]);
    return sum;
}

static void values_as_matrices_learn(void **state)
{
    (void)state;
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    Learner l = { .layout = layout_open() };
    Random random;
    random_seed(&random, 4);
    random_normal(&random, 0, 0.5, LEARNED, l.value);
    tape_init(&l.tape, &backend, l.layout, 20, 8);
    objective(&l);
    void *arena = memory_try(layout_bytes(l.layout));
    layout_place(l.layout, arena);
    objective(&l);
    float start[LEARNED], gradient[LEARNED];
    memcpy(start, l.value, sizeof start);
    memcpy(gradient, l.grad, sizeof gradient);
    double square = 0, up, down;
    const float h = 1e-3f;
    for (int i = 0; i < LEARNED; i++) {
        square += (double)gradient[i] * (double)gradient[i];
        l.value[i] = start[i] + h * gradient[i];
    }
    up = objective(&l);
    for (int i = 0; i < LEARNED; i++) l.value[i] = start[i] - h * gradient[i];
    down = objective(&l);
    /* Scores of size 2 rounded to float32, over 2 h: 1e-4 of the objective's slope. */
    assert_true(square > 1 && fabs((up - down) / (2 * (double)h) - square) < 1e-3 * square);
    free(arena);
    tape_free(&l.tape);
    layout_close(l.layout);
    pool_close(pool);
}

/* --- misuse */

static void same_var_twice(void *arg)
{
    Var x = learned(arg);
    op_add(&((Small *)arg)->tape, x, x);
}

static void seed_without_gradient(void *arg)
{
    Small *s = arg;
    tape_seed(&s->tape, op_add(&s->tape, fixed(s), fixed(s)), s->grad);
}

static void second_seed(void *arg)
{
    Small *s = arg;
    Var y = op_add(&s->tape, learned(s), fixed(s));
    tape_seed(&s->tape, y, s->grad);
    tape_seed(&s->tape, y, s->grad);
}

static void other_shapes(void *arg)
{
    Small *s = arg;
    op_add(&s->tape, learned(s), tape_const(&s->tape, (Tensor){ s->value, 2, 4 }));
}

static void uneven_groups(void *arg) { op_norm(&((Small *)arg)->tape, fixed(arg), &(OpArgs){ .norm = { .width = 3 } }); }
static void weight_of_another_width(void *arg) { op_norm_trained(&((Small *)arg)->tape, fixed(arg), fixed(arg), NULL, &(OpArgs){0}); }
static void more_turns_than_a_head_has(void *arg) { op_rope(&((Small *)arg)->tape, fixed(arg), &(OpArgs){ .rope = { .head_dim = 2, .rotary_dim = 4 } }); }
static void columns_beyond_the_group(void *arg) { op_columns(&((Small *)arg)->tape, fixed(arg), 1, 2, 2); }

static void odd_columns(void *arg)
{
    Small *s = arg;
    op_gate_packed(&s->tape, ACT_SILU, tape_const(&s->tape, (Tensor){ s->value, 4, 3 }));
}

static void too_many_nodes(void *arg)
{
    for (int i = 0; i < 31; i++) fixed(arg);
}

static void too_many_records(void *arg)
{
    Small *s = arg;
    Var x = learned(s), one = fixed(s);
    for (int i = 0; i < 13; i++) x = op_add(&s->tape, x, one);
}

static void gradient_through_a_cache(void *arg)
{
    Small *s = arg;
    op_append(&s->tape, learned(s), s->value, 0, 8);
}

static void full_cache(void *arg)
{
    Small *s = arg;
    op_append(&s->tape, fixed(s), s->value, 5, 8);
}

static Var normed(Tape *tape, Var x, const float *w) { return op_norm(tape, x, &(OpArgs){ .norm = { .w = w, .eps = 1 } }); }

static void result_after_the_walk(void *arg)
{
    Small *s = arg;
    Var x = normed(&s->tape, learned(s), s->w), a = learned(s), b = learned(s);
    Var y = op_linear(&s->tape, x, &s->weight, NULL, &(LowRank){ a, b, 1, { .p = 0 } }, 1);
    tape_seed(&s->tape, y, s->grad);
    tape_backward(&s->tape);
    tape_result(&s->tape, x);
}

/* A seeded Var that another operation reads too: the seed is the caller's, nothing may be added to it. */
static void reads_its_output(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    Small *s = (Small *)key->self;
    out[0] = op_add(tape, in[0], fixed(s));
    out[1] = op_add(tape, out[0], fixed(s));
}

static void seeded_and_read(void *arg)
{
    Small *s = arg;
    Var in = learned(s), out[2];
    tape_segment(&s->tape, s->policy, reads_its_output, &(SegmentKey){ .self = s }, &in, 1, out, 2);
    for (int i = 0; i < 2; i++) tape_seed(&s->tape, out[i], s->grad);
    tape_backward(&s->tape);
}

static void returns_its_input(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    (void)tape, (void)key;
    out[0] = in[0];
}

static void segment_returns_its_input(void *arg)
{
    Small *s = arg;
    Var in = learned(s), out;
    tape_segment(&s->tape, s->policy, returns_its_input, &(SegmentKey){ .self = s }, &in, 1, &out, 1);
}

static void returns_one_twice(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    out[0] = out[1] = op_add(tape, in[0], fixed((Small *)key->self));
}

static void segment_returns_one_twice(void *arg)
{
    Small *s = arg;
    Var in = learned(s), out[2];
    tape_segment(&s->tape, s->policy, returns_one_twice, &(SegmentKey){ .self = s }, &in, 1, out, 2);
}

static void forgets_the_gradient(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    (void)in;
    out[0] = op_add(tape, fixed((Small *)key->self), fixed((Small *)key->self));
}

static void segment_forgets_the_gradient(void *arg)
{
    Small *s = arg;
    Var in = learned(s), out;
    tape_segment(&s->tape, s->policy, forgets_the_gradient, &(SegmentKey){ .self = s }, &in, 1, &out, 1);
    tape_seed(&s->tape, out, s->grad);
}

static void misuse_aborts(void **state)
{
    (void)state;
    static const struct { const char *text; void (*call)(void *); } bad[] = {
        { "add: the same Var twice", same_var_twice }, { "an objective that needs no gradient", seed_without_gradient },
        { "a second seed", second_seed }, { "add: inputs differ in shape", other_shapes },
        { "norm: 4 columns in groups of 3", uneven_groups }, { "norm: w or b has another shape", weight_of_another_width },
        { "rope: 4 columns, heads of 2, of them 4 turn", more_turns_than_a_head_has }, { "gate: 3 columns hold no two halves", odd_columns },
        { "columns: 2 from 1 of groups of 2 of 4", columns_beyond_the_group }, { "the tape is full", too_many_nodes },
        { "the tape is full", too_many_records }, { "append: no gradient passes through it", gradient_through_a_cache },
        { "append: the cache is full", full_cache }, { "a result is said before the reverse walk", result_after_the_walk },
        { "add: a seeded Var has no other reader", seeded_and_read }, { "a segment returns what was made outside it", segment_returns_its_input },
        { "a segment returns the same Var twice", segment_returns_one_twice }, { "an objective that needs no gradient", segment_forgets_the_gradient },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (SegmentPolicy policy = SEGMENT_KEEP; policy <= SEGMENT_RECOMPUTE; policy++) {
            Small *s = small_open();
            s->policy = policy;
            assert_aborts(bad[i].text, bad[i].call, s);
            small_close(s);
        }
}

/* --- segments with several inputs and outputs, and one inside another */

static void two_by_two(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    Var product = op_gate(tape, ACT_SILU, in[0], in[1]);
    out[0] = op_add(tape, product, in[1]);
    out[1] = normed(tape, product, ((Small *)key->self)->w);
}

static void around(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    Small *s = (Small *)key->self;
    Var inner[2];
    tape_segment(tape, s->policy, two_by_two, key, (Var[]){ normed(tape, in[0], s->w), in[1] }, 2, inner, 2);
    out[0] = op_add(tape, inner[0], in[0]);
    out[1] = op_gate(tape, ACT_SILU, inner[1], in[1]);
}

/* The gradients of both inputs, with one or both outputs used. */
static void run_small(SegmentPolicy outer, SegmentPolicy inner, bool keep_light, bool both, float grad[32])
{
    Small *s = small_open();
    Random random;
    random_seed(&random, 6);
    random_normal(&random, 0, 1, 64, s->value);
    random_normal(&random, 1, 0.3, 16, s->w);
    float seed[16] = { 1, -1, 0.5f, 2 }, *arena = NULL;
    s->policy = inner;
    s->tape.keep_light = keep_light;
    for (int round = 0; round < 2; round++) {
        if (round) tape_begin(&s->tape, TAPE_RECORD);
        Var in[2], out[2], y;
        for (int i = 0; i < 2; i++) in[i] = tape_param(&s->tape, (Tensor){ s->value + 16 * i, 4, 4 }, (Tensor){ s->grad + 16 * i, 4, 4 });
        tape_segment(&s->tape, outer, around, &(SegmentKey){ .self = s }, in, 2, out, 2);
        y = both ? op_gate(&s->tape, ACT_SILU, out[0], out[1]) : op_add(&s->tape, out[1], fixed(s));
        tape_seed(&s->tape, y, seed);
        tape_backward(&s->tape);
        tape_end(&s->tape);
        if (!round) layout_place(s->layout, arena = memory_try(layout_bytes(s->layout)));
    }
    memcpy(grad, s->grad, 32 * sizeof *grad);
    free(arena);
    small_close(s);
}

static void segments_nest_and_take_several_values(void **state)
{
    (void)state;
    for (int both = 0; both < 2; both++) {
        float expected[32], grad[32];
        run_small(SEGMENT_KEEP, SEGMENT_KEEP, true, both, expected);
        for (int i = 0; i < 32; i++) assert_true(isfinite(expected[i]));
        assert_true(expected[0] != 0 && expected[16] != 0);
        for (int how = 0; how < 8; how++) {
            run_small(how & 1, how >> 1 & 1, how >> 2, both, grad);
            assert_memory_equal(grad, expected, sizeof grad);
        }
    }
}

/* A light value that only a recomputed segment reads lives again for its second run, not from the first to the second: the
 * plan is smaller by its bytes where the tail is widest. */
static void reads_a_light_value(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    out[0] = normed(tape, in[0], ((Small *)key->self)->w);      /* its second run makes what backward saves */
}

static size_t bytes_with_a_wide_tail(bool keep_light)
{
    Small *s = small_open();
    s->tape.keep_light = keep_light;
    Weight wide = { .name = "wide", .dtype = DTYPE_F32, .rows = 400, .cols = 4 }, back = { .name = "back", .dtype = DTYPE_F32, .rows = 4, .cols = 400 };
    Var x = normed(&s->tape, learned(s), s->w), y;
    tape_segment(&s->tape, SEGMENT_RECOMPUTE, reads_a_light_value, &(SegmentKey){ .self = s }, &x, 1, &y, 1);
    y = op_linear(&s->tape, op_linear(&s->tape, y, &wide, NULL, NULL, 0), &back, NULL, NULL, 0);
    tape_result(&s->tape, y);
    tape_seed(&s->tape, y, s->grad);
    tape_backward(&s->tape);
    tape_end(&s->tape);
    size_t bytes = layout_bytes(s->layout);
    small_close(s);
    return bytes;
}

static void segments_take_light_values(void **state)
{
    (void)state;
    assert_int_equal(bytes_with_a_wide_tail(false), bytes_with_a_wide_tail(true) - 16 * sizeof(float));
}

/* A segment that does something else when it is called again. */
static void impure(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    Small *s = (Small *)key->self;
    Var x = op_add(tape, in[0], fixed(s));
    if (!layout_measuring(tape->layout) && tape->mode == TAPE_RECORD) x = op_add(tape, x, fixed(s));
    out[0] = normed(tape, x, s->w);
}

static void impure_step(void *arg)
{
    Small *s = arg;
    Var in = learned(s), out;
    tape_segment(&s->tape, SEGMENT_RECOMPUTE, impure, &(SegmentKey){ .self = s }, &in, 1, &out, 1);
    tape_seed(&s->tape, out, s->grad);
    tape_backward(&s->tape);
    tape_end(&s->tape);
}

static void an_impure_segment_aborts(void **state)
{
    (void)state;
    Small *s = small_open();
    impure_step(s);
    void *arena = memory_try(layout_bytes(s->layout));
    layout_place(s->layout, arena);
    tape_begin(&s->tape, TAPE_RECORD);
    assert_aborts("another sequence", impure_step, s);
    free(arena);
    small_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_as_matrices_learn),
        cmocka_unit_test(misuse_aborts), cmocka_unit_test(an_impure_segment_aborts), cmocka_unit_test(segments_nest_and_take_several_values),
        cmocka_unit_test(segments_take_light_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
