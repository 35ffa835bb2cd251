/* JSON. The first character of the text, or the field that was asked for, says how the rows stand in it:
 *
 *   {   JSON Lines, one object per line; blank lines are no rows. Where the first object goes over several lines, the text is
 *       objects one behind the other
 *   [   one list, whose items are the rows: objects, or strings, which are rows with that `text`
 *   `field` is given: one object, whose member of that name is the list; other members are skipped over, not checked
 *
 * Nothing is parsed on opening: items are found by their brackets and strings, and parsed when they are asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file/inflated.h"
#include "data/set/format/formats.h"
#include "kernels/memory.h"

/* Where we are in the text. */
typedef struct { const char *s; size_t at, n; int64_t line; } Scan;

static void skip_space(Scan *scan)
{
    for (; scan->at < scan->n && strchr(" \t\r\n", scan->s[scan->at]) && scan->s[scan->at]; scan->at++) scan->line += scan->s[scan->at] == '\n';
}

static bool stands(const Scan *scan, char c) { return scan->at < scan->n && scan->s[scan->at] == c; }

static void skip_string(Scan *scan)
{
    for (scan->at++; scan->at < scan->n && scan->s[scan->at] != '"'; scan->at++) {
        scan->line += scan->s[scan->at] == '\n';
        if (scan->s[scan->at] == '\\' && scan->at + 1 < scan->n) scan->at++;
    }
    if (scan->at < scan->n) scan->at++;
}

/* Over one value; over everything that is left when its brackets do not close. */
static void skip_value(Scan *scan)
{
    int64_t depth = 0;
    do {
        char c = scan->s[scan->at];
        if (c == '"') { skip_string(scan); continue; }
        if (!depth && strchr(",:]} \t\r\n", c) && c) return;
        depth += (c == '[' || c == '{') - (c == ']' || c == '}');
        scan->line += c == '\n';
        scan->at++;
        if (!depth && (c == ']' || c == '}')) return;
    } while (scan->at < scan->n);
}

static Status expected(const RowFile *file, const Scan *scan, const char *what)
{
    if (scan->at >= scan->n) return fail(STATUS_INPUT, "%s:%lld: expected %s, found the end of the file", file->path, (long long)scan->line, what);
    unsigned char c = (unsigned char)scan->s[scan->at];
    if (c < 0x20 || c >= 0x7F) return fail(STATUS_INPUT, "%s:%lld: expected %s, found the byte 0x%02x", file->path, (long long)scan->line, what, c);
    return fail(STATUS_INPUT, "%s:%lld: expected %s, found '%c'", file->path, (long long)scan->line, what, c);
}

/* Rows found so far. */
typedef struct { RowFile *file; int64_t cap; } Found;

static void add_row(Found *found, size_t begin, size_t end, int64_t line)
{
    MEMORY_PUSH(found->file->span, found->file->n, found->cap) = (RowSpan){ begin, end, line };
}

static void add_value(Found *found, Scan *scan)
{
    size_t begin = scan->at;
    int64_t line = scan->line;
    skip_value(scan);
    add_row(found, begin, scan->at, line);
}

/* Lines ------------------------------------------------------------------------------------------------------------- */

static bool blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", line[i]) || !line[i]) return false;
    return true;
}

static size_t line_end(const Scan *scan)
{
    const char *end = memchr(scan->s + scan->at, '\n', scan->n - scan->at);
    return end ? (size_t)(end - scan->s) : scan->n;
}

static void find_lines(Found *found, Scan scan)
{
    for (size_t end; scan.at < scan.n; scan.at = end + 1, scan.line++) {
        end = line_end(&scan);
        if (!blank(scan.s + scan.at, end - scan.at)) add_row(found, scan.at, end, scan.line);
    }
}

/* An object that closes, but on a later line. One that never closes is a broken line. */
static bool spans_lines(Scan scan)
{
    size_t end = line_end(&scan);
    if (!stands(&scan, '{')) return false;
    skip_value(&scan);
    return scan.at > end && scan.s[scan.at - 1] == '}';
}

static Status find_objects(Found *found, Scan scan)
{
    for (skip_space(&scan); scan.at < scan.n; skip_space(&scan)) {
        if (!stands(&scan, '{')) return expected(found->file, &scan, "an object");
        add_value(found, &scan);
    }
    return STATUS_OK;
}

/* A list --------------------------------------------------------------------------------------------------------------- */

static Status find_items(Found *found, Scan *scan)
{
    scan->at++;
    skip_space(scan);
    while (!stands(scan, ']')) {
        if (found->file->n && !stands(scan, ',')) return expected(found->file, scan, "',' or ']' behind a row of the list");
        scan->at += found->file->n > 0;
        skip_space(scan);
        if (scan->at >= scan->n || strchr(",:]}", scan->s[scan->at])) return expected(found->file, scan, "a row of the list");
        add_value(found, scan);
        skip_space(scan);
    }
    scan->at++;
    return STATUS_OK;
}

static Status find_list(Found *found, Scan scan)
{
    found->file->list = true;
    TRY(find_items(found, &scan));
    skip_space(&scan);
    return scan.at < scan.n ? expected(found->file, &scan, "nothing behind the list") : STATUS_OK;
}

/* A field ----------------------------------------------------------------------------------------------------------- */

static Status read_key(const RowFile *file, Scan *scan, char **key)
{
    char name[4096];
    Json *json = NULL;
    size_t begin = scan->at;
    if (!stands(scan, '"')) return expected(file, scan, "a key");
    snprintf(name, sizeof name, "%s:%lld", file->path, (long long)scan->line);
    skip_string(scan);
    TRY(json_parse(&json, name, scan->s + begin, scan->at - begin));
    *key = memory_string(json_string(json));
    json_free(json);
    skip_space(scan);
    if (stands(scan, ':')) return STATUS_OK;
    free(*key);
    *key = NULL;
    return expected(file, scan, "':'");
}

/* The value of one member is where `scan` stands; when it is the field, `list` is kept. The last of its name counts. */
static Status scan_member(const RowFile *file, Scan *scan, Scan *list, Buffer *others)
{
    char *key = NULL;
    TRY(read_key(file, scan, &key));
    scan->at++;
    skip_space(scan);
    if (!strcmp(key, file->field)) *list = *scan;
    else buffer_format(others, "%s%s", others->len ? ", " : "", key);
    free(key);
    if (scan->at >= scan->n || strchr(",:]}", scan->s[scan->at])) return expected(file, scan, "a value");
    skip_value(scan);
    return STATUS_OK;
}

static Status scan_members(const RowFile *file, Scan *scan, Scan *list, Buffer *others)
{
    bool first = true;
    for (scan->at++, skip_space(scan); !stands(scan, '}'); skip_space(scan), first = false) {
        if (!first && !stands(scan, ',')) return expected(file, scan, "',' or '}' behind a member of the object");
        scan->at += !first;
        skip_space(scan);
        TRY(scan_member(file, scan, list, others));
    }
    scan->at++;
    skip_space(scan);
    return scan->at < scan->n ? expected(file, scan, "nothing behind the object") : STATUS_OK;
}

static Status find_field(Found *found, Scan scan)
{
    RowFile *file = found->file;
    Scan list = {0};
    Buffer others = {0};
    if (!stands(&scan, '{')) return expected(file, &scan, "an object that has the field");
    Status status = scan_members(file, &scan, &list, &others);
    if (status == STATUS_OK && !list.s)
        status = fail(STATUS_INPUT, "%s: no field \"%s\"; found: %s", file->path, file->field, others.len ? others.data : "none");
    buffer_free(&others);
    TRY(status);
    if (!stands(&list, '[')) return fail(STATUS_INPUT, "%s:%lld: the field \"%s\" is not a list of rows", file->path, (long long)list.line, file->field);
    file->list = true;
    return find_items(found, &list);
}

/* ------------------------------------------------------------------------------------------------------------------- */

static Status find_rows(Found *found, const Scan *text, const Scan *first)
{
    if (found->file->field) return find_field(found, *first);
    if (stands(first, '[')) return find_list(found, *first);
    if (spans_lines(*first)) return find_objects(found, *first);
    find_lines(found, *text);
    return STATUS_OK;
}

static Status open_json(RowFile *file)
{
    TRY(inflated_open(&file->bytes, file->path));
    Scan text = { (const char *)file->bytes.bytes, 0, file->bytes.n_bytes, 1 };
    if (text.n >= 3 && !memcmp(text.s, "\xEF\xBB\xBF", 3)) text.at = 3;      /* a byte order mark */
    Scan first = text;
    skip_space(&first);
    if (first.at < first.n) TRY(find_rows(&(Found){ .file = file }, &text, &first));
    return file->n ? STATUS_OK : fail(STATUS_INPUT, "%s: no rows; expected one JSON object per line, or a list of objects", file->path);
}

static Status take_object(const RowFile *file, const char *name, Json *json, Json **object)
{
    if (json_kind(json) == JSON_OBJECT) {
        *object = json;
        return STATUS_OK;
    }
    Status status = STATUS_OK;
    if (file->list && json_string(json)) {
        *object = json_new_object();
        json_set(*object, "text", json_copy(json));
    } else {
        status = fail(STATUS_INPUT, "%s: this %s is %s, expected an object with one example", name, file->list ? "item" : "line", json_kind_name(json));
    }
    json_free(json);
    return status;
}

static Status json_row(const RowFile *file, int64_t i, Json **object)
{
    char name[4096];
    const RowSpan *span = &file->span[i];
    Json *json = NULL;
    snprintf(name, sizeof name, "%s:%lld", file->path, (long long)span->line);
    TRY(json_parse(&json, name, (const char *)file->bytes.bytes + span->begin, span->end - span->begin));
    return take_object(file, name, json, object);
}

const RowFormat row_format_json = { .name = "json", .open = open_json, .row = json_row };
