/* The frame of a command that reads rows as a run would: its keys and the recipe's, help, tokenizer and template, notices. */
#ifndef TRAIN_ROWS_ROWS_COMMAND_H
#define TRAIN_ROWS_ROWS_COMMAND_H
#include <stdio.h>

#include "train/rows/rows_input.h"
#include "train/rows/rows_keys.h"

/* `options`: the command's record, whose first field is the Recipe. */
typedef Status RowsRun(const void *options, const RowsInput *, Notices *, FILE *out);

/* `options` is {0} before and after. Notices go to `messages`, after what the run printed. */
Status rows_command_run(const Keys *own, void *options, RowsRun *run, int argc, char **argv, FILE *out, FILE *messages);

/* The same on standard output and standard error, with --help. */
Status rows_command(const Keys *own, void *options, RowsRun *run, int argc, char **argv);

#endif
