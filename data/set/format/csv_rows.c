/* CSV and TSV, cut into cells as pandas' C reader cuts them, which `datasets` uses:
 *
 *   a line ends with \n, \r\n or \r; lines of nothing but spaces and tabs are no rows
 *   a cell that begins with " goes to the next single "; "" is one " and newlines in it stay as they are. Text behind the closing
 *   quote belongs to the cell. A " elsewhere is a character like any other, and spaces are kept
 *   the first row names the columns: a name that is empty is `Unnamed: 2` by its place, one that stands again is `name.1`
 *   a row may have fewer cells than the header; those behind are null
 *   an empty cell, quoted or not, is null, and so are NA, null, None, nan and the rest of pandas' list
 *
 * Every other cell is text. pandas makes numbers or booleans of a column that holds nothing else, which TRL cannot train on; here
 * it stays as it is written. Rows longer than the header are refused; pandas makes an index of the first column when the first row
 * is. Nor is it taken over that pandas swallows a separator behind a blank line that ends with \r alone, so that a row which begins
 * with an empty cell moves one column to the left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/file/inflated.h"
#include "data/set/format/formats.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

enum { MOST_COLUMNS = 1024 };

typedef struct { char separator; char **name; int n; } Csv;

typedef struct { const char *s; size_t at, n; int64_t line; char separator; } Scan;

/* The cells of one record, one behind the other in `text`. */
typedef struct { Buffer text; size_t end[MOST_COLUMNS]; int n; bool unclosed; } Record;

/* Reading records ------------------------------------------------------------------------------------------------------ */

static bool ends_line(char c) { return c == '\n' || c == '\r'; }

static void skip_line_end(Scan *scan)
{
    if (scan->at >= scan->n) return;
    bool two = scan->s[scan->at] == '\r' && scan->at + 1 < scan->n && scan->s[scan->at + 1] == '\n';
    scan->at += two ? 2 : 1;
    scan->line++;
}

/* To the next record; false when there is none. */
static bool skip_blank_lines(Scan *scan)
{
    while (scan->at < scan->n) {
        size_t at = scan->at;
        while (at < scan->n && (scan->s[at] == ' ' || scan->s[at] == '\t') && scan->s[at] != scan->separator) at++;
        if (at < scan->n && !ends_line(scan->s[at])) return true;
        scan->at = at;
        skip_line_end(scan);
    }
    return false;
}

static void read_quoted(Scan *scan, Record *record)
{
    const char *s = scan->s;
    for (scan->at++; scan->at < scan->n; scan->at++) {
        bool quote = s[scan->at] == '"', doubled = quote && scan->at + 1 < scan->n && s[scan->at + 1] == '"';
        if (quote && !doubled) {
            scan->at++;
            return;
        }
        scan->at += doubled;
        scan->line += s[scan->at] == '\n' || (s[scan->at] == '\r' && (scan->at + 1 >= scan->n || s[scan->at + 1] != '\n'));
        buffer_add_char(&record->text, s[scan->at]);
    }
    record->unclosed = true;
}

static void read_cell(Scan *scan, Record *record)
{
    if (scan->at < scan->n && scan->s[scan->at] == '"') read_quoted(scan, record);
    size_t begin = scan->at;
    while (scan->at < scan->n && scan->s[scan->at] != scan->separator && !ends_line(scan->s[scan->at])) scan->at++;
    buffer_add(&record->text, scan->s + begin, scan->at - begin);
    if (record->n < MOST_COLUMNS) record->end[record->n] = record->text.len;
    record->n++;
}

/* One record, up to its line's end. More cells than there is room for are counted. */
static void read_record(Scan *scan, Record *record)
{
    buffer_clear(&record->text);
    record->n = 0;
    read_cell(scan, record);
    while (scan->at < scan->n && scan->s[scan->at] == scan->separator) {
        scan->at++;
        read_cell(scan, record);
    }
}

static char *cell(const Record *record, int k)
{
    size_t begin = k ? record->end[k - 1] : 0, n = record->end[k] - begin;
    char *text = memory_new(n + 1, 1);
    if (n) memcpy(text, record->text.data + begin, n);
    return text;
}

/* The header ----------------------------------------------------------------------------------------------------------- */

static bool among(char *const *names, int n, const char *name)
{
    for (int k = 0; k < n; k++)
        if (!strcmp(names[k], name)) return true;
    return false;
}

/* name.1, or with the first number that makes it a name of its own. */
static char *next_name(const Csv *csv, const char *name)
{
    char *next = memory_format("%s.1", name);
    for (int i = 2; among(csv->name, csv->n, next); i++) {
        free(next);
        next = memory_format("%s.%d", name, i);
    }
    return next;
}

static char *column_name(const Record *header, int k)
{
    char *name = cell(header, k);
    if (*name) return name;
    free(name);
    return memory_format("Unnamed: %d", k);
}

static void name_columns(Csv *csv, const Record *header)
{
    csv->name = memory_new((size_t)header->n, sizeof *csv->name);
    for (; csv->n < header->n; csv->n++) csv->name[csv->n] = column_name(header, csv->n);
    for (int k = 1; k < csv->n; k++) {
        if (!among(csv->name, k, csv->name[k])) continue;
        char *name = next_name(csv, csv->name[k]);
        free(csv->name[k]);
        csv->name[k] = name;
    }
}

static Status check_text(const RowFile *file, size_t begin, size_t end, int64_t line)
{
    const char *text = (const char *)file->bytes.bytes + begin;
    size_t broken;
    if (utf8_valid(text, end - begin, &broken) < end - begin) return fail(STATUS_INPUT, "%s:%lld: invalid UTF-8", file->path, (long long)line);
    if (memchr(text, 0, end - begin)) return fail(STATUS_INPUT, "%s:%lld: a NUL byte", file->path, (long long)line);
    return STATUS_OK;
}

static Status check_record(const RowFile *file, const Record *record, int64_t line, int most)
{
    if (record->unclosed) return fail(STATUS_INPUT, "%s:%lld: a quote is opened in this row and never closed", file->path, (long long)line);
    if (record->n <= most) return STATUS_OK;
    return fail(STATUS_INPUT, "%s:%lld: %d cells, expected at most %d%s", file->path, (long long)line, record->n, most,
                most < MOST_COLUMNS ? ", as many as the header names; a cell with a separator in it needs quotes" : " columns");
}

static Status read_header(RowFile *file, Scan *scan, Record *record)
{
    if (!skip_blank_lines(scan)) return STATUS_OK;
    size_t begin = scan->at;
    int64_t line = scan->line;
    read_record(scan, record);
    TRY(check_record(file, record, line, MOST_COLUMNS));
    TRY(check_text(file, begin, scan->at, line));
    name_columns(file->state, record);
    skip_line_end(scan);
    return STATUS_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- */

static Status find_rows(RowFile *file, Scan *scan, Record *record)
{
    const Csv *csv = file->state;
    int64_t cap = 0;
    TRY(read_header(file, scan, record));
    while (skip_blank_lines(scan)) {
        RowSpan span = { .begin = scan->at, .line = scan->line };
        read_record(scan, record);
        TRY(check_record(file, record, span.line, csv->n));
        span.end = scan->at;
        MEMORY_PUSH(file->span, file->n, cap) = span;
        skip_line_end(scan);
    }
    return STATUS_OK;
}

static char separator_of(const char *path)
{
    size_t n = strlen(path);
    for (size_t i = 0; i + 4 <= n; i++)
        if (!strncasecmp(path + i, ".tsv", 4) && (!path[i + 4] || path[i + 4] == '.')) return '\t';
    return ',';
}

static Status open_csv(RowFile *file)
{
    Csv *csv = file->state = memory_new(1, sizeof *csv);
    csv->separator = separator_of(file->path);
    TRY(inflated_open(&file->bytes, file->path));
    Scan scan = { (const char *)file->bytes.bytes, 0, file->bytes.n_bytes, 1, csv->separator };
    if (scan.n >= 3 && !memcmp(scan.s, "\xEF\xBB\xBF", 3)) scan.at = 3;      /* a byte order mark */
    Record record = {0};
    Status status = find_rows(file, &scan, &record);
    buffer_free(&record.text);
    if (status != STATUS_OK || file->n) return status;
    return fail(STATUS_INPUT, "%s: no rows; expected a row that names the columns, and rows below it", file->path);
}

static void close_csv(RowFile *file)
{
    Csv *csv = file->state;
    for (int k = 0; k < csv->n; k++) free(csv->name[k]);
    free(csv->name);
    free(csv);
}

static bool is_missing(const char *text)
{
    static const char *const missing[] = { "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
                                           "NULL", "NaN", "None", "n/a", "nan", "null" };
    for (size_t k = 0; k < sizeof missing / sizeof *missing; k++)
        if (!strcmp(text, missing[k])) return true;
    return false;
}

static Status csv_row(const RowFile *file, int64_t i, Json **object)
{
    const Csv *csv = file->state;
    const RowSpan *span = &file->span[i];
    TRY(check_text(file, span->begin, span->end, span->line));
    Record record = {0};
    read_record(&(Scan){ (const char *)file->bytes.bytes, span->begin, span->end, span->line, csv->separator }, &record);
    *object = json_new_object();
    for (int k = 0; k < csv->n; k++) {
        char *text = k < record.n ? cell(&record, k) : NULL;
        json_set(*object, csv->name[k], !text || is_missing(text) ? json_new_null() : json_new_string(text));
        free(text);
    }
    buffer_free(&record.text);
    return STATUS_OK;
}

const RowFormat row_format_csv = { .name = "csv", .open = open_csv, .row = csv_row, .close = close_csv };
