/* Checkpoints: output_dir/checkpoint-N, what a run needs to go on with the same bits, and what Trainer's tools read. */
#ifndef TRAIN_RUN_CHECKPOINT_H
#define TRAIN_RUN_CHECKPOINT_H
#include "train/run/trainer.h"

Status checkpoint_save(Trainer *);                       /* checkpoint-<global_step>, whole or not at all; old ones beyond save_total_limit go */
Status checkpoint_save_result(Trainer *);                /* the adapter and trainer_state.json into output_dir itself */

#endif
