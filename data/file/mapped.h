/* A file seen as read-only bytes. Nothing is copied: the kernel brings pages in when they are touched. */
#ifndef DATA_FILE_MAPPED_H
#define DATA_FILE_MAPPED_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/status.h"

typedef struct { char *path; const uint8_t *bytes; size_t n_bytes; } Mapped;

Status mapped_open(Mapped *, const char *path);      /* STATUS_INPUT when it is missing, a folder or unreadable; an empty file has bytes NULL */
void   mapped_close(Mapped *);                       /* accepts {0} */

#endif
