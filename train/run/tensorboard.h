/* TensorBoard event files: TFRecords (length, masked CRC-32C, bytes, masked CRC-32C) of Event protocol buffers.
 * Source: tensorflow/core/util/event.proto, tensorflow/core/lib/io/record_writer.cc. Tags are Trainer's: train/loss, eval/loss. */
#ifndef TRAIN_RUN_TENSORBOARD_H
#define TRAIN_RUN_TENSORBOARD_H
#include <stdint.h>
#include <stdio.h>

#include "data/file/json.h"
#include "kernels/status.h"

typedef struct { FILE *file; char *path; } Tensorboard;

Status tensorboard_open(Tensorboard *, const char *output_dir);           /* output_dir/runs/DATE_HOST/events.out.tfevents.… */
Status tensorboard_add(Tensorboard *, const Json *entry, int64_t step);   /* every number of a log entry; {0} does nothing */
void   tensorboard_close(Tensorboard *);                                  /* accepts {0} */

#endif
