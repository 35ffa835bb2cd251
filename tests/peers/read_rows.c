/* Prints the rows that graft reads, one JSON object per line, for tests/peers/check_rows.py. Its argument is one JSON object:
 * {"datasets": [{"path": …}, …], "max_samples": …, "test_split_size": …, "seed": …, "test": …} */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/set/mixture.h"
#include "kernels/memory.h"

static DataSource source_of(const Json *item)
{
    const Json *files = json_get(item, "data_files");
    return (DataSource){ .place = { json_string(json_get(item, "path")), json_string(json_get(item, "data_dir")),
                                    json_kind(files) == JSON_NULL ? NULL : files, json_string(json_get(item, "split")) },
                         .field = json_string(json_get(item, "field")), .columns = json_get(item, "columns"),
                         .column_mapping = json_get(item, "column_mapping"), .fraction = json_number(json_get(item, "fraction")) };
}

static Status print_rows(const Mixture *mixture)
{
    for (int64_t i = 0; i < mixture->n; i++) {
        Json *row = NULL;
        Buffer line = {0};
        TRY(mixture_row(mixture, i, &row));
        json_print(&line, row, (JsonStyle){ .ascii = true, .newline = true });
        fputs(line.data, stdout);
        buffer_free(&line);
        json_free(row);
    }
    return STATUS_OK;
}

static Status run(const Json *request)
{
    const Json *datasets = json_get(request, "datasets");
    DataMix mix = { .n = (int)json_count(datasets), .max_samples = json_integer(json_get(request, "max_samples")),
                    .test_split_size = json_number(json_get(request, "test_split_size")), .test = json_bool(json_get(request, "test")),
                    .seed = (uint64_t)json_integer(json_get(request, "seed")) };
    DataSource *source = memory_new((size_t)mix.n, sizeof *source);
    Notices notices = {0};
    Mixture mixture = {0};
    int i = 0;
    for (const Json *item = json_first(datasets); item; item = json_next(item)) source[i++] = source_of(item);
    mix.source = source;
    Status status = mixture_open(&mixture, &mix, &notices);
    for (int k = 0; k < notices.n; k++) fprintf(stderr, "note: %s\n", notices.line[k]);
    if (status == STATUS_OK) status = print_rows(&mixture);
    mixture_close(&mixture);
    notices_free(&notices);
    free(source);
    return status;
}

int main(int argc, char **argv)
{
    Json *request = NULL;
    Status status = argc == 2 ? json_parse(&request, "argument", argv[1], strlen(argv[1])) : fail(STATUS_INPUT, "usage: read_rows JSON");
    if (status == STATUS_OK) status = run(request);
    if (status != STATUS_OK) fprintf(stderr, "%s\n", status_message());
    json_free(request);
    return (int)status;
}
