#include "train/rows/lint.h"

#include <stdlib.h>
#include <unistd.h>

#include "data/set/preview.h"
#include "kernels/memory.h"
#include "train/key_rows.h"
#include "train/rows/rows_command.h"

enum { LINES_SHOWN = 5 };

typedef struct { Recipe recipe; int64_t show; bool show_ids; } LintOptions;

#define RECORD LintOptions
static const Key rows[] = {
    { .group = "Output", FIELD(show, KEY_INTEGER, "0"), .min = 0, .max = 1 << 30, .meaning = "show the first rows as they are trained on, trained tokens marked" },
    { FIELD(show_ids, KEY_BOOL, "false"), .meaning = "with show: their token ids as well" },
};
#undef RECORD

static const Keys keys = {
    .command = "graft lint",
    .usage = "graft lint says what is wrong with the rows that a recipe trains on.\n\n"
             "usage: graft lint --model_name_or_path DIR|FILE.gguf FILE [--show 3] [--key value ...]\n"
             "       graft lint --config recipe.yaml [--show 3]\n\n"
             "DIR may hold only a tokenizer and a chat template. All keys of graft sft are accepted. Exit code: 0 where\n"
             "nothing or only warnings are found, 2 where errors are. [default]\n",
    .positional = "dataset_name",
    .key = rows, .n = sizeof rows / sizeof *rows,
};

/* One file's rows, and where the report goes. */
typedef struct { const LintOptions *options; const RowsInput *in; Pool *pool; Notices *notices; FILE *out; int64_t errors, warnings; } Lint;

/* The report ---------------------------------------------------------------------------------------------------------- */

static void print_row(const Findings *f, Problem problem, int64_t i, FILE *out)
{
    bool why = f->message[i] && problem_kinds[problem].severity == SEVERITY_ERROR;
    if (why) fprintf(out, "  %s", f->message[i]);      /* it begins with the place */
    else fprintf(out, "  %s:%lld", f->place[i].path, (long long)f->place[i].line);
    if (problem == PROBLEM_DUPLICATE) fprintf(out, ", as %s:%lld", f->twin[i].path, (long long)f->twin[i].line);
    if (problem == PROBLEM_OVERLAP) fprintf(out, ", as %s:%lld", f->trained[i].path, (long long)f->trained[i].line);
    fputc('\n', out);
}

static void print_problem(const Findings *f, Problem problem, FILE *out)
{
    const ProblemKind *kind = &problem_kinds[problem];
    int64_t n = findings_count(f, problem), shown = 0;
    if (!n) return;
    fprintf(out, "\n%s %s, %lld %s: %s\n", kind->severity == SEVERITY_ERROR ? "error" : "warning", kind->name, (long long)n, n == 1 ? "row" : "rows", kind->text);
    for (int64_t i = 0; i < f->n && shown < LINES_SHOWN; i++)
        if (f->problems[i] >> problem & 1) {
            print_row(f, problem, i, out);
            shown++;
        }
    if (n > shown) fprintf(out, "  … %lld more\n", (long long)(n - shown));
}

static void print_size(const Findings *f, const Examples *whole, FILE *out)
{
    int64_t trained = 0, longest = 0, n = whole->n ? whole->begin[whole->n] : 0;
    for (int64_t i = 0; i < whole->n; i++) {
        trained += examples_scored(whole, i);
        if (examples_length(whole, i) > longest) longest = examples_length(whole, i);
    }
    fprintf(out, "%s: %lld rows, %lld tokens, %lld trained (%.1f %%), longest row %lld\n", f->path, (long long)f->n, (long long)n, (long long)trained,
            n ? 100 * (double)trained / (double)n : 0, (long long)longest);
}

/* Row i as it is after the cut. */
static void show_row(const Lint *lint, const Findings *f, const Examples *whole, int64_t i, Cut cut)
{
    PreviewMarks marks = isatty(fileno(lint->out)) ? PREVIEW_UNDERLINED : PREVIEW_BRACKETS;
    int64_t begin = whole->begin[i];
    Examples one = {0};
    Buffer text = {0};
    examples_add(&one, whole->ids + begin, whole->labels + begin, examples_length(whole, i));
    examples_truncate(&one, cut.max_length, cut.side);
    fprintf(lint->out, "\n--- %s:%lld: %lld of %lld tokens, %lld trained\n", f->place[i].path, (long long)f->place[i].line, one.n ? (long long)one.begin[1] : 0,
            (long long)examples_length(whole, i), one.n ? (long long)examples_scored(&one, 0) : 0);
    if (one.n && lint->in->tokenizer) preview_example(lint->in->tokenizer, &one, 0, INT64_MAX, marks, &text);
    if (one.n && lint->in->tokenizer) buffer_add_char(&text, '\n');
    if (one.n && (lint->options->show_ids || !lint->in->tokenizer)) {
        preview_ids(&one, 0, marks, &text);
        buffer_add_char(&text, '\n');
    }
    if (text.len) fwrite(text.data, 1, text.len, lint->out);
    buffer_free(&text);
    examples_free(&one);
}

/* The files ----------------------------------------------------------------------------------------------------------- */

static void report(Lint *lint, const Findings *f, const Examples *whole, const DatasetOptions *set)
{
    int64_t show = set->train ? 0 : lint->options->show;
    print_size(f, whole, lint->out);
    for (int p = 0; p < PROBLEMS; p++) print_problem(f, (Problem)p, lint->out);
    for (int64_t i = 0; i < f->n && i < show; i++) show_row(lint, f, whole, i, dataset_cut(set));
    fputc('\n', lint->out);
    lint->errors += findings_rows(f, SEVERITY_ERROR);
    lint->warnings += findings_rows(f, SEVERITY_WARNING);
}

/* `train`: the findings of the training rows, or NULL for these themselves. */
static Status lint_file(Lint *lint, const DataMix *mix, bool packing, const Findings *train, Findings *found)
{
    const Recipe *r = &lint->options->recipe;
    Rows file = {0};
    Examples whole = {0};
    DatasetOptions set = rows_input_options(lint->in, r, rows_input_vocabulary(lint->in, r), packing);
    set.encode.keep_going = true;
    set.train = train;
    TRY(rows_open(&file, mix, set.text_field, lint->notices));
    Status status = encode_rows(&file, &set.encode, lint->pool, lint->notices, found, &whole);
    rows_close(&file);
    TRY(status);
    findings_examine(found, &whole, &set.encode, dataset_cut(&set), train);
    report(lint, found, &whole, &set);
    examples_free(&whole);
    return STATUS_OK;
}

/* A folder need not have a test split. */
static bool has_eval_rows(const Recipe *r)
{
    Notices unheard = {0};
    DataFiles files = {0};
    if (r->eval_dataset_name || r->test_split_size > 0) return true;
    bool found = recipe_has_eval_data(r) && data_files_find(&files, &(DataPlace){ .path = r->dataset_name, .split = r->dataset_test_split }, &unheard) == STATUS_OK;
    data_files_free(&files);
    notices_free(&unheard);
    return found;
}

static Status lint_eval(Lint *lint, const Findings *train)
{
    const Recipe *r = &lint->options->recipe;
    if (!has_eval_rows(r)) return STATUS_OK;
    DataSource *source;
    DataMix mix = recipe_eval_data(r, &source);
    Findings found = {0};
    Status status = lint_file(lint, &mix, r->eval_packing == MAYBE_YES, train, &found);
    findings_free(&found);
    free(source);
    return status;
}

static Status run(const void *options, const RowsInput *in, Notices *notices, FILE *out)
{
    Lint lint = { .options = options, .in = in, .notices = notices, .out = out };
    const Recipe *r = &lint.options->recipe;
    DataSource *source;
    DataMix mix = recipe_train_data(r, &source);
    Findings train = {0};
    lint.pool = pool_open(r->threads ? (int)r->threads : pool_default_workers());
    Status status = lint_file(&lint, &mix, r->packing, NULL, &train);
    if (status == STATUS_OK) status = lint_eval(&lint, &train);
    findings_free(&train);
    pool_close(lint.pool);
    free(source);
    TRY(status);
    fprintf(out, "rows with errors: %lld, with warnings: %lld\n", (long long)lint.errors, (long long)lint.warnings);
    return lint.errors ? fail(STATUS_INPUT, "rows with errors: %lld", (long long)lint.errors) : STATUS_OK;
}

Status lint_rows(int argc, char **argv, FILE *out, FILE *messages)
{
    return rows_command_run(&keys, &(LintOptions){0}, run, argc, argv, out, messages);
}

Status lint_command(int argc, char **argv) { return rows_command(&keys, &(LintOptions){0}, run, argc, argv); }
