/* The tensors of a model, found by their names in its files: every name and shape is checked here, nothing large is copied but what
 * is stored the other way round. */
#ifndef TRAIN_MODEL_WEIGHTS_H
#define TRAIN_MODEL_WEIGHTS_H
#include "train/model/model.h"

Status weights_open(Model *);       /* its config and its files are there */
void   weights_close(Model *);      /* accepts what weights_open left when it failed */
void   weights_close_layer(Layer *);

#endif
