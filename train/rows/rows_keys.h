/* Keys of commands that only read rows: those of `graft sft`, so that a run's recipe can be given as it is, and the command's
 * own. Keys that have nothing to do with rows are accepted and change nothing. */
#ifndef TRAIN_ROWS_ROWS_KEYS_H
#define TRAIN_ROWS_ROWS_KEYS_H
#include "train/recipe.h"

/* Fills `target`, whose first field is a Recipe, from the recipe's keys and `own`. On failure it is {0}. */
Status rows_keys_parse(const Keys *own, Recipe *target, int argc, char **argv, Notices *);
void   rows_keys_help(const Keys *own, FILE *);          /* the command's own keys, and those of the recipe that matter to it */
void   rows_keys_free(const Keys *own, Recipe *target);

#endif
