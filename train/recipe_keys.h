/* The tables behind Recipe: keys of `graft sft`, what lr_scheduler_kwargs may hold (read into ScheduleOptions), and what an item of
 * `datasets` may (read into DatasetEntry). */
#ifndef TRAIN_RECIPE_KEYS_H
#define TRAIN_RECIPE_KEYS_H
#include "train/keys.h"

extern const Keys recipe_keys, schedule_kwargs_keys, dataset_keys;

#endif
