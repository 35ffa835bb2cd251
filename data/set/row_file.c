#include "data/set/row_file.h"

#include <stdlib.h>

#include "data/set/format/formats.h"
#include "kernels/memory.h"

Status row_file_open(RowFile *file, const char *path)
{
    *file = (RowFile){ .format = &row_format_json, .path = memory_string(path) };
    Status status = file->format->open(file);
    if (status != STATUS_OK) row_file_close(file);
    return status;
}

void row_file_close(RowFile *file)
{
    mapped_close(&file->bytes);
    free(file->span);
    free(file->path);
    *file = (RowFile){0};
}

Status row_file_row(const RowFile *file, int64_t i, Json **object) { return file->format->row(file, i, object); }

int64_t row_file_line(const RowFile *file, int64_t i) { return file->span[i].line; }
