/* Batches: what TRL's collator made of the same rows (tests/peers/golden_rows.py), and capacity over every batch. */
#include "tests/data/set/golden.h"

#include "data/set/batch.h"

/* The collator's [B, T] rows as one sequence without padding. */
typedef struct { int32_t *ids, *labels, *position; int64_t n, n_starts; } Flat;

static Flat flatten(const Json *golden)
{
    Flat flat = { memory_new(4096, 4), memory_new(4096, 4), memory_new(4096, 4), 0, 0 };
    const Json *masks = json_get(golden, "attention_mask"), *starts = json_get(golden, "cu_seq_lens_q");
    int64_t row = 0;
    for (const Json *ids = json_first(json_get(golden, "input_ids")); ids; ids = json_next(ids), row++) {
        const Json *labels = json_at(json_get(golden, "labels"), row), *positions = json_at(json_get(golden, "position_ids"), row);
        for (int64_t t = 0; t < json_count(ids); t++) {
            if (masks && !json_integer(json_at(json_at(masks, row), t))) continue;
            flat.ids[flat.n] = (int32_t)json_integer(json_at(ids, t));
            flat.labels[flat.n] = (int32_t)json_integer(json_at(labels, t));
            flat.position[flat.n++] = (int32_t)(positions ? json_integer(json_at(positions, t)) : t);
        }
    }
    flat.n_starts = starts ? json_count(starts) - 1 : row;
    return flat;
}

/* Without padding every row with a position 0 behind the last token is padding, and only there position 0 follows 0. */
static int64_t unpadded(const Flat *flat, int64_t n_rows)
{
    for (int64_t t = n_rows; t < flat->n; t++) assert_int_equal(flat->position[t], 0);
    return flat->n_starts - (flat->n - n_rows);
}

static void check_case(const Json *golden)
{
    Examples examples = {0};
    Notices notices = {0};
    Batch batch;
    int64_t n = json_integer(json_get(golden, "n")), index[8];
    Padding padding = { .padding_free = golden_option(golden, "padding_free", false), .pad_to_multiple_of = (int32_t)golden_option(golden, "pad_to_multiple_of", 0) };
    if (golden_option(golden, "packing", false)) padding.padding_free = strcmp(golden_text(golden, "packing_strategy", "bfd"), "wrapped");
    golden_examples(golden, (EncodeOptions){0}, &examples, &notices);
    for (int64_t k = 0; k < n; k++) index[k] = json_integer(json_get(golden, "first")) + k;
    Batch capacity = batch_capacity(&examples, n, padding);
    batch_init(&batch, &capacity);
    batch_collate(&batch, &examples, index, n, padding);

    Flat flat = flatten(golden);
    assert_int_equal(batch.n_documents, unpadded(&flat, batch.n_rows));
    assert_memory_equal(batch.ids, flat.ids, (size_t)batch.n_rows * sizeof *flat.ids);
    assert_memory_equal(batch.position, flat.position, (size_t)batch.n_rows * sizeof *flat.position);
    assert_int_equal(batch.n_scored, json_integer(json_get(golden, "num_items_in_batch")));
    for (int64_t i = 0, row = 0; row < batch.n_rows - 1; row++) {
        if (flat.labels[row + 1] == LABEL_NONE || !flat.position[row + 1]) continue;
        assert_int_equal(batch.scored_row[i], row);
        assert_int_equal(batch.target[i++], flat.labels[row + 1]);
    }
    assert_int_equal(batch.padded_batch, json_count(json_get(golden, "input_ids")));
    assert_int_equal(batch.padded_length, json_count(json_first(json_get(golden, "input_ids"))));
    assert_int_equal(batch.num_tokens, flat.n);

    free(flat.ids);
    free(flat.labels);
    free(flat.position);
    batch_free(&batch);
    examples_free(&examples);
    notices_free(&notices);
}

static void batches_are_trls(void **state)
{
    (void)state;
    Json *cases = golden_cases("batches.json");
    assert_int_equal(json_count(cases), 7);
    for (const Json *golden = json_first(cases); golden; golden = json_next(golden)) check_case(golden);
    json_free(cases);
}

static Examples packed_examples(void)
{
    Examples e = {0};
    static const int32_t ids[] = { 9, 8, 7, 6, 5, 4, 3 }, labels[] = { 9, 8, -100, 6, 5, -100, 3 };
    examples_add_packed(&e, ids, labels, (int32_t[]){ 4, 3 }, 2);
    examples_add_packed(&e, ids, labels, (int32_t[]){ 5 }, 1);
    examples_add_packed(&e, ids, labels, (int32_t[]){ 1, 1, 1 }, 3);
    return e;
}

/* Every pair fits, and each number is reached by some pair. */
static void capacity_is_the_largest_of_every_number(void **state)
{
    (void)state;
    Examples e = packed_examples();
    Padding padding = { .padding_free = true };
    Batch capacity = batch_capacity(&e, 2, padding), batch, most = {0};
    batch_init(&batch, &capacity);
    for (int64_t a = 0; a < 3; a++)
        for (int64_t b = 0; b < 3; b++) {
            if (a == b) continue;
            batch_collate(&batch, &e, (int64_t[]){ a, b }, 2, padding);
            if (batch.n_rows > most.n_rows) most.n_rows = batch.n_rows;
            if (batch.n_scored > most.n_scored) most.n_scored = batch.n_scored;
            if (batch.n_documents > most.n_documents) most.n_documents = batch.n_documents;
            if (batch.longest > most.longest) most.longest = batch.longest;
        }
    assert_int_equal(capacity.n_rows, most.n_rows);
    assert_int_equal(capacity.n_scored, most.n_scored);
    assert_int_equal(capacity.n_documents, most.n_documents);
    assert_int_equal(capacity.longest, most.longest);
    assert_null(capacity.ids);
    assert_int_equal(batch_capacity(&e, 99, padding).n_rows, 15);
    assert_int_equal(batch_capacity(&e, 2, (Padding){0}).padded_length, 7);
    batch_free(&batch);
    examples_free(&e);
}

/* Of padded documents; padding-free collators take the first labels away. */
static void first_labels_are_counted(void **state)
{
    (void)state;
    Examples e = {0};
    static const int32_t ids[] = { 9, 8, 7 }, labelled[] = { 9, 8, 7 }, prompted[] = { -100, 8, 7 };
    examples_add(&e, ids, labelled, 3);
    examples_add(&e, ids, prompted, 3);
    Batch capacity = batch_capacity(&e, 2, (Padding){0}), batch;
    batch_init(&batch, &capacity);
    for (int i = 0; i < 2; i++) {
        batch_collate(&batch, &e, (int64_t[]){ 0, 1 }, 2, (Padding){ .padding_free = i });
        assert_int_equal(batch.n_first_labels, !i);
    }
    batch_free(&batch);
    examples_free(&e);
}

static void a_step_counts_all_its_batches(void **state)
{
    (void)state;
    Batch batches[] = { { .n_scored = 3, .n_first_labels = 1 }, { .n_scored = 4, .n_first_labels = 2 } };
    assert_int_equal(batch_trained_tokens(batches, 2, false), 7);
    assert_int_equal(batch_trained_tokens(batches, 2, true), 10);
    assert_int_equal(batch_trained_tokens(&(Batch){ .n_scored = 0 }, 1, false), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_trls), cmocka_unit_test(capacity_is_the_largest_of_every_number), cmocka_unit_test(first_labels_are_counted),
        cmocka_unit_test(a_step_counts_all_its_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
