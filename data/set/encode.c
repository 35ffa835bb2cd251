#include "data/set/encode.h"

#include <stdlib.h>

#include "data/set/encoder.h"
#include "data/set/findings.h"
#include "kernels/memory.h"

enum { ROWS_PER_TASK = 64 };

/* A task's rows; the first that ends it all, or -1. The message is made again where it can be heard: chains belong to threads. */
typedef struct { Examples examples; int64_t failed; } Part;
typedef struct { const Encoder *encoder; Findings *findings; Part *part; } Work;

/* Reads and encodes row i, and notes what is wrong with it. */
static Status look_at(const Encoder *encoder, Findings *findings, int64_t i, Encoded *encoded)
{
    Row row;
    bool read = false;
    Status status = rows_read(encoder->rows, i, &row);
    if (status == STATUS_OK) {
        read = true;
        status = encoder_encode(encoder, i, &row, encoded);
    }
    findings->message[i] = status == STATUS_OK ? NULL : memory_string(status_message());
    findings->problems[i] = problems_in_row(&(RowView){ encoder, read ? &row : NULL, encoded, findings->message[i] });
    if (read) row_free(&row);
    return status;
}

static void encode_part(const void *ctx, int task, int worker)
{
    (void)worker;
    const Work *work = ctx;
    Part *part = &work->part[task];
    Encoded row = {0};
    int64_t first = (int64_t)task * ROWS_PER_TASK, end = first + ROWS_PER_TASK, n = work->encoder->rows->n;
    part->failed = -1;
    for (int64_t i = first; i < end && i < n && part->failed < 0; i++) {
        Status status = look_at(work->encoder, work->findings, i, &row);
        if (status != STATUS_OK && !work->encoder->options->keep_going) part->failed = i;
        else examples_add(&part->examples, row.id, row.label, status == STATUS_OK ? row.n : 0);
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

/* The parts as one; returns the first row that failed, or -1. */
static int64_t join(Part *part, int n_parts, Examples *all)
{
    int64_t failed = -1;
    for (int k = 0; k < n_parts; k++) {
        if (failed < 0) failed = part[k].failed;
        append(all, &part[k]);
    }
    return failed;
}

static Status fail_again(const Encoder *encoder, int64_t i)
{
    Encoded row = {0};
    Status status = encoder_row(encoder, i, &row);
    CHECK(status != STATUS_OK, "row %lld failed once", (long long)i);
    encoded_free(&row);
    return status;
}

static void tell(const Encoder *encoder, Notices *notices)
{
    if (encoder->training)
        notice(notices, "the chat template has no {%% generation %%}: it is %s's, for which graft knows where the assistant's turns are; the text stays the same", encoder->family);
    if (encoder->options->assistant_only_loss && encoder->variables && !encoder->marks_generation)
        notice(notices, "the chat template has no {%% generation %%}: the assistant's turns were found by rendering every beginning of a conversation");
}

Status encode_rows(const Rows *rows, const EncodeOptions *options, Pool *pool, Notices *notices, Findings *findings, Examples *out)
{
    Encoder encoder;
    TRY(encoder_init(&encoder, rows, options));
    int n_tasks = (int)((rows->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
    Part *part = memory_new((size_t)n_tasks, sizeof *part);
    findings_init(findings, rows);
    pool_run(pool, n_tasks, encode_part, &(Work){ &encoder, findings, part });
    *out = (Examples){0};
    int64_t failed = join(part, n_tasks, out);
    free(part);
    Status status = failed < 0 ? STATUS_OK : fail_again(&encoder, failed);
    if (status == STATUS_OK) tell(&encoder, notices);
    else {
        examples_free(out);
        findings_free(findings);
    }
    encoder_free(&encoder);
    return status;
}
