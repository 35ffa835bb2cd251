#include "data/set/encode.h"

#include <stdlib.h>

#include "data/set/encoder.h"
#include "kernels/memory.h"

enum { ROWS_PER_TASK = 64 };

/* A task's rows; the first that failed, or -1. The message is made again where it can be heard: chains belong to threads. */
typedef struct { Examples examples; int64_t failed, prompts_cut, turns_unfound; } Part;
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
        if (encoder_row(work->encoder, i, &row) != STATUS_OK) part->failed = i;
        else examples_add(&part->examples, row.id, row.label, row.n);
    }
    part->prompts_cut = row.prompts_cut;
    part->turns_unfound = row.turns_unfound;
    encoded_free(&row);
}

static void append(Examples *all, Part *part)
{
    for (int64_t i = 0; i < part->examples.n; i++)
        examples_add(all, part->examples.ids + part->examples.begin[i], part->examples.labels + part->examples.begin[i],
                     examples_length(&part->examples, i));
    examples_free(&part->examples);
}

/* The parts as one; what was found out about them is summed in `sum`. */
static void join(Part *part, int n_parts, Examples *all, Part *sum)
{
    *sum = (Part){ .failed = -1 };
    for (int k = 0; k < n_parts; k++) {
        if (sum->failed < 0) sum->failed = part[k].failed;
        sum->prompts_cut += part[k].prompts_cut;
        sum->turns_unfound += part[k].turns_unfound;
        append(all, &part[k]);
    }
}

static Status fail_again(const Encoder *encoder, int64_t i)
{
    Encoded row = {0};
    Status status = encoder_row(encoder, i, &row);
    CHECK(status != STATUS_OK, "row %lld failed once", (long long)i);
    encoded_free(&row);
    return status;
}

static void tell(const Encoder *encoder, const Part *sum, Notices *notices)
{
    const char *path = encoder->rows->file.path;
    if (encoder->rows->has_completion_mask && !encoder->rows->has_labels && !encoder->completion_only)
        notice(notices, "%s: completion_mask is not applied; completion_only_loss asks for it", path);
    if (encoder->training)
        notice(notices, "the chat template has no {%% generation %%}: it is %s's, for which graft knows where the assistant's turns are; the text stays the same", encoder->family);
    if (encoder->options->assistant_only_loss && encoder->variables && !encoder->marks_generation)
        notice(notices, "the chat template has no {%% generation %%}: the assistant's turns were found by rendering every beginning of a conversation");
    if (sum->turns_unfound)
        notice(notices, "%s: %lld turns of the assistant are not trained; the template renders them differently when messages follow", path,
               (long long)sum->turns_unfound);
    if (sum->prompts_cut)
        notice(notices, "%s: %lld prompts are not the beginning of prompt and completion once both are tokens (a token spans the border, or the template "
                        "renders the prompt alone differently); there the context of training differs from that of inference", path,
               (long long)sum->prompts_cut);
}

Status encode_rows(const Rows *rows, const EncodeOptions *options, Pool *pool, Notices *notices, Examples *out)
{
    Encoder encoder;
    Part sum;
    TRY(encoder_init(&encoder, rows, options));
    int n_tasks = (int)((rows->n + ROWS_PER_TASK - 1) / ROWS_PER_TASK);
    Part *part = memory_new((size_t)n_tasks, sizeof *part);
    pool_run(pool, n_tasks, encode_part, &(Work){ &encoder, part });
    *out = (Examples){0};
    join(part, n_tasks, out, &sum);
    free(part);
    Status status = sum.failed < 0 ? STATUS_OK : fail_again(&encoder, sum.failed);
    if (status == STATUS_OK) tell(&encoder, &sum, notices);
    else examples_free(out);
    encoder_free(&encoder);
    return status;
}
