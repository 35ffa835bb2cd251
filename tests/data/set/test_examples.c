/* Examples: cutting at both ends, what is dropped, order, and labels the loss sees. */
#include "tests/testing.h"

#include "data/set/examples.h"

static const int32_t ids[] = { 1, 2, 3, 4, 5 };

static Examples three_examples(void)
{
    Examples e = {0};
    examples_add(&e, ids, (int32_t[]){ LABEL_NONE, LABEL_NONE, LABEL_NONE, 4, 5 }, 5);
    examples_add(&e, NULL, NULL, 0);
    examples_add(&e, ids, ids, 2);
    return e;
}

static void keeping_the_start_drops_what_is_left_untrained(void **state)
{
    (void)state;
    Examples e = three_examples();
    Truncated count = examples_truncate(&e, 3, TRUNCATE_KEEP_START);
    assert_int_equal(count.truncated, 1);
    assert_int_equal(count.dropped, 2);
    assert_int_equal(e.n, 1);
    assert_memory_equal(e.ids, ids, 2 * sizeof *ids);
    examples_free(&e);
}

static void keeping_the_end_keeps_labels(void **state)
{
    (void)state;
    Examples e = three_examples();
    Truncated count = examples_truncate(&e, 3, TRUNCATE_KEEP_END);
    assert_int_equal(count.truncated, 1);
    assert_int_equal(count.dropped, 1);
    assert_int_equal(examples_length(&e, 0), 3);
    assert_memory_equal(e.ids, ids + 2, 3 * sizeof *ids);
    assert_memory_equal(e.labels, ((int32_t[]){ LABEL_NONE, 4, 5, 1, 2 }), 5 * sizeof *ids);
    examples_free(&e);
}

static void without_a_limit_only_nothing_is_dropped(void **state)
{
    (void)state;
    Examples e = {0};
    examples_add(&e, ids, (int32_t[]){ LABEL_NONE }, 1);
    examples_add(&e, NULL, NULL, 0);
    assert_int_equal(examples_truncate(&e, 0, TRUNCATE_KEEP_START).dropped, 1);
    assert_int_equal(e.n, 1);
    examples_free(&e);
}

static void the_first_label_of_a_document_is_not_scored(void **state)
{
    (void)state;
    Examples e = {0}, one = three_examples();
    examples_add_packed(&e, ids, ids, (int32_t[]){ 3, 1, 1 }, 3);
    assert_int_equal(examples_scored(&e, 0), 2);
    assert_int_equal(examples_scored(&one, 0), 2);
    assert_int_equal(examples_scored(&one, 1), 0);
    assert_int_equal(examples_scored(&one, 2), 1);
    examples_free(&e);
    examples_free(&one);
}

static void reordering_may_repeat(void **state)
{
    (void)state;
    Examples e = three_examples(), out = {0};
    examples_reorder(&e, (int64_t[]){ 2, 0, 2 }, 3, &out);
    assert_int_equal(out.n, 3);
    assert_memory_equal(out.ids, ((int32_t[]){ 1, 2, 1, 2, 3, 4, 5, 1, 2 }), 9 * sizeof *ids);
    examples_free(&e);
    examples_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeping_the_start_drops_what_is_left_untrained), cmocka_unit_test(keeping_the_end_keeps_labels),
        cmocka_unit_test(without_a_limit_only_nothing_is_dropped), cmocka_unit_test(the_first_label_of_a_document_is_not_scored),
        cmocka_unit_test(reordering_may_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
