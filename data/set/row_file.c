#include "data/set/row_file.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/set/format/formats.h"
#include "kernels/memory.h"

/* Endings in the order in which `datasets` prefers them. A new format is a row here, its file in data/set/format, and its line in
 * formats.h. */
static const struct { const char *ending; const RowFormat *format; } endings[] = {
    { "parquet", &row_format_parquet }, { "jsonl", &row_format_json }, { "json", &row_format_json }, { "csv", &row_format_csv }, { "txt", &row_format_text },
    { "tsv", &row_format_csv }, { "ndjson", &row_format_json },
};
enum { N_ENDINGS = sizeof endings / sizeof *endings };

const RowFormat *row_format_named(const char *name)
{
    for (int k = 0; k < N_ENDINGS; k++)
        if (!strcmp(endings[k].format->name, name)) return endings[k].format;
    return NULL;
}

/* Whether the name has the ending, also before others: train.csv.gz. */
static bool has_ending(const char *path, const char *ending)
{
    const char *slash = strrchr(path, '/'), *dot = slash ? slash + 1 : path;
    size_t n = strlen(ending);
    for (dot = strchr(dot, '.'); dot; dot = strchr(dot + 1, '.'))
        if (!strncasecmp(dot + 1, ending, n) && (!dot[1 + n] || dot[1 + n] == '.')) return true;
    return false;
}

const RowFormat *row_format_of_most(char *const *path, int n)
{
    const RowFormat *most = NULL;
    for (int k = 0, highest = 0; k < N_ENDINGS; k++) {
        int count = 0;
        for (int i = 0; i < n; i++) count += has_ending(path[i], endings[k].ending);
        if (count <= highest) continue;
        highest = count;
        most = endings[k].format;
    }
    return most;
}

const RowFormat *row_format_of(const char *path) { return row_format_of_most(&(char *){ (char *)path }, 1); }

static const RowFormat *format_for(const char *path)
{
    const RowFormat *format = row_format_of(path);
    return format ? format : &row_format_json;
}

Status row_file_open(RowFile *file, const char *path, const RowFormat *format, const char *field)
{
    *file = (RowFile){ .format = format ? format : format_for(path), .path = memory_string(path), .field = field };
    Status status = field && file->format != &row_format_json
        ? fail(STATUS_INPUT, "%s: a field (\"%s\") can be chosen in JSON only, this is %s", path, field, file->format->name)
        : file->format->open(file);
    if (status != STATUS_OK) row_file_close(file);
    return status;
}

void row_file_close(RowFile *file)
{
    if (file->state) file->format->close(file);
    mapped_close(&file->bytes);
    free(file->span);
    free(file->path);
    *file = (RowFile){0};
}

Status row_file_row(const RowFile *file, int64_t i, Json **object) { return file->format->row(file, i, object); }

int64_t row_file_line(const RowFile *file, int64_t i) { return file->span ? file->span[i].line : i + 1; }
