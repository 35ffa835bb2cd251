#include "data/set/encode.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

enum { ROWS_PER_TASK = 64 };

/* One row's tokens while they are made. */
typedef struct { int32_t *id, *label; int64_t n, cap; } Encoded;

static void reserve(Encoded *e, int64_t n)
{
    if (n <= e->cap) return;
    e->cap = 2 * n;
    e->id = memory_grow(e->id, (size_t)e->cap, sizeof *e->id);
    e->label = memory_grow(e->label, (size_t)e->cap, sizeof *e->label);
}

static void encoded_free(Encoded *e)
{
    free(e->id);
    free(e->label);
    *e = (Encoded){0};
}

typedef struct {
    const Rows *rows;
    const EncodeOptions *options;
    bool completion_only;
} Encoder;

/* Rows of tokens ---------------------------------------------------------------------------------------------------- */

static Status check_id(const Encoder *encoder, int64_t i, const char *column, int32_t id)
{
    int32_t size = encoder->options->vocabulary;
    if (id >= 0 && (!size || id < size)) return STATUS_OK;
    return rows_fail(encoder->rows, i, "\"%s\" holds %d, expected token ids from 0 to %d", column, id, size ? size - 1 : INT32_MAX);
}

static void apply_mask(Encoded *out, const Json *mask)
{
    int64_t t = 0;
    for (const Json *item = json_first(mask); item; item = json_next(item), t++)
        if (!json_integer(item)) out->label[t] = LABEL_NONE;
}

static Status encode_tokens(const Encoder *encoder, int64_t i, const Row *row, Encoded *out)
{
    int64_t t = 0;
    out->n = json_count(row->ids);
    reserve(out, out->n);
    for (const Json *item = json_first(row->ids); item; item = json_next(item), t++) {
        out->id[t] = out->label[t] = (int32_t)json_integer(item);
        TRY(check_id(encoder, i, "input_ids", out->id[t]));
    }
    t = 0;
    for (const Json *item = json_first(row->labels); item; item = json_next(item), t++) {
        out->label[t] = (int32_t)json_integer(item);
        if (out->label[t] != LABEL_NONE) TRY(check_id(encoder, i, "labels", out->label[t]));
    }
    if (row->labels) return STATUS_OK;
    if (encoder->completion_only) apply_mask(out, row->completion_mask);
    apply_mask(out, row->assistant_masks);
    return STATUS_OK;
}

/* All rows ---------------------------------------------------------------------------------------------------------- */

static Status encode_row(const Encoder *encoder, int64_t i, Encoded *out)
{
    Row row;
    TRY(rows_read(encoder->rows, i, &row));
    Status status = encode_tokens(encoder, i, &row, out);
    row_free(&row);
    return status;
}

/* A task's rows; the first that failed, or -1. The message is made again where it can be heard: chains belong to threads. */
typedef struct { Examples examples; int64_t failed; } Part;
typedef struct { const Encoder *encoder; Part *part; } Work;

static void encode_part(const void *ctx, int task, int worker)
{
    (void)worker;
    const Work *work = ctx;
    Part *part = &work->part[task];
    Encoded row = {0};
    int64_t first = (int64_t)task * ROWS_PER_TASK, end = first + ROWS_PER_TASK, n = work->encoder->rows->n;
    part->failed = -1;
    for (int64_t i = first; i < end && i < n && part->failed < 0; i++) {
        if (encode_row(work->encoder, i, &row) != STATUS_OK) part->failed = i;
        else examples_add(&part->examples, row.id, row.label, row.n);
    }
    encoded_free(&row);
}

static void append(Examples *all, Part *part)
{
    for (int64_t i = 0; i < part->examples.n; i++)
        examples_add(all, part->examples.ids + part->examples.begin[i], part->examples.labels + part->examples.begin[i],
                     examples_length(&part->examples, i));
    examples_free(&part->examples);
}

static Status encode_all(const Encoder *encoder, Pool *pool, Examples *all)
{
    int n_tasks = (int)((encoder->rows->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
    Part *part = memory_new((size_t)n_tasks, sizeof *part);
    pool_run(pool, n_tasks, encode_part, &(Work){ encoder, part });
    int64_t failed = -1;
    for (int task = 0; task < n_tasks; task++) {
        if (failed < 0) failed = part[task].failed;
        append(all, &part[task]);
    }
    free(part);
    if (failed < 0) return STATUS_OK;
    Encoded row = {0};
    Status status = encode_row(encoder, failed, &row);
    encoded_free(&row);
    return status;
}

static void count(const Examples *examples, EncodeCounts *counts)
{
    counts->examples = examples->n;
    counts->tokens = examples->n ? examples->begin[examples->n] : 0;
    for (int64_t i = 0; i < examples->n; i++) counts->trained += examples_scored(examples, i);
}

static void finish(const Rows *rows, const EncodeOptions *options, Examples *out, EncodeCounts *counts)
{
    *counts = (EncodeCounts){ .rows = rows->n };
    if (!options->packing) {
        Truncated cut = examples_truncate(out, options->max_length, options->truncation);
        counts->truncated = cut.truncated;
        counts->dropped = cut.dropped;
    }
    count(out, counts);
}

static Status refuse_untrained(const Rows *rows, const EncodeCounts *counts)
{
    if (counts->trained) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: no token would be trained: of %lld rows, %lld were cut and %lld dropped for having no trained token left; "
                              "raise max_length or check the masks", rows->file.path, (long long)counts->rows, (long long)counts->truncated,
                (long long)counts->dropped);
}

Status encode_rows(const Rows *rows, const EncodeOptions *options, Pool *pool, Notices *notices, Examples *out, EncodeCounts *counts)
{
    Encoder encoder = { rows, options, options->completion_only_loss == COMPLETION_LOSS_ONLY };
    if (rows->has_completion_mask && !rows->has_labels && !encoder.completion_only)
        notice(notices, "%s: completion_mask is not applied; completion_only_loss asks for it", rows->file.path);
    *out = (Examples){0};
    Status status = encode_all(&encoder, pool, out);
    if (status == STATUS_OK) finish(rows, options, out, counts);
    if (status == STATUS_OK) status = refuse_untrained(rows, counts);
    if (status != STATUS_OK) examples_free(out);
    return status;
}
