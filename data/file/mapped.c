#include "data/file/mapped.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/memory.h"

Status mapped_open(Mapped *mapped, const char *path)
{
    Status status = STATUS_OK;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(STATUS_INPUT, "%s: %s", path, strerror(errno));
    if (fstat(fd, &info)) TRY_GOTO(done, status, fail(STATUS_INPUT, "%s: %s", path, strerror(errno)));
    if (!S_ISREG(info.st_mode)) TRY_GOTO(done, status, fail(STATUS_INPUT, "%s: expected a file", path));
    void *bytes = NULL;
    if (info.st_size) {
        bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED) TRY_GOTO(done, status, fail(STATUS_INPUT, "%s: mapping it: %s", path, strerror(errno)));
    }
    *mapped = (Mapped){ .path = memory_string(path), .bytes = bytes, .n_bytes = (size_t)info.st_size };
done:
    close(fd);
    return status;
}

void mapped_close(Mapped *mapped)
{
    if (mapped->bytes) munmap((void *)mapped->bytes, mapped->n_bytes);
    free(mapped->path);
    *mapped = (Mapped){0};
}
