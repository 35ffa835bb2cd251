/* PEFT's layer_replication: [[begin, end], …], ranges of layers that stand behind each other. */
#ifndef TRAIN_ADAPTER_REPLICATION_H
#define TRAIN_ADAPTER_REPLICATION_H
#include "train/adapter/lora_config.h"
#include "train/model/model.h"

Status replication_apply(const LoraConfig *, Model *);       /* the model as the config wants it; nothing where it says nothing */

#endif
