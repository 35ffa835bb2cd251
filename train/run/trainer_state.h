/* trainer_state.json, as transformers 5.23's TrainerState.save_to_json writes it: for a user's tools, and the home of the
 * log in a checkpoint. What a run needs to go on exactly and TrainerState lacks is in graft_state.json. */
#ifndef TRAIN_RUN_TRAINER_STATE_H
#define TRAIN_RUN_TRAINER_STATE_H
#include "train/run/trainer.h"

Status trainer_state_save(const Trainer *, const char *dir);

/* What Trainer does to its state at a checkpoint that save_strategy asked for: best_model_checkpoint is that of the best
 * step where one was saved, and stateful_callbacks are as they are now. */
void   trainer_state_note_save(Trainer *);

/* Takes log, callbacks and best checkpoint over from a file's JSON. A best checkpoint that is gone is forgotten, with a notice. */
void   trainer_state_restore(Trainer *, const Json *);

#endif
