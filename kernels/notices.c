#include "kernels/notices.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

void notice(Notices *notices, const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (int i = 0; i < notices->n; i++)
        if (!strcmp(notices->line[i], line)) return;
    MEMORY_PUSH(notices->line, notices->n, notices->cap) = memory_string(line);
}

void notices_free(Notices *notices)
{
    for (int i = 0; i < notices->n; i++) free(notices->line[i]);
    free(notices->line);
    *notices = (Notices){0};
}
