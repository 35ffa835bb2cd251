#include "data/set/dataset.h"

#include <stdlib.h>

#include "data/set/shuffle.h"
#include "kernels/memory.h"

static void cut(Examples *examples, const DatasetOptions *options, DatasetCounts *counts)
{
    Truncated truncated = examples_truncate(examples, options->max_length, options->truncation);
    counts->truncated = truncated.truncated;
    counts->dropped = truncated.dropped;
}

static void pack(Examples *examples, const DatasetOptions *options, DatasetCounts *counts)
{
    Examples packed = {0};
    PackingOptions packing = { options->packing_strategy, options->max_length, options->n_processes };
    if (options->shuffle) shuffle_examples(examples, options->seed);
    counts->truncated = packing_pack(examples, packing, &packed).cut_rows;
    examples_free(examples);
    *examples = packed;
}

static void count(const Examples *examples, DatasetCounts *counts)
{
    counts->examples = examples->n;
    counts->tokens = examples->n ? examples->begin[examples->n] : 0;
    for (int64_t i = 0; i < examples->n; i++) counts->trained += examples_scored(examples, i);
}

static Status refuse_untrained(const char *path, const DatasetCounts *counts)
{
    if (counts->trained) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: no token would be trained: of %lld rows, %lld were cut and %lld dropped for having no trained token left; "
                              "raise max_length or check the masks", path, (long long)counts->rows, (long long)counts->truncated,
                (long long)counts->dropped);
}

static bool is_trained(const Examples *examples, int32_t id)
{
    for (int64_t t = 0; t < examples->begin[examples->n]; t++)
        if (examples->labels[t] == id) return true;
    return false;
}

/* A model that is never taught to stop talks on for ever, with a healthy training loss. */
static void notice_eos(const char *path, const EncodeOptions *options, const Examples *examples, Notices *notices)
{
    const char *eos = options->eos_token ? options->eos_token : tokenizer_part(options->tokenizer, TOKEN_EOS);
    int32_t id = eos ? tokenizer_id(options->tokenizer, eos) : -1;
    if (id >= 0 && !is_trained(examples, id))
        notice(notices, "%s: the eos token %s is never trained, so the model may not learn to stop; look at the template, the masks and max_length", path, eos);
}

static void notice_bos(const char *path, const Tokenizer *tokenizer, const Examples *examples, Notices *notices)
{
    int32_t bos = tokenizer_part_id(tokenizer, TOKEN_BOS);
    int64_t n = 0;
    for (int64_t i = 0; bos >= 0 && i < examples->n; i++) {
        const int32_t *id = examples->ids + examples->begin[i];
        n += examples_length(examples, i) > 1 && id[0] == bos && id[1] == bos;
    }
    if (n) notice(notices, "%s: %lld examples begin with two bos tokens: the text has one and the tokenizer adds another", path, (long long)n);
}

static void prepare(Examples *examples, const char *path, const DatasetOptions *options, Notices *notices, DatasetCounts *counts)
{
    if (options->packing) pack(examples, options, counts);
    else cut(examples, options, counts);
    if (options->shuffle) shuffle_examples(examples, options->seed);
    count(examples, counts);
    if (!options->encode.tokenizer || !counts->trained) return;
    notice_eos(path, &options->encode, examples, notices);
    notice_bos(path, options->encode.tokenizer, examples, notices);
}

Status dataset_read(const DataMix *mix, const DatasetOptions *options, Pool *pool, Notices *notices, Examples *out, DatasetCounts *counts)
{
    Rows rows = {0};
    Examples examples = {0};
    *counts = (DatasetCounts){0};
    TRY(rows_open(&rows, mix, options->text_field, notices));
    counts->rows = rows.n;
    Status status = encode_rows(&rows, &options->encode, pool, notices, &examples);
    char *name = memory_string(rows.from.name);
    rows_close(&rows);
    if (status == STATUS_OK) {
        prepare(&examples, name, options, notices, counts);
        status = refuse_untrained(name, counts);
    }
    free(name);
    if (status == STATUS_OK) *out = examples;
    else examples_free(&examples);
    return status;
}
