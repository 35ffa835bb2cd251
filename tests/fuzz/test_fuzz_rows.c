/* Damaged rows of every kind: a bounded number of mutations, the same in every run. Whatever comes, the answer is examples whose
 * numbers hold together, or exit code 2 with a message that begins with the path. */
#include "tests/data/set/golden.h"

#include <unistd.h>

enum { N_RUNS = 1500, FILE_BYTES = 2000 };

static uint64_t seed = 1;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static const char *const rows[] = {
    "{\"text\": \"the cat sat\"}\n", "{\"input_ids\": [1, 2, 3], \"labels\": [-100, 2, 3]}\n",
    "{\"input_ids\": [1, 2], \"completion_mask\": [0, 1], \"assistant_masks\": [1, 1]}\n", "{\"prompt\": \"the\", \"completion\": \" cat\"}\n",
    "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}], \"tools\": \"[{}]\"}\n",
    "{\"conversations\": [{\"from\": \"user\", \"value\": \"a\"}, {\"from\": \"assistant\", \"value\": \"b\"}], \"chat_template_kwargs\": {\"x\": 1}}\n",
    "{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}], \"completion\": [{\"role\": \"assistant\", \"content\": \"b\", \"tool_calls\": null}]}\n", "\n",
};

/* Another byte, a piece gone, or a piece twice. */
static void damage(char *text)
{
    size_t n = strlen(text), at = draw((uint32_t)n), length = draw(12);
    if (at + length > n) length = n - at;
    switch (draw(3)) {
    case 0: text[at] = "{}[],:\"0-\\n\xff\x01"[draw(12)]; break;
    case 1: memmove(text + at, text + at + length, n - at - length + 1); break;
    default:
        if (n + length >= FILE_BYTES) break;
        memmove(text + at + length, text + at, n - at + 1);
    }
}

static void write_rows(const char *path)
{
    char text[FILE_BYTES];
    uint32_t kind = draw(sizeof rows / sizeof *rows);
    snprintf(text, sizeof text, "%s%s%s", rows[kind], rows[draw(4) ? kind : draw(sizeof rows / sizeof *rows)], rows[kind]);
    for (uint32_t i = draw(4); i > 0 && text[0]; i--) damage(text);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void check_examples(const Examples *e, const DatasetCounts *counts)
{
    int64_t scored = 0;
    assert_int_equal(e->n, counts->examples);
    for (int64_t i = 0; i < e->n; i++) scored += examples_scored(e, i);
    assert_true(scored > 0 && scored == counts->trained && scored < e->begin[e->n]);
}

static void damaged_rows_are_answered(void **state)
{
    (void)state;
    char path[] = "/tmp/graft-fuzz-XXXXXX";
    Text text = open_text("chatml");
    Pool *pool = pool_open(1);
    int n_read = 0;
    close(mkstemp(path));
    for (int run = 0; run < N_RUNS; run++) {
        Examples examples = {0};
        DatasetCounts counts;
        Notices notices = {0};
        write_rows(path);
        DatasetOptions options = {
            .encode = { .tokenizer = text.tokenizer, .chat_template = text.chat_template, .vocabulary = 400, .assistant_only_loss = !draw(3) },
            .max_length = draw(2) * (1 + draw(9)), .truncation = (Truncation)draw(2), .packing_strategy = (PackingStrategy)draw(3), .shuffle = draw(2),
        };
        options.packing = options.max_length && draw(2);
        Status status = dataset_read(&ONE_FILE(path), &options, pool, &notices, NULL, &examples, &counts);
        assert_true(status == STATUS_OK || status == STATUS_INPUT);
        if (status == STATUS_OK) check_examples(&examples, &counts);
        else assert_non_null(strstr(status_message(), path));
        n_read += status == STATUS_OK;
        examples_free(&examples);
        notices_free(&notices);
    }
    assert_true(n_read > N_RUNS / 10);
    remove(path);
    pool_close(pool);
    close_text(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(damaged_rows_are_answered) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
