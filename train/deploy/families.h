/* `graft families`: a line for each model family, from the table in train/model/family.c. */
#ifndef TRAIN_DEPLOY_FAMILIES_H
#define TRAIN_DEPLOY_FAMILIES_H
#include "kernels/status.h"

Status families_command(int argc, char **argv);

#endif
