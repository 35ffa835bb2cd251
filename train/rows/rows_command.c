#include "train/rows/rows_command.h"

Status rows_command_run(const Keys *own, void *options, RowsRun *run, int argc, char **argv, FILE *out, FILE *messages)
{
    Recipe *recipe = options;
    RowsInput in = {0};
    Notices notices = {0};
    Status status = rows_keys_parse(own, recipe, argc, argv, &notices);
    if (status == STATUS_OK) status = rows_input_open(&in, recipe, &notices);
    if (status == STATUS_OK) status = run(options, &in, &notices, out);
    for (int i = 0; i < notices.n; i++) fprintf(messages, "note: %s\n", notices.line[i]);
    rows_input_close(&in);
    notices_free(&notices);
    rows_keys_free(own, recipe);
    return status;
}

Status rows_command(const Keys *own, void *options, RowsRun *run, int argc, char **argv)
{
    if (!keys_want_help(argc, argv)) return rows_command_run(own, options, run, argc, argv, stdout, stderr);
    rows_keys_help(own, stdout);
    return STATUS_OK;
}
