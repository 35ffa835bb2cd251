#include "train/rows/tokenize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/set/encoder.h"
#include "kernels/memory.h"
#include "train/key_rows.h"
#include "train/rows/rows_input.h"
#include "train/rows/rows_keys.h"

typedef struct { Recipe recipe; bool render, eos, add_generation_prompt; } TokenizeOptions;

#define RECORD TokenizeOptions
static const Key rows[] = {
    { .group = "Output", FIELD(render, KEY_BOOL, "false"), .meaning = "add the text that the tokenizer got, and which parts of it the template marks as generated" },
    { FIELD(eos, KEY_BOOL, "true"), .meaning = "end a plain text with the eos token; --no_eos leaves it as it is" },
    { FIELD(add_generation_prompt, KEY_BOOL, "false"), .meaning = "render messages up to where the assistant's next turn begins" },
};
#undef RECORD

static const Keys keys = {
    .command = "graft tokenize",
    .usage = "graft tokenize shows what a model is fed: for each row of FILE one line of JSON with input_ids and\n"
             "labels (-100: not trained). Nothing is cut, packed or dropped.\n\n"
             "usage: graft tokenize --model_name_or_path DIR FILE [--render] [--no_eos] [--key value ...]\n\n"
             "DIR may hold only a tokenizer and a chat template. All keys of graft sft are accepted. [default]\n",
    .positional = "dataset_name",
    .key = rows, .n = sizeof rows / sizeof *rows,
};

/* One line ---------------------------------------------------------------------------------------------------------- */

static void add_integer(Buffer *out, int64_t value)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0) *--at = '-';
    buffer_add(out, at, (size_t)(digits + sizeof digits - at));
}

static void add_integers(Buffer *out, const char *name, const int32_t *value, int64_t n)
{
    buffer_format(out, "\"%s\": [", name);
    for (int64_t i = 0; i < n; i++) {
        if (i) buffer_add_string(out, ", ");
        add_integer(out, value[i]);
    }
    buffer_add_char(out, ']');
}

static int64_t characters(const char *text, size_t from, size_t to)
{
    int64_t n = 0;
    for (size_t i = from; i < to; i++) n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

static void add_spans(Buffer *out, const ChatText *text)
{
    size_t byte = 0;
    int64_t at = 0;
    for (int i = 0; i < text->n_spans; i++) {
        int64_t begin = at + characters(text->text, byte, text->span[i].begin), end = begin + characters(text->text, text->span[i].begin, text->span[i].end);
        buffer_format(out, "%s[%lld, %lld]", i ? ", " : "", (long long)begin, (long long)end);
        byte = text->span[i].end;
        at = end;
    }
}

static void add_text(Buffer *out, const ChatText *text)
{
    Json *string = json_new_string(text->text);
    buffer_add_string(out, ", \"text\": ");
    json_print(out, string, (JsonStyle){0});
    buffer_add_string(out, ", \"generation\": [");
    add_spans(out, text);
    buffer_add_char(out, ']');
    json_free(string);
}

static void add_line(Buffer *out, const Encoded *row, bool render)
{
    buffer_add_char(out, '{');
    add_integers(out, "input_ids", row->id, row->n);
    buffer_add_string(out, ", ");
    add_integers(out, "labels", row->label, row->n);
    if (render) add_text(out, &row->text);
    buffer_add_string(out, "}\n");
}

/* All lines, some hundred rows at a time, on every core ------------------------------------------------------------------ */

enum { ROWS_PER_TASK = 64, TASKS_PER_WORKER = 4 };

typedef struct { Buffer lines; int64_t failed; } Part;       /* failed: the first row that could not be encoded, or -1 */
typedef struct { const Encoder *encoder; bool render; int64_t first; Part *part; } Work;

static void tokenize_part(const void *ctx, int task, int worker)
{
    (void)worker;
    const Work *work = ctx;
    Part *part = &work->part[task];
    Encoded row = {0};
    int64_t first = work->first + (int64_t)task * ROWS_PER_TASK, end = first + ROWS_PER_TASK, n = work->encoder->rows->n;
    part->failed = -1;
    for (int64_t i = first; i < end && i < n && part->failed < 0; i++) {
        if (encoder_row(work->encoder, i, &row) != STATUS_OK) part->failed = i;
        else add_line(&part->lines, &row, work->render);
    }
    encoded_free(&row);
}

/* The message is made again where it can be heard: chains belong to threads. */
static Status fail_again(const Encoder *encoder, int64_t i)
{
    Encoded row = {0};
    Status status = encoder_row(encoder, i, &row);
    encoded_free(&row);
    return status;
}

static Status write_part(const Work *work, Part *part, FILE *out)
{
    Status status = STATUS_OK;
    if (part->lines.len && fwrite(part->lines.data, 1, part->lines.len, out) != part->lines.len)
        status = fail(STATUS_WRITE, "standard output: %s", strerror(errno));
    else if (part->failed >= 0) status = fail_again(work->encoder, part->failed);
    buffer_clear(&part->lines);
    return status;
}

static Status write_rows(const Encoder *encoder, bool render, Pool *pool, FILE *out)
{
    int n_parts = TASKS_PER_WORKER * pool_workers(pool);
    Work work = { encoder, render, 0, memory_new((size_t)n_parts, sizeof *work.part) };
    Status status = STATUS_OK;
    for (; work.first < encoder->rows->n && status == STATUS_OK; work.first += (int64_t)n_parts * ROWS_PER_TASK) {
        pool_run(pool, n_parts, tokenize_part, &work);
        for (int k = 0; k < n_parts && status == STATUS_OK; k++) status = write_part(&work, &work.part[k], out);
    }
    for (int k = 0; k < n_parts; k++) buffer_free(&work.part[k].lines);
    free(work.part);
    if (status == STATUS_OK && fflush(out)) status = fail(STATUS_WRITE, "standard output: %s", strerror(errno));
    return status;
}

/* The command ------------------------------------------------------------------------------------------------------- */

static Status tokenize_file(const TokenizeOptions *options, const RowsInput *in, FILE *out, Notices *notices)
{
    const Recipe *r = &options->recipe;
    Rows rows_of_file = {0};
    Encoder encoder = {0};
    DatasetOptions set = rows_input_options(in, r, 0, false);
    set.encode.no_eos = !options->eos;
    set.encode.add_generation_prompt = options->add_generation_prompt;
    DataSource *source;
    DataMix mix = recipe_train_data(r, &source);
    Pool *pool = pool_open(r->threads ? (int)r->threads : pool_default_workers());
    Status status = rows_open(&rows_of_file, &mix, set.text_field, notices);
    if (status == STATUS_OK) status = encoder_init(&encoder, &rows_of_file, &set.encode);
    if (status == STATUS_OK) status = write_rows(&encoder, options->render, pool, out);
    encoder_free(&encoder);
    rows_close(&rows_of_file);
    pool_close(pool);
    free(source);
    return status;
}

Status tokenize_rows(int argc, char **argv, FILE *out, FILE *messages)
{
    TokenizeOptions options = {0};
    RowsInput in = {0};
    Notices notices = {0};
    Status status = rows_keys_parse(&keys, &options.recipe, argc, argv, &notices);
    if (status == STATUS_OK) status = rows_input_open(&in, &options.recipe, &notices);
    if (status == STATUS_OK) status = tokenize_file(&options, &in, out, &notices);
    for (int i = 0; i < notices.n; i++) fprintf(messages, "note: %s\n", notices.line[i]);
    rows_input_close(&in);
    notices_free(&notices);
    rows_keys_free(&keys, &options.recipe);
    return status;
}

Status tokenize_command(int argc, char **argv)
{
    if (keys_want_help(argc, argv)) {
        rows_keys_help(&keys, stdout);
        return STATUS_OK;
    }
    return tokenize_rows(argc, argv, stdout, stderr);
}
