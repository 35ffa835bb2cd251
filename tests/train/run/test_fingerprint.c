/* Fingerprints: one bit anywhere makes another, so does a byte more; the same content gives the same again. */
#include "tests/testing.h"

#include "train/run/fingerprint.h"

static uint64_t of_examples(const int32_t *ids, const int32_t *labels, int64_t cut)
{
    Examples e = {0};
    examples_add(&e, ids, labels, cut);
    examples_add(&e, ids + cut, labels + cut, 6 - cut);
    uint64_t out = fingerprint_examples(&e);
    examples_free(&e);
    return out;
}

static void ids_labels_and_bounds_of_examples_count(void **state)
{
    (void)state;
    const int32_t ids[] = { 1, 2, 3, 4, 5, 6 }, others[] = { 1, 2, 3, 4, 5, 7 };
    uint64_t first = of_examples(ids, ids, 3);
    assert_true(first == of_examples(ids, ids, 3));
    assert_true(first != of_examples(ids, ids, 2));
    assert_true(first != of_examples(others, ids, 3));
    assert_true(first != of_examples(ids, others, 3));
    assert_true(fingerprint_examples(&(Examples){0}) == 0);
}

static void names_shapes_and_ends_of_tensors_count(void **state)
{
    (void)state;
    static float values[1000];
    TensorEntry entry = { .name = "a", .dtype = DTYPE_F32, .n_dims = 2, .dims = { 10, 100 }, .bytes = values, .n_bytes = sizeof values };
    const Tensors tensors = { .entry = &entry, .n = 1 };
    uint64_t outline = fingerprint_outline(&tensors), whole = fingerprint_tensors(&entry, 1);
    values[999] = 1;
    assert_true(fingerprint_outline(&tensors) != outline && fingerprint_tensors(&entry, 1) != whole);
    values[999] = 0;
    values[300] = 1;
    assert_true(fingerprint_outline(&tensors) == outline && fingerprint_tensors(&entry, 1) != whole);
    values[300] = 0;
    entry.dims[0] = 20, entry.dims[1] = 50;
    assert_true(fingerprint_outline(&tensors) != outline && fingerprint_tensors(&entry, 1) != whole);
    entry.dims[0] = 10, entry.dims[1] = 100, entry.name = "b";
    assert_true(fingerprint_outline(&tensors) != outline && fingerprint_tensors(&entry, 1) != whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        
        cmocka_unit_test(ids_labels_and_bounds_of_examples_count),
        cmocka_unit_test(names_shapes_and_ends_of_tensors_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
