/* Text: every line is a row, its `text` the line; an empty line is an empty text. A line ends with \n, \r\n or \r. Nothing is cut
 * off, as `datasets` cuts nothing off: a byte order mark stays in the first text. */
#include <string.h>

#include "data/file/inflated.h"
#include "data/set/format/formats.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

static size_t line_end(const char *s, size_t at, size_t n)
{
    while (at < n && s[at] != '\n' && s[at] != '\r') at++;
    return at;
}

static Status open_text(RowFile *file)
{
    TRY(inflated_open(&file->bytes, file->path));
    const char *s = (const char *)file->bytes.bytes;
    size_t n = file->bytes.n_bytes;
    int64_t cap = 0, line = 1;
    for (size_t at = 0, end; at < n; at = end + 1 + (end + 1 < n && s[end] == '\r' && s[end + 1] == '\n'), line++) {
        end = line_end(s, at, n);
        MEMORY_PUSH(file->span, file->n, cap) = (RowSpan){ at, end, line };
    }
    return file->n ? STATUS_OK : fail(STATUS_INPUT, "%s: no rows; expected a text in each line", file->path);
}

static Status text_row(const RowFile *file, int64_t i, Json **object)
{
    const RowSpan *span = &file->span[i];
    size_t n = span->end - span->begin, broken;
    const char *line = (const char *)file->bytes.bytes + span->begin;
    if (utf8_valid(line, n, &broken) < n) return fail(STATUS_INPUT, "%s:%lld: invalid UTF-8", file->path, (long long)span->line);
    if (memchr(line, 0, n)) return fail(STATUS_INPUT, "%s:%lld: a NUL byte", file->path, (long long)span->line);
    Buffer text = {0};
    buffer_add(&text, line, n);
    *object = json_new_object();
    json_set(*object, "text", json_new_string(n ? text.data : ""));
    buffer_free(&text);
    return STATUS_OK;
}

const RowFormat row_format_text = { .name = "text", .open = open_text, .row = text_row };
