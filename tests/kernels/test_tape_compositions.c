/* The operations that dense families add to llama's, composed on the tape: a value with several readers of its columns, a light
 * operation whose weight is trained. The gradients are finite differences, whatever is kept or made again. */
#include "tests/testing.h"

#include <math.h>

#include "kernels/memory.h"
#include "kernels/random.h"
#include "kernels/tape.h"

/* x [4, 8], then w and b [1, 4]. */
enum { ROWS = 4, COLS = 8, WIDTH = 4, PARAMS = ROWS * COLS + 2 * WIDTH };
typedef struct { float value[PARAMS + 16], grad[PARAMS], seed[ROWS * WIDTH], y[ROWS * WIDTH]; } Step;

static void block(Tape *tape, const SegmentKey *key, const Var in[], Var out[])
{
    (void)key;
    OpArgs norm = { .norm = { .eps = 1e-3f, .offset = 1, .width = WIDTH, .center = true } };
    Var n = op_norm_trained(tape, op_scale(tape, in[0], 0.5f), in[1], &in[2], &norm);
    Var gated = op_gate_packed(tape, ACT_GELU_TANH, n);
    Var of_heads = op_columns(tape, n, 1, 2, WIDTH), first = op_act(tape, ACT_GELU, op_columns(tape, n, 0, WIDTH, 0));
    out[0] = op_add_scaled(tape, gated, op_add(tape, of_heads, first), -0.7f);
}

static Var param(Tape *tape, Step *s, int64_t rows, int64_t cols, int64_t at)
{
    return tape_param(tape, (Tensor){ s->value + at, rows, cols }, (Tensor){ s->grad + at, rows, cols });
}

static void run(Step *s, SegmentPolicy policy, bool keep_light)
{
    Pool *pool = pool_open(2);
    Backend backend = cpu_backend(pool);
    Layout *layout = layout_open();
    Tape tape;
    float *arena = NULL;
    tape_init(&tape, &backend, layout, 30, 12);
    tape.keep_light = keep_light;
    memset(s->grad, 0, sizeof s->grad);
    for (int round = 0; round < 2; round++) {
        tape_begin(&tape, TAPE_RECORD);
        Var y, in[3] = { param(&tape, s, ROWS, COLS, 0), param(&tape, s, 1, WIDTH, ROWS * COLS), param(&tape, s, 1, WIDTH, ROWS * COLS + WIDTH) };
        tape_segment(&tape, policy, block, &(SegmentKey){0}, in, 3, &y, 1);
        tape_result(&tape, y);
        tape_seed(&tape, y, s->seed);
        tape_backward(&tape);
        tape_end(&tape);
        if (!round) layout_place(layout, arena = memory_try(layout_bytes(layout)));
        else memcpy(s->y, tape_value(&tape, y).data, sizeof s->y);
    }
    free(arena);
    tape_free(&tape);
    layout_close(layout);
    pool_close(pool);
}

static Step step_new(void)
{
    Step s = {0};
    Random random;
    random_seed(&random, 5);
    random_normal(&random, 0, 1, PARAMS + 16, s.value);
    random_normal(&random, 0, 1, ROWS * WIDTH, s.seed);
    return s;
}

static double objective(const Step *s)
{
    double sum = 0;
    for (int i = 0; i < ROWS * WIDTH; i++) sum += (double)s->y[i] * (double)s->seed[i];
    return sum;
}

static void bits_do_not_depend_on_what_is_kept(void **state)
{
    (void)state;
    Step kept = step_new();
    run(&kept, SEGMENT_KEEP, true);
    for (int how = 1; how < 4; how++) {
        Step other = step_new();
        run(&other, how & 1 ? SEGMENT_RECOMPUTE : SEGMENT_KEEP, how & 2);
        assert_memory_equal(other.y, kept.y, sizeof kept.y);
        assert_memory_equal(other.grad, kept.grad, sizeof kept.grad);
    }
}

/* Central differences with h = 1e-2: 1e-4 of a third derivative, and 1e-7 / h of rounding. */
static void gradients_are_finite_differences(void **state)
{
    (void)state;
    const float h = 1e-2f;
    Step s = step_new(), moved = step_new();
    run(&s, SEGMENT_KEEP, false);
    for (int i = 0; i < PARAMS; i++) {
        moved.value[i] = s.value[i] + h;
        run(&moved, SEGMENT_KEEP, false);
        double up = objective(&moved);
        moved.value[i] = s.value[i] - h;
        run(&moved, SEGMENT_KEEP, false);
        double slope = (up - objective(&moved)) / (2 * (double)h);
        moved.value[i] = s.value[i];
        assert_true(fabs(slope - (double)s.grad[i]) < 1e-3 * (1 + fabs(slope)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bits_do_not_depend_on_what_is_kept), cmocka_unit_test(gradients_are_finite_differences) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
