/* The fixtures of tests/peers/golden_rows.py, for the tests of this folder. */
#ifndef TESTS_DATA_SET_GOLDEN_H
#define TESTS_DATA_SET_GOLDEN_H
#include "tests/testing.h"

#include "data/file/json.h"
#include "data/set/encode.h"
#include "data/set/packing.h"
#include "data/set/shuffle.h"
#include "kernels/memory.h"

static inline Json *golden_cases(const char *name)
{
    char path[512];
    Json *cases = NULL;
    snprintf(path, sizeof path, GRAFT_GOLDEN "/rows/%s", name);
    assert_ok(json_read(&cases, path));
    return cases;
}

static inline int32_t *golden_integers(const Json *list, int64_t *n)
{
    int64_t at = 0;
    *n = json_count(list);
    int32_t *out = memory_new((size_t)*n, sizeof *out);
    for (const Json *item = json_first(list); item; item = json_next(item)) out[at++] = (int32_t)json_integer(item);
    return out;
}

/* One number or string of a case's options, or what TRL takes when it is absent. */
static inline int64_t golden_option(const Json *golden, const char *name, int64_t otherwise)
{
    const Json *value = json_get(json_get(golden, "options"), name);
    if (json_kind(value) == JSON_BOOL) return json_bool(value);
    return json_is_number(value) ? json_integer(value) : otherwise;
}

static inline const char *golden_text(const Json *golden, const char *name, const char *otherwise)
{
    const char *text = json_string(json_get(json_get(golden, "options"), name));
    return text ? text : otherwise;
}

/* Everything SFTTrainer does to a case's rows before training; `options` carries the tokenizer, the rest comes from the case. */
static inline void golden_examples(const Json *golden, EncodeOptions options, Examples *out, EncodeCounts *counts, Notices *notices)
{
    char path[512];
    Rows rows;
    Pool *pool = pool_open(2);
    snprintf(path, sizeof path, GRAFT_GOLDEN "/rows/%s.jsonl", json_string(json_get(golden, "rows")));
    assert_ok(rows_open(&rows, path, golden_text(golden, "dataset_text_field", NULL), notices));
    options.max_length = golden_option(golden, "max_length", 0);
    options.packing = golden_option(golden, "packing", false);
    options.truncation = strcmp(golden_text(golden, "truncation_mode", "keep_start"), "keep_end") ? TRUNCATE_KEEP_START : TRUNCATE_KEEP_END;
    options.completion_only_loss = (CompletionLoss[]){ COMPLETION_LOSS_ALL, COMPLETION_LOSS_ONLY, COMPLETION_LOSS_AUTO }[golden_option(golden, "completion_only_loss", 2)];
    assert_ok(encode_rows(&rows, &options, pool, notices, out, counts));
    pool_close(pool);
    rows_close(&rows);

    uint64_t seed = (uint64_t)golden_option(golden, "seed", 42);
    bool shuffle = golden_option(golden, "shuffle_dataset", false);
    if (options.packing) {
        Examples unpacked = *out;
        PackingOptions packing = { .max_length = options.max_length, .n_processes = golden_option(golden, "dataset_num_proc", 1) };
        assert_ok(packing_strategy(&packing.strategy, golden_text(golden, "packing_strategy", "bfd")));
        if (shuffle) shuffle_examples(&unpacked, seed);
        *out = (Examples){0};
        packing_pack(&unpacked, packing, out);
        examples_free(&unpacked);
    }
    if (shuffle) shuffle_examples(out, seed);
}

#endif
