/* Every run says at its start what is wrong with its rows, the evaluation's against those that it trains on. */
#include "tests/train/run/running.h"

static void an_evaluation_on_training_rows_is_said(void **state)
{
    (void)state;
    shell("tail -n 2 rows.jsonl > copied.jsonl");
    assert_ok(sft("--plan true --eval_dataset_name copied.jsonl"));
    assert_non_null(strstr(said, "copied.jsonl: 2 rows (lines 1, 2): the same tokens as a row that is trained on: the evaluation is no test\n"));
    assert_ok(sft("--plan true"));
    assert_null(strstr(said, "the evaluation is no test"));
}

static void rows_that_are_cut_are_said(void **state)
{
    (void)state;
    tiny_write(".", "long.jsonl", "{\"input_ids\": [3, 4, 5, 6], \"labels\": [-100, 4, 5, 6]}\n{\"input_ids\": [3, 4, 5, 6], \"labels\": [-100, -100, -100, 6]}\n");
    assert_ok(sft("--plan true --dataset_name long.jsonl --max_length 3"));
    assert_non_null(strstr(said, "long.jsonl:1: max_length cuts off the end of the answer, its end token too\n"));
    assert_non_null(strstr(said, "long.jsonl:2: no token is trained; look at the masks, and whether the answer lies beyond max_length\n"));
    assert_non_null(strstr(said, "long.jsonl:2: the same tokens as an earlier row\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(an_evaluation_on_training_rows_is_said), cmocka_unit_test(rows_that_are_cut_are_said) };
    int failed = cmocka_run_group_tests(tests, enter_root, leave_root);
    free(said);
    return failed;
}
