/* A file as the bytes it holds: what is gzip (.gz) or Zstandard (.zst) is inflated into memory, anything else is mapped as it is.
 * The first bytes decide, not the name. Members and frames one behind the other are one text, as in their tools. */
#ifndef DATA_FILE_INFLATED_H
#define DATA_FILE_INFLATED_H
#include "data/file/mapped.h"

Status inflated_open(Mapped *, const char *path);      /* closed by mapped_close; STATUS_INPUT when it is damaged or cut short, or too large for memory */

#endif
