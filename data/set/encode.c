#include "data/set/encode.h"

#include <stdlib.h>

#include "data/set/encode_key.h"
#include "data/set/encoder.h"
#include "data/set/example_cache.h"
#include "data/set/findings.h"
#include "data/set/row_parts.h"
#include "kernels/memory.h"

typedef struct { const Encoder *encoder; Findings *findings; Examples *out; } Work;

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

static int64_t make_examples(const void *self, int64_t first, int64_t end, void *made)
{
    const Work *work = self;
    Encoded row = {0};
    int64_t failed = -1;
    for (int64_t i = first; i < end && failed < 0; i++) {
        Status status = look_at(work->encoder, work->findings, i, &row);
        if (status != STATUS_OK && !work->encoder->options->keep_going) failed = i;
        else examples_add(made, row.id, row.label, status == STATUS_OK ? row.n : 0);
    }
    encoded_free(&row);
    return failed;
}

static Status take_examples(const void *self, void *made)
{
    const Work *work = self;
    Examples *e = made;
    for (int64_t i = 0; i < e->n; i++) examples_add(work->out, e->ids + e->begin[i], e->labels + e->begin[i], examples_length(e, i));
    e->n = 0;
    return STATUS_OK;
}

static void free_examples(void *made) { examples_free(made); }

static void tell(const Encoder *encoder, Notices *notices)
{
    if (encoder->training)
        notice(notices, "the chat template has no {%% generation %%}: it is %s's, for which graft knows where the assistant's turns are; the text stays the same",
               encoder->family);
    if (encoder->options->assistant_only_loss && encoder->variables && !encoder->marks_generation)
        notice(notices, "the chat template has no {%% generation %%}: the assistant's turns were found by rendering every beginning of a conversation");
}

static Status encode_all(const Encoder *encoder, Pool *pool, Findings *findings, Examples *out)
{
    static const RowWork work = { make_examples, take_examples, free_examples, sizeof(Examples) };
    int64_t failed;
    TRY(row_parts_run(pool, encoder->rows->n, &work, &(Work){ encoder, findings, out }, &failed));
    return failed < 0 ? STATUS_OK : encoder_fail(encoder, failed);
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
    Status status = kept ? STATUS_OK : encode_all(&encoder, pool, findings, out);
    if (entry && !kept && status == STATUS_OK) save(entry, findings, out);
    free(entry);
    if (status == STATUS_OK) tell(&encoder, notices);
    else {
        examples_free(out);
        findings_free(findings);
    }
    encoder_free(&encoder);
    return status;
}
