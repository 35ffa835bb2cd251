/* Packing beside the golden cases in test_encode.c: a plain quadratic packer as the oracle, and what is counted. */
#include "tests/testing.h"

#include "data/set/packing.h"
#include "kernels/memory.h"
#include "kernels/random.h"

static int64_t below(Random *random, int64_t n) { return random_u32(random) % n; }

static Examples random_rows(Random *random, int64_t n, int64_t longest)
{
    Examples rows = {0};
    int32_t ids[128], labels[128], next = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = below(random, longest + 1);
        for (int64_t t = 0; t < length; t++) {
            ids[t] = next++;
            labels[t] = -ids[t];
        }
        examples_add(&rows, ids, labels, length);
    }
    return rows;
}

/* Bins of row indices, by the definition: for each row, longest first, the bin with the least room that holds it, the one
 * that has had this room longest. */
typedef struct { int64_t row[256], n, room, since; } PlainBin;

static int64_t plain_bfd(const Examples *rows, int64_t max_length, PlainBin *bin)
{
    int64_t n_bins = 0, now = 0;
    for (int64_t length = max_length; length > 0; length--)
        for (int64_t i = 0; i < rows->n; i++) {
            if ((examples_length(rows, i) < max_length ? examples_length(rows, i) : max_length) != length) continue;
            int64_t best = -1;
            for (int64_t b = 0; b < n_bins; b++) {
                if (bin[b].room < length) continue;
                if (best < 0 || bin[b].room < bin[best].room || (bin[b].room == bin[best].room && bin[b].since < bin[best].since)) best = b;
            }
            if (best < 0) bin[best = n_bins++] = (PlainBin){ .room = max_length };
            bin[best].row[bin[best].n++] = i;
            bin[best].room -= length;
            bin[best].since = now++;
        }
    return n_bins;
}

static void bfd_is_the_definition(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 11);
    PlainBin *bin = memory_new(256, sizeof *bin);
    for (int trial = 0; trial < 60; trial++) {
        int64_t max_length = 1 + below(&random, 70);
        Examples rows = random_rows(&random, below(&random, 200), 1 + below(&random, 100)), packed = {0};
        packing_pack(&rows, (PackingOptions){ .max_length = max_length }, &packed);
        assert_int_equal(packed.n, plain_bfd(&rows, max_length, bin));
        for (int64_t b = 0; b < packed.n; b++) {
            int32_t own;
            Documents documents = examples_documents(&packed, b, &own);
            assert_int_equal(documents.n, bin[b].n);
            for (int64_t d = 0, at = packed.begin[b]; d < documents.n; at += documents.length[d++]) {
                assert_memory_equal(packed.ids + at, rows.ids + rows.begin[bin[b].row[d]], (size_t)documents.length[d] * 4);
                assert_memory_equal(packed.labels + at, rows.labels + rows.begin[bin[b].row[d]], (size_t)documents.length[d] * 4);
            }
        }
        examples_free(&rows);
        examples_free(&packed);
    }
    free(bin);
}

static void splitting_and_wrapping_lose_nothing(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 12);
    Examples rows = random_rows(&random, 150, 90);
    for (PackingStrategy strategy = PACKING_BFD_SPLIT; strategy <= PACKING_WRAPPED; strategy++) {
        Examples packed = {0};
        int64_t n = rows.begin[rows.n], sum = 0;
        PackingCounts counts = packing_pack(&rows, (PackingOptions){ .strategy = strategy, .max_length = 17 }, &packed);
        assert_int_equal(counts.lost_tokens, 0);
        assert_int_equal(packed.begin[packed.n], n);
        for (int64_t i = 0; i < n; i++) sum += packed.ids[i];
        assert_int_equal(sum, n * (n - 1) / 2);
        for (int64_t i = 0; i < packed.n; i++) assert_true(examples_length(&packed, i) <= 17);
        examples_free(&packed);
    }
    examples_free(&rows);
}

static void counts_what_is_cut(void **state)
{
    (void)state;
    Examples rows = {0}, packed = {0};
    const int32_t ids[10] = {0};
    examples_add(&rows, ids, ids, 10);
    examples_add(&rows, ids, ids, 4);
    examples_add(&rows, ids, ids, 7);
    PackingCounts counts = packing_pack(&rows, (PackingOptions){ .max_length = 5 }, &packed);
    assert_int_equal(counts.cut_rows, 2);
    assert_int_equal(counts.lost_tokens, 7);
    examples_free(&rows);
    examples_free(&packed);
}

/* What no row comes near costs neither time nor memory. */
static void a_huge_length_is_one_bin(void **state)
{
    (void)state;
    Random random;
    random_seed(&random, 3);
    for (PackingStrategy strategy = PACKING_BFD; strategy <= PACKING_WRAPPED; strategy++) {
        Examples rows = random_rows(&random, 50, 100), out = {0};
        packing_pack(&rows, (PackingOptions){ strategy, INT32_MAX, 0 }, &out);
        assert_int_equal(out.n, 1);
        assert_int_equal(out.begin[1], rows.begin[50]);
        examples_free(&rows);
        examples_free(&out);
    }
}

static void nothing_packs_to_nothing(void **state)
{
    (void)state;
    for (PackingStrategy strategy = PACKING_BFD; strategy <= PACKING_WRAPPED; strategy++) {
        Examples rows = {0}, packed = {0};
        packing_pack(&rows, (PackingOptions){ .strategy = strategy, .max_length = 5 }, &packed);
        examples_add(&rows, NULL, NULL, 0);
        packing_pack(&rows, (PackingOptions){ .strategy = strategy, .max_length = 5 }, &packed);
        assert_int_equal(packed.n, 0);
        examples_free(&rows);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bfd_is_the_definition), cmocka_unit_test(splitting_and_wrapping_lose_nothing), cmocka_unit_test(counts_what_is_cut),
        cmocka_unit_test(a_huge_length_is_one_bin), cmocka_unit_test(nothing_packs_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
