/* output_dir: which runs it holds, and its checkpoints. A folder holds a run when it has a trainer_state.json, an
 * adapter_model.safetensors or a folder checkpoint-N. */
#ifndef TRAIN_RUN_RUN_FOLDER_H
#define TRAIN_RUN_RUN_FOLDER_H
#include "train/recipe.h"

/* Refuses an output_dir that is no folder, or that holds a run which the recipe neither resumes nor overwrites. Reads names only;
 * a plan writes nothing and may be made for any. */
Status run_folder_check(const Recipe *);

/* Before the first step: makes the folder, removes what a killed run left half-written and, with overwrite_output_dir, the
 * run that it held: a checkpoint of that one must never be taken for one of this. */
Status run_folder_prepare(const Recipe *);

/* The steps N of its folders checkpoint-N, ascending; free `step`. A folder that cannot be read has none. */
typedef struct { int64_t *step; int n, cap; } Checkpoints;
Checkpoints run_folder_checkpoints(const char *dir);

char *run_folder_checkpoint(const char *dir, int64_t step);      /* its path; the caller's to free */

#endif
