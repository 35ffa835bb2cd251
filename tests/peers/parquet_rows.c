/* parquet_rows PATH: every row of a Parquet file as a JSON line. For tests/peers/check_parquet.py. */
#include <stdio.h>

#include "data/file/parquet.h"

static Status print_row(const Parquet *parquet, int64_t i)
{
    Json *row = NULL;
    Buffer line = {0};
    TRY(parquet_row(parquet, i, &row));
    json_print(&line, row, (JsonStyle){ .newline = true });
    fputs(line.data, stdout);
    buffer_free(&line);
    json_free(row);
    return STATUS_OK;
}

static Status run(const char *path)
{
    Parquet *parquet = NULL;
    TRY(parquet_open(&parquet, path));
    Status status = STATUS_OK;
    for (int64_t i = 0; status == STATUS_OK && i < parquet_rows(parquet); i++) status = print_row(parquet, i);
    parquet_close(parquet);
    return status;
}

int main(int argc, char **argv)
{
    Status status = argc == 2 ? run(argv[1]) : fail(STATUS_INPUT, "usage: parquet_rows PATH");
    if (status != STATUS_OK) fprintf(stderr, "%s\n", status_message());
    return (int)status;
}
