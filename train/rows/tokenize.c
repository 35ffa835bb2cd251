#include "train/rows/tokenize.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/set/encoder.h"
#include "data/set/row_parts.h"
#include "data/text/utf8.h"
#include "train/key_rows.h"
#include "train/rows/rows_command.h"

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

/* In characters. A range may lie within the next one, and is counted from the beginning then. */
static void add_spans(Buffer *out, const ChatText *text)
{
    size_t byte = 0, at = 0;
    for (int i = 0; i < text->n_spans; i++) {
        ChatSpan span = text->span[i];
        if (span.begin < byte) byte = at = 0;
        size_t begin = at + utf8_count(text->text + byte, span.begin - byte), end = begin + utf8_count(text->text + span.begin, span.end - span.begin);
        buffer_format(out, "%s[%zu, %zu]", i ? ", " : "", begin, end);
        byte = span.end;
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

/* All lines ------------------------------------------------------------------------------------------------------------ */

typedef struct { const Encoder *encoder; bool render; FILE *out; } Work;

static int64_t make_lines(const void *self, int64_t first, int64_t end, void *made)
{
    const Work *work = self;
    Encoded row = {0};
    int64_t failed = -1;
    for (int64_t i = first; i < end && failed < 0; i++) {
        if (encoder_row(work->encoder, i, &row) != STATUS_OK) failed = i;
        else add_line(made, &row, work->render);
    }
    encoded_free(&row);
    return failed;
}

static Status cannot_write(void) { return fail(STATUS_WRITE, "standard output: %s", strerror(errno)); }

static Status take_lines(const void *self, void *made)
{
    const Work *work = self;
    Buffer *lines = made;
    bool written = !lines->len || fwrite(lines->data, 1, lines->len, work->out) == lines->len;
    buffer_clear(lines);
    return written ? STATUS_OK : cannot_write();
}

static void free_lines(void *made) { buffer_free(made); }

static Status write_rows(const Encoder *encoder, bool render, Pool *pool, FILE *out)
{
    static const RowWork work = { make_lines, take_lines, free_lines, sizeof(Buffer) };
    int64_t failed;
    TRY(row_parts_run(pool, encoder->rows->n, &work, &(Work){ encoder, render, out }, &failed));
    if (fflush(out)) return cannot_write();
    return failed < 0 ? STATUS_OK : encoder_fail(encoder, failed);
}

/* The command ------------------------------------------------------------------------------------------------------- */

static Status run(const void *given, const RowsInput *in, Notices *notices, FILE *out)
{
    const TokenizeOptions *options = given;
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
    return rows_command_run(&keys, &(TokenizeOptions){0}, run, argc, argv, out, messages);
}

Status tokenize_command(int argc, char **argv) { return rows_command(&keys, &(TokenizeOptions){0}, run, argc, argv); }
