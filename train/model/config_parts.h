/* The two parts of a model's numbers that have files of their own; each may read what the parts before it left in ModelConfig. */
#ifndef TRAIN_MODEL_CONFIG_PARTS_H
#define TRAIN_MODEL_CONFIG_PARTS_H
#include "train/model/config.h"
#include "train/model/config_reader.h"

Status config_read_ropes(const ConfigReader *, ModelConfig *);       /* after the sizes: rope, n_ropes */
Status config_read_layers(const ConfigReader *, ModelConfig *);      /* after the ropes: layer */

#endif
