#include "data/set/dataset.h"

#include "data/set/shuffle.h"

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

static void prepare(Examples *examples, const DatasetOptions *options, DatasetCounts *counts)
{
    if (options->packing) pack(examples, options, counts);
    else cut(examples, options, counts);
    if (options->shuffle) shuffle_examples(examples, options->seed);
    count(examples, counts);
}

Cut dataset_cut(const DatasetOptions *options)
{
    if (options->packing && options->packing_strategy != PACKING_BFD) return (Cut){0};
    return (Cut){ options->max_length, options->packing ? TRUNCATE_KEEP_START : options->truncation };
}

Status dataset_read(const DataMix *mix, const DatasetOptions *options, Pool *pool, Notices *notices, Findings *found, Examples *out, DatasetCounts *counts)
{
    Rows rows = {0};
    Examples examples = {0};
    Findings findings = {0};
    *counts = (DatasetCounts){0};
    TRY(rows_open(&rows, mix, options->text_field, notices));
    counts->rows = rows.n;
    Status status = encode_rows(&rows, &options->encode, pool, notices, &findings, &examples);
    rows_close(&rows);
    TRY(status);
    findings_examine(&findings, &examples, &options->encode, dataset_cut(options), options->train);
    findings_tell(&findings, notices);
    prepare(&examples, options, counts);
    status = refuse_untrained(findings.path, counts);
    if (status == STATUS_OK) *out = examples;
    else examples_free(&examples);
    if (status == STATUS_OK && found) *found = findings;
    else findings_free(&findings);
    return status;
}
