#include "kernels/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_BYTES = 4096 };
static _Thread_local char chain[CHAIN_BYTES];

Status fail(Status code, const char *format, ...)
{
    char line[CHAIN_BYTES];      /* arguments may point into the old chain */
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    memcpy(chain, line, sizeof line);
    return code;
}

Status status_context(Status code, const char *format, ...)
{
    char line[CHAIN_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (!line[0]) return code;
    size_t used = strlen(line);
    snprintf(line + used, sizeof line - used, ": %s", chain);
    memcpy(chain, line, sizeof line);
    return code;
}

const char *status_message(void) { return chain; }

void check_failed(const char *file, int line, const char *condition, const char *format, ...)
{
    fprintf(stderr, "graft: bug at %s:%d: %s", file, line, condition);
    va_list args;
    va_start(args, format);
    if (format[0]) {
        fputs(": ", stderr);
        vfprintf(stderr, format, args);
    }
    va_end(args);
    fputs("\nThis is a mistake in graft, not in your input. Please report it with the command that led here.\n", stderr);
    abort();
}
