/* JSON Lines: one object per line. Blank lines are no rows. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "data/file/inflated.h"
#include "data/set/format/formats.h"
#include "kernels/memory.h"

static bool blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r", line[i]) || !line[i]) return false;
    return true;
}

static size_t line_end(const Mapped *bytes, size_t at)
{
    const uint8_t *end = memchr(bytes->bytes + at, '\n', bytes->n_bytes - at);
    return end ? (size_t)(end - bytes->bytes) : bytes->n_bytes;
}

static void index_lines(RowFile *file)
{
    const Mapped *bytes = &file->bytes;
    int64_t cap = 0, line = 0;
    size_t at = bytes->n_bytes >= 3 && !memcmp(bytes->bytes, "\xEF\xBB\xBF", 3) ? 3 : 0;      /* a byte order mark */
    for (size_t end; at < bytes->n_bytes; at = end + 1) {
        end = line_end(bytes, at);
        line++;
        if (!blank((const char *)bytes->bytes + at, end - at)) MEMORY_PUSH(file->span, file->n, cap) = (RowSpan){ at, end, line };
    }
}

/* A list over the whole file would only be found incomplete at the end of its first line. */
static Status refuse_list(const RowFile *file)
{
    const char *start = (const char *)file->bytes.bytes + file->span[0].begin;
    if (start[strspn(start, " \t")] != '[') return STATUS_OK;
    return fail(STATUS_INPUT, "%s: a JSON list, expected one JSON object per line; `jq -c '.[]'` turns one into the other", file->path);
}

static Status open_json(RowFile *file)
{
    TRY(inflated_open(&file->bytes, file->path));
    index_lines(file);
    if (!file->n) return fail(STATUS_INPUT, "%s: no rows; expected one JSON object per line", file->path);
    return refuse_list(file);
}

static Status json_row(const RowFile *file, int64_t i, Json **object)
{
    char name[4096];
    const RowSpan *span = &file->span[i];
    Json *json = NULL;
    snprintf(name, sizeof name, "%s:%lld", file->path, (long long)span->line);
    TRY(json_parse(&json, name, (const char *)file->bytes.bytes + span->begin, span->end - span->begin));
    Status status = json_kind(json) == JSON_OBJECT ? STATUS_OK
        : fail(STATUS_INPUT, "%s: this line is %s, expected an object with one example", name, json_kind_name(json));
    if (status == STATUS_OK) *object = json;
    else json_free(json);
    return status;
}

const RowFormat row_format_json = { .name = "json", .open = open_json, .row = json_row };
