/* README.md of an adapter folder: front matter as PEFT and TRL write it, so that the Hub knows what it is; then how it was
 * trained and how to use it. */
#ifndef TRAIN_RUN_MODEL_CARD_H
#define TRAIN_RUN_MODEL_CARD_H
#include "train/run/trainer.h"

Status model_card_save(const Trainer *, const char *dir);

#endif
