/* The data of a run: the same rows in another form are the same run, and rows can be held out or left out. */
#include "tests/testing.h"

#include "tests/train/run/running.h"

/* What a recipe would train and evaluate on. */
static RunInputs inputs_of(const char *flags, int64_t *n_train, int64_t *n_eval)
{
    Trainer t = {0};
    char *text = memory_format("--model_name_or_path model --output_dir nowhere --plan true --threads 1 %s", flags), *words[MAX_ARGS], *rest = text;
    int n = 0;
    for (char *word; (word = strtok_r(rest, " ", &rest));) words[n++] = word;
    assert_ok(trainer_open(&t, n, words));
    RunInputs inputs = t.inputs;
    *n_train = t.train.n;
    *n_eval = t.eval.n;
    trainer_close(&t);
    free(text);
    return inputs;
}

static void a_form_does_not_matter(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "--dataset_name list.json", "--dataset_name field.json --dataset_field data", "--dataset_name rows.jsonl.gz", "--dataset_name part-*.jsonl",
        "--dataset_name folder", "--dataset_name named.jsonl --column_mapping {\"ids\":\"input_ids\"}",
        "--datasets [{\"path\":\"part-1.jsonl\"},{\"path\":\"json\",\"data_files\":\"part-2.jsonl\",\"columns\":[\"input_ids\"]}]",
    };
    shell("sed -n '1,5p' rows.jsonl > part-1.jsonl; sed -n '6,$p' rows.jsonl > part-2.jsonl; gzip -k rows.jsonl; sed 's/input_ids/ids/' rows.jsonl > named.jsonl;"
          "(echo '['; sed '$!s/$/,/' rows.jsonl; echo ']') > list.json; (echo '{\"version\": 1, \"data\":'; cat list.json; echo '}') > field.json;"
          "mkdir folder; cp part-1.jsonl folder/train-1.jsonl; cp part-2.jsonl folder/train-2.jsonl; cp eval.jsonl folder/test.jsonl");
    int64_t n_train, n_eval;
    uint64_t plain = inputs_of("--dataset_name rows.jsonl", &n_train, &n_eval).train;
    assert_true(n_train == 13 && n_eval == 0);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) assert_true(inputs_of(forms[i], &n_train, &n_eval).train == plain);
    RunInputs both = inputs_of("--dataset_name folder --eval_strategy epoch", &n_train, &n_eval);
    assert_true(both.train == plain && n_eval == 5);
    assert_true(both.eval == inputs_of("--dataset_name rows.jsonl --eval_dataset_name eval.jsonl --eval_strategy epoch", &n_train, &n_eval).eval);
}

static void rows_are_held_out_and_left_out(void **state)
{
    (void)state;
    int64_t n_train, n_eval;
    RunInputs a = inputs_of("--dataset_name rows.jsonl --test_split_size 0.3 --eval_strategy epoch", &n_train, &n_eval);
    assert_true(n_train == 9 && n_eval == 4);
    RunInputs b = inputs_of("--dataset_name rows.jsonl --test_split_size 4 --eval_strategy epoch", &n_train, &n_eval);
    assert_true(n_train == 9 && n_eval == 4 && a.train == b.train && a.eval == b.eval);
    RunInputs c = inputs_of("--dataset_name rows.jsonl --test_split_size 4 --eval_strategy epoch --seed 1", &n_train, &n_eval);
    assert_true(c.train != b.train && c.eval != b.eval);
    RunInputs unused = inputs_of("--dataset_name rows.jsonl --test_split_size 4", &n_train, &n_eval);
    assert_true(n_train == 9 && n_eval == 0 && unused.train == b.train);
    inputs_of("--dataset_name rows.jsonl --max_samples 3 --eval_dataset_name eval.jsonl --eval_strategy epoch", &n_train, &n_eval);
    assert_true(n_train == 3 && n_eval == 3);
    inputs_of("--dataset_name rows.jsonl --max_samples 8 --test_split_size 0.5 --eval_strategy epoch", &n_train, &n_eval);
    assert_true(n_train == 4 && n_eval == 4);
    assert_ok(sft("--eval_dataset_name null --test_split_size 0.3 --output_dir held --num_train_epochs 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_form_does_not_matter), cmocka_unit_test(rows_are_held_out_and_left_out) };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
