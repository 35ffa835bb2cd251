/* `graft inspect PATH`: what a file or folder is. A model folder or GGUF file, an adapter folder, a checkpoint, a .safetensors
 * file. What is shown is gathered as one JSON object: --json prints it, otherwise it becomes aligned text, an object in it a
 * section. Whatever loading would refuse is refused here with the same words. */
#ifndef TRAIN_DEPLOY_INSPECT_H
#define TRAIN_DEPLOY_INSPECT_H
#include <stdio.h>

#include "data/file/json.h"

Status inspect_command(int argc, char **argv);

Status inspect_path(const char *path, Json **report);
void   inspect_print(const Json *report, FILE *out);

/* The parts. Each adds members to `report`. */
Status inspect_model(Json *report, const char *path);        /* a folder with config.json, or a .gguf file */
Status inspect_adapter(Json *report, const char *dir);       /* a folder with adapter_config.json */
Status inspect_training(Json *report, const char *dir);      /* trainer_state.json, where there is one */
Status inspect_tensors(Json *report, const char *path);      /* a .safetensors file */

#endif
