/* Going on from a checkpoint. Opening reads and checks all that the folder says by itself, before the model is loaded; applying
 * compares it with the run at hand and then takes it over. Nothing is taken over from a checkpoint that does not fit.
 *
 * Two kinds of trouble: a folder that is damaged (a file missing, cut short or changed, numbers that are not finite, files that
 * contradict each other), and one that belongs to another run (model, adapter, rows, recipe). resume_from_checkpoint true
 * passes over the first kind, with a notice, to the next older one; everything else is an error. */
#ifndef TRAIN_RUN_RESUME_H
#define TRAIN_RUN_RESUME_H
#include "train/run/graft_state.h"

/* dir NULL: the run begins at its beginning. */
typedef struct { char *dir; Json *adapter_config, *trainer_state, *recipe; Safetensors adapter, optimizer; GraftState state; } Resume;

Status resume_open(Resume *, const Recipe *, Notices *);
Status resume_apply(const Resume *, Trainer *);          /* model, adapter and examples are open */
void   resume_close(Resume *);                           /* accepts {0} */

#endif
