/* An adapter's folder as PEFT writes it: adapter_config.json and adapter_model.safetensors (float32, names without the
 * adapter's name: base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight). */
#ifndef TRAIN_ADAPTER_FOLDER_H
#define TRAIN_ADAPTER_FOLDER_H
#include "train/adapter/method.h"

Status adapter_folder_save(const Adapter *, const char *dir);          /* into a folder that exists */

/* Values of every parameter; the state is allocated. The file must hold these tensors; others that PEFT writes beside them may be there, no more. */
Status adapter_folder_load(const Adapter *, const char *dir);

/* All of it: the folder's config attached to the model, the state allocated, its values read. */
Status adapter_folder_open(Adapter *, State *, Model *, const char *dir, Notices *);

#endif
