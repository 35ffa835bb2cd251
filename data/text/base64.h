/* Base64 (RFC 4648, with padding). */
#ifndef DATA_TEXT_BASE64_H
#define DATA_TEXT_BASE64_H
#include <stdbool.h>
#include <stddef.h>

#include "kernels/buffer.h"

bool base64_decode(Buffer *out, const char *text, size_t n);      /* appends; false: not base64, and nothing is added */
void base64_encode(Buffer *out, const void *bytes, size_t n);     /* appends */

#endif
