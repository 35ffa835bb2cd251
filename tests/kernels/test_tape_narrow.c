/* The tape where it keeps values as bfloat16: the same bits however a step is made, near the gradients of float32, in fewer bytes. */
#include "tests/kernels/tape_model.h"

/* Narrow or not, segments are equal however they are kept; a light value is made again from narrow ones, so keeping it is another thing. */
static void bits_of_narrow_steps(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Step first = run(&m, &b, (Plan){ .keep_bf16 = true, .noise = true }, TAPE_RECORD, NULL);
    for (int how = 0; how < 4; how++)
        for (int workers = 1; workers <= 3; workers++)
            for (int garbage = 0; garbage < 2; garbage++) {
                Plan plan = { .policy = { how & 1, how >> 1 }, .keep_bf16 = true, .noise = true, .workers = workers, .garbage = garbage ? 0xFF : 0 };
                Step step = run(&m, &b, plan, TAPE_RECORD, NULL);
                assert_same_step(&m, &step, &first);
                free(step.grad);
            }
    Step evaluated = run(&m, &b, (Plan){ .keep_bf16 = true, .noise = true, .garbage = 0xFF }, TAPE_OFF, NULL);
    assert_memory_equal(evaluated.score, first.score, (size_t)b.n_scored * sizeof(float));
    free(evaluated.grad);
    free(first.grad);
    model_close(&m);
}

static double distance(const float *a, const float *b, int64_t n)
{
    double difference = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / size);
}

/* A kept value is wrong by about 2^-9 of itself, 2^-8 at most: scores come through the borders of LAYERS + 1 segments, a gradient from seven kept
 * values in each layer. Half of the bytes of what is kept are gone; in so small a model, scratch and gradients are as much. */
static void narrow_steps_are_near_and_small(void **state)
{
    (void)state;
    Model m = model_open();
    Batch b = batch_a();
    Step exact = run(&m, &b, (Plan){ .noise = true }, TAPE_RECORD, NULL), narrow = run(&m, &b, (Plan){ .keep_bf16 = true, .noise = true }, TAPE_RECORD, NULL);
    double scores = distance(narrow.score, exact.score, b.n_scored), gradients = distance(narrow.grad, exact.grad, m.n_params);
    print_message("scores %.1e, gradients %.1e, %zu of %zu bytes\n", scores, gradients, narrow.bytes, exact.bytes);
    assert_true(scores > 0 && scores < (LAYERS + 1) * 0x1p-9);
    assert_true(gradients > 0 && gradients < LAYERS * SITES * 0x1p-9);
    assert_true(narrow.bytes < exact.bytes * 8 / 10);
    free(exact.grad);
    free(narrow.grad);
    model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(bits_of_narrow_steps), cmocka_unit_test(narrow_steps_are_near_and_small) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
