/* The order of rows: what SFTTrainer's runs took, epoch by epoch (tests/peers/golden_rows.py). */
#include "tests/data/set/golden.h"

#include "data/set/sampler.h"

static void add_example(Examples *e, int64_t length)
{
    int32_t ids[64] = {0};
    examples_add(e, ids, ids, length);
}

static void check_epoch(Sampler *sampler, int64_t epoch, const Json *batches)
{
    assert_int_equal(sampler_batches(sampler), json_count(batches));
    int64_t i = 0;
    for (const Json *golden = json_first(batches); golden; golden = json_next(golden), i++) {
        SamplerBatch batch = sampler_batch(sampler, epoch, i);
        assert_int_equal(batch.n, json_count(golden));
        for (int64_t k = 0; k < batch.n; k++) assert_int_equal(batch.index[k], json_integer(json_at(golden, k)));
    }
}

static void orders_are_trainers(void **state)
{
    (void)state;
    Json *cases = golden_cases("orders.json");
    assert_int_equal(json_count(cases), 6);
    for (const Json *golden = json_first(cases); golden; golden = json_next(golden)) {
        Examples examples = {0};
        Sampler sampler;
        for (const Json *n = json_first(json_get(golden, "lengths")); n; n = json_next(n)) add_example(&examples, json_integer(n));
        SamplerOptions options = {
            .seed = 42, .data_seed = (uint64_t)golden_option(golden, "data_seed", 42),
            .drop_last = golden_option(golden, "dataloader_drop_last", false), .batch_size = golden_option(golden, "per_device_train_batch_size", 2),
            .accumulation = golden_option(golden, "gradient_accumulation_steps", 2),
        };
        options.strategy = (SamplerStrategy)golden_choice(golden, "train_sampling_strategy", (const char *[]){ "random", "sequential", "group_by_length", NULL });
        sampler_init(&sampler, &examples, options);
        for (int64_t epoch = 2; epoch >= 0; epoch--) check_epoch(&sampler, epoch, json_at(json_get(golden, "epochs"), epoch));      /* any order */
        sampler_free(&sampler);
        examples_free(&examples);
    }
    json_free(cases);
}

static void last_step_of_an_epoch_is_smaller(void **state)
{
    (void)state;
    Examples examples = {0};
    Sampler sampler;
    for (int i = 0; i < 13; i++) add_example(&examples, 3);
    sampler_init(&sampler, &examples, (SamplerOptions){ .batch_size = 2, .accumulation = 3 });
    assert_int_equal(sampler_batches(&sampler), 7);
    assert_int_equal(sampler_steps(&sampler), 3);
    assert_int_equal(sampler_step_batches(&sampler, 0), 3);
    assert_int_equal(sampler_step_batches(&sampler, 2), 1);
    assert_int_equal(sampler_batch(&sampler, 0, 6).n, 1);
    sampler_free(&sampler);
    examples_free(&examples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_trainers), cmocka_unit_test(last_step_of_an_epoch_is_smaller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
