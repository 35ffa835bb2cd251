/* How much memory a run may take: the smaller of what the machine has free and what a cgroup leaves. */
#ifndef TRAIN_RUN_AVAILABLE_MEMORY_H
#define TRAIN_RUN_AVAILABLE_MEMORY_H
#include <stdint.h>

int64_t available_memory(void);          /* bytes; INT64_MAX when nobody says */

#endif
