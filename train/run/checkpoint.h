/* Checkpoints: output_dir/checkpoint-N, what a run needs to go on with the same bits, and what PEFT's and Trainer's tools
 * read. A folder appears whole or not at all:
 *
 *     adapter_config.json  adapter_model.safetensors      as PEFT has them
 *     tokenizer files, chat_template.jinja                where the model has a tokenizer
 *     trainer_state.json                                  as Trainer has it
 *     recipe.json                                         the recipe; --config reads it
 *     optimizer.safetensors                               AdamW's moments: the adapter's names + .exp_avg and .exp_avg_sq
 *     graft_state.json                                    everything else (graft_state.h)
 *
 * save_only_model leaves the last three out, and nothing goes on from such a folder. resume.h reads what is written here. */
#ifndef TRAIN_RUN_CHECKPOINT_H
#define TRAIN_RUN_CHECKPOINT_H
#include "train/run/trainer.h"

/* The checkpoint that save_strategy asks for. Of all in output_dir, save_total_limit are kept: this one and the best one always,
 * of the others the newest. */
Status checkpoint_save(Trainer *);

/* One that a signal asks for. It always has everything, and the run's state is what it would be without it. */
Status checkpoint_save_stopped(Trainer *);

/* The end: the adapter (the best one with load_best_model_at_end) and trainer_state.json into output_dir itself. With
 * save_total_limit 1 only the best checkpoint stays, where there is one. */
Status checkpoint_save_result(Trainer *);

#endif
