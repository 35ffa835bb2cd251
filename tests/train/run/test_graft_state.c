/* graft_state.json: every number comes back bit for bit; a file with anything missing or impossible is refused by its field. */
#include "tests/testing.h"

#include <math.h>
#include <unistd.h>

#include "data/file/output.h"
#include "train/run/graft_state.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/graft-test-XXXXXX");
    return !mkdtemp(dir) || chdir(dir);
}

static int remove_dir(void **state)
{
    (void)state;
    return chdir("/") || output_remove(dir) != STATUS_OK;
}

static GraftState example(double real)
{
    return (GraftState){
        .version = 1,
        .progress = { .global_step = 7, .epoch = real, .num_tokens = 1LL << 52, .total_flos = real / 7, .due = { .evaluate = true }, .epoch_open = true, .last_saved = 6,
                      .tr_loss = -real, .total_loss = real / 3, .last_logged = 5, .entropy_sum = 0.1 + 0.2, .accuracy_sum = 1.0 / 3, .n_micro_batches = 4,
                      .grad_norm = real, .learning_rate = 5e-324, .has_best = true, .best_metric = 2.2250738585072014e-308, .best_global_step = 3, .worse = 2 },
        .plateau = { .lr = real, .best = INFINITY, .bad = 1, .cooldown = 2 }, .adamw_steps = 7, .rope_seen = 24,
        .model = UINT64_MAX, .train = 1, .eval = 0, .adapter_file = 0x123456789abcdef0, .optimizer_file = 1ull << 63,
    };
}

static void assert_returns(GraftState wanted)
{
    GraftState found = {0};
    assert_ok(graft_state_save(&wanted, "."));
    assert_ok(graft_state_read(&found, "graft_state.json"));
    const Progress *a = &wanted.progress, *b = &found.progress;
    const double before[] = { a->epoch, a->total_flos, a->tr_loss, a->total_loss, a->entropy_sum, a->accuracy_sum, a->grad_norm, a->learning_rate, a->best_metric };
    const double after[] = { b->epoch, b->total_flos, b->tr_loss, b->total_loss, b->entropy_sum, b->accuracy_sum, b->grad_norm, b->learning_rate, b->best_metric };
    assert_memory_equal(before, after, sizeof before);
    assert_memory_equal(&wanted.plateau, &found.plateau, sizeof found.plateau);
    assert_memory_equal(&wanted.adamw_steps, &found.adamw_steps, sizeof found - offsetof(GraftState, adamw_steps));
    assert_true(b->due.evaluate && !b->due.log && !b->due.save && b->epoch_open && b->has_best);
    assert_true(b->global_step == 7 && b->num_tokens == 1LL << 52 && b->last_saved == 6 && b->last_logged == 5 && b->n_micro_batches == 4);
    assert_true(b->best_global_step == 3 && b->worse == 2);
}

static void numbers_return_bit_for_bit(void **state)
{
    (void)state;
    const double reals[] = { 0.1, 1e23, 9007199254740993.0, 1.7976931348623157e308, 0x1.fffffffffffffp-1, 123456.78901234567 };
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) assert_returns(example(reals[i]));
}

static void numbers_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    GraftState broken = example(NAN), found;
    assert_ok(graft_state_save(&broken, "."));
    assert_fails(STATUS_INPUT, "graft_state.json: epoch: expected a finite number, found \"NaN\"", graft_state_read(&found, "graft_state.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(numbers_return_bit_for_bit), cmocka_unit_test(numbers_that_are_not_finite_are_refused) };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
