/* `graft tokenize`: what a model is fed. For each row of a file, in order, exactly one line of JSON on standard output:
 *
 *   {"input_ids": [...], "labels": [...]}                                    with --render also
 *   {..., "text": "...", "generation": [[start, end], ...]}
 *
 * Rows are whole: nothing is cut, packed or dropped. `text` is the string that the tokenizer got (the rendered template, or the
 * row's text with its eos token), null for rows of input_ids; `generation` are the parts of it, in characters, that the
 * template marks with {% generation %}. A row that cannot be encoded ends the command with its line; the rows before it are out. */
#ifndef TRAIN_ROWS_TOKENIZE_H
#define TRAIN_ROWS_TOKENIZE_H
#include <stdio.h>

#include "kernels/status.h"

Status tokenize_command(int argc, char **argv);

/* The same with `out` for standard output and `messages` for standard error. */
Status tokenize_rows(int argc, char **argv, FILE *out, FILE *messages);

#endif
