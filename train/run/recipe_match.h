/* Whether a recipe goes on with the run of another. Every key must be the same but those that do not change what a step
 * computes from the same model and rows:
 *
 *   where things are and how this process works   paths (the contents are compared by fingerprint), threads, gradient_checkpointing, …
 *   logging, saving                               all but load_best_model_at_end, which needs the best one of the whole run
 *   evaluation, early stopping                    when and how often, not by which metric
 *   length of the run                             max_steps, num_train_epochs: the schedule follows the new length, as Trainer's does
 *
 * The last two are mentioned. Trainer lets every key differ and then takes some values from the checkpoint (learning_rate, weight_decay,
 * betas, intervals) and some from the arguments; here a difference that it would drop silently is an error. */
#ifndef TRAIN_RUN_RECIPE_MATCH_H
#define TRAIN_RUN_RECIPE_MATCH_H
#include "train/recipe.h"

/* `saved`: recipe.json at `path`. A key that it does not have (of an older version) is not compared. */
Status recipe_match(const Recipe *, const Json *saved, const char *path, Notices *);

#endif
