#include <stdio.h>
#include <stdlib.h>

#include "data/text/tokenizer_parts.h"
#include "kernels/memory.h"

static Status write_file(const char *dir, const char *name, const void *bytes, size_t n)
{
    char *path = memory_format("%s/%s", dir, name);
    FILE *out = fopen(path, "wb");
    bool written = out && fwrite(bytes, 1, n, out) == n;
    if (out && fclose(out)) written = false;
    Status status = written ? STATUS_OK : fail(STATUS_WRITE, "%s: cannot write %zu bytes: %m", path, n);
    free(path);
    return status;
}

Status tokenizer_save(const Tokenizer *t, const char *dir)
{
    for (int i = 0; i < t->n_saved; i++) TRY(write_file(dir, t->saved[i].name, t->saved[i].file.bytes, t->saved[i].file.n_bytes), "saving the tokenizer");
    return STATUS_OK;
}
