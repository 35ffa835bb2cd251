/* `graft lint`: what is wrong with the rows that a recipe trains on, before it trains. Reads the training rows and, where they are
 * given, those of the evaluation, all of them whatever is wrong with some, and prints each problem (data/set/problems.h) with the
 * first rows that have it. --show N then shows the first N rows as they are trained on.
 *
 * STATUS_OK: nothing was found, or only warnings. STATUS_INPUT: errors were found, or the files cannot be read at all. */
#ifndef TRAIN_ROWS_LINT_H
#define TRAIN_ROWS_LINT_H
#include <stdio.h>

#include "kernels/status.h"

Status lint_command(int argc, char **argv);

/* The same with `out` for standard output and `messages` for standard error. */
Status lint_rows(int argc, char **argv, FILE *out, FILE *messages);

#endif
