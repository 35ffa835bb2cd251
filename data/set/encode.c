#include "data/set/encode.h"

#include <stdlib.h>

#include "data/set/encode_key.h"
#include "data/set/encoder.h"
#include "data/set/example_cache.h"
#include "data/set/findings.h"
#include "kernels/memory.h"

enum { ROWS_PER_TASK = 64, TASKS_PER_WORKER = 16 };

/* A task's rows; the first that ends it all, or -1. The message is made again where it can be heard: chains belong to threads. */
typedef struct { Examples examples; int64_t failed; } Part;
typedef struct { const Encoder *encoder; Findings *findings; int64_t first; Part *part; } Work;

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
    int64_t first = work->first + (int64_t)task * ROWS_PER_TASK, end = first + ROWS_PER_TASK, n = work->encoder->rows->n;
    part->failed = -1;
    part->examples.n = 0;
    for (int64_t i = first; i < end && i < n && part->failed < 0; i++) {
        Status status = look_at(work->encoder, work->findings, i, &row);
        if (status != STATUS_OK && !work->encoder->options->keep_going) part->failed = i;
        else examples_add(&part->examples, row.id, row.label, status == STATUS_OK ? row.n : 0);
    }
    encoded_free(&row);
}

/* The parts behind what is there; returns the first row that failed, or -1. */
static int64_t append(const Part *part, int n_parts, Examples *all)
{
    for (int k = 0; k < n_parts; k++) {
        const Examples *e = &part[k].examples;
        for (int64_t i = 0; i < e->n; i++) examples_add(all, e->ids + e->begin[i], e->labels + e->begin[i], examples_length(e, i));
        if (part[k].failed >= 0) return part[k].failed;
    }
    return -1;
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

/* Some thousand rows at a time, so that no second copy of all examples is there at once. Returns the first row that failed, or -1. */
static int64_t encode_all(const Encoder *encoder, Pool *pool, Findings *findings, Examples *out)
{
    int n_parts = TASKS_PER_WORKER * pool_workers(pool);
    Work work = { encoder, findings, 0, memory_new((size_t)n_parts, sizeof *work.part) };
    int64_t failed = -1;
    for (; work.first < encoder->rows->n && failed < 0; work.first += (int64_t)n_parts * ROWS_PER_TASK) {
        pool_run(pool, n_parts, encode_part, &work);
        failed = append(work.part, n_parts, out);
    }
    for (int k = 0; k < n_parts; k++) examples_free(&work.part[k].examples);
    free(work.part);
    return failed;
}

/* An entry of the cache: the examples, and what was found wrong with each row as it was written. */
static bool load(const char *entry, const Encoder *encoder, Findings *findings, Examples *out)
{
    int64_t n = encoder->rows->n, *problems = memory_new((size_t)n, sizeof *problems);
    bool found = example_cache_load(entry, encoder->options->vocabulary, out, problems, (int)n) && out->n == n;
    for (int64_t i = 0; found && i < n; i++) findings->problems[i] = (uint32_t)problems[i];
    if (!found) examples_free(out);
    free(problems);
    return found;
}

static void save(const char *entry, const Findings *findings, const Examples *examples)
{
    int64_t *problems = memory_new((size_t)findings->n, sizeof *problems);
    for (int64_t i = 0; i < findings->n; i++) problems[i] = findings->problems[i];
    example_cache_save(entry, examples, problems, (int)findings->n);
    free(problems);
}

Status encode_rows(const Rows *rows, const EncodeOptions *options, Pool *pool, Notices *notices, Findings *findings, Examples *out)
{
    Encoder encoder;
    TRY(encoder_init(&encoder, rows, options));
    findings_init(findings, rows);
    *out = (Examples){0};
    char *entry = encode_cache_entry(rows, options);
    bool kept = entry && load(entry, &encoder, findings, out);
    int64_t failed = kept ? -1 : encode_all(&encoder, pool, findings, out);
    if (entry && !kept && failed < 0) save(entry, findings, out);
    free(entry);
    Status status = failed < 0 ? STATUS_OK : fail_again(&encoder, failed);
    if (status == STATUS_OK) tell(&encoder, notices);
    else {
        examples_free(out);
        findings_free(findings);
    }
    encoder_free(&encoder);
    return status;
}
