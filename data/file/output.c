#include "data/file/output.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/file/mapped.h"
#include "kernels/memory.h"

enum { OPEN_FOLDERS = 16 };      /* that a walk through a tree holds open */

static Status refuse(const char *path) { return fail(STATUS_WRITE, "%s: %s", path, strerror(errno)); }
static Status refuse_file(const char *path) { return fail(STATUS_WRITE, "%s: is a file, expected a folder", path); }

/* Where the name begins in a path. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The path without links and trailing slashes. */
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);
    if (real) return real;
    real = memory_string(path);
    for (size_t n = strlen(real); n > 1 && real[n - 1] == '/'; n--) real[n - 1] = 0;
    return real;
}

static char *beside(const char *path, const char *prefix)
{
    const char *name = name_of(path);
    return memory_format("%.*s%s%s", (int)(name - path), path, prefix, name);
}

/* File systems without fsync for folders say EINVAL: nothing more can be done there. */
static Status sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return refuse(path);
    Status status = fsync(fd) && errno != EINVAL ? refuse(path) : STATUS_OK;
    close(fd);
    return status;
}

static Status sync_parent(const char *path)
{
    const char *name = name_of(path);
    char *parent = name == path ? memory_string(".") : memory_format("%.*s", (int)(name - path), path);
    Status status = sync_path(parent);
    free(parent);
    return status;
}

Status output_file_open(OutputFile *out, const char *path)
{
    *out = (OutputFile){ .path = resolve(path) };
    out->temporary = beside(out->path, ".tmp-");
    out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out->fd >= 0) return STATUS_OK;
    Status status = refuse(path);
    output_file_discard(out);
    return status;
}

Status output_file_write(OutputFile *out, const void *bytes, size_t n)
{
    for (const char *p = bytes; n;) {
        ssize_t done = write(out->fd, p, n);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return refuse(out->path);
        p += done;
        n -= (size_t)done;
    }
    return STATUS_OK;
}

static Status publish(OutputFile *out)
{
    if (fsync(out->fd)) return refuse(out->path);
    if (rename(out->temporary, out->path)) return refuse(out->path);
    free(out->temporary);
    out->temporary = NULL;
    return sync_parent(out->path);
}

Status output_file_commit(OutputFile *out)
{
    Status status = publish(out);
    output_file_discard(out);
    return status;
}

void output_file_discard(OutputFile *out)
{
    if (out->path && out->fd >= 0) close(out->fd);
    if (out->temporary) unlink(out->temporary);
    free(out->temporary);
    free(out->path);
    *out = (OutputFile){0};
}

Status output_save(const char *path, const void *bytes, size_t n)
{
    OutputFile out = {0};
    Status status = STATUS_OK;
    TRY_GOTO(done, status, output_file_open(&out, path));
    TRY_GOTO(done, status, output_file_write(&out, bytes, n));
    status = output_file_commit(&out);
done:
    output_file_discard(&out);
    return status;
}

Status output_copy(const char *from, const char *to)
{
    Mapped file = {0};
    TRY(mapped_open(&file, from));
    Status status = output_save(to, file.bytes, file.n_bytes);
    mapped_close(&file);
    return status;
}

Status output_folder_open(OutputFolder *out, const char *path)
{
    Status status = STATUS_OK;
    struct stat info;
    *out = (OutputFolder){ .path = resolve(path) };
    if (!stat(out->path, &info) && !S_ISDIR(info.st_mode)) TRY_GOTO(failed, status, refuse_file(path));
    out->temporary = beside(out->path, ".tmp-");
    TRY_GOTO(failed, status, output_remove(out->temporary));
    if (mkdir(out->temporary, 0777)) TRY_GOTO(failed, status, refuse(path));
    return STATUS_OK;
failed:
    output_folder_discard(out);
    return status;
}

static int sync_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)place;
    return kind == FTW_SL ? 0 : (int)sync_path(path);
}

/* Without an exchange: the old folder steps aside, and back when the new one cannot take its place. */
static Status replace_in_two_steps(const char *temporary, const char *path)
{
    char *old = beside(path, ".tmp-old-");
    Status status = STATUS_OK;
    TRY_GOTO(done, status, output_remove(old));
    if (rename(path, old)) TRY_GOTO(done, status, refuse(path));
    if (rename(temporary, path)) {
        status = refuse(path);
        if (rename(old, path)) status = status_context(status, "the old folder is now %s", old);
        goto done;
    }
    status = output_remove(old);
done:
    free(old);
    return status;
}

static Status take_place(const char *temporary, const char *path)
{
    if (!rename(temporary, path)) return STATUS_OK;
    if (errno != ENOTEMPTY && errno != EEXIST) return refuse(path);
    if (!renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_EXCHANGE)) return STATUS_OK;
    if (errno != EINVAL && errno != ENOSYS && errno != ENOTSUP) return refuse(path);
    return replace_in_two_steps(temporary, path);
}

static Status publish_folder(OutputFolder *out)
{
    int walked = nftw(out->temporary, sync_one, OPEN_FOLDERS, FTW_PHYS | FTW_DEPTH);
    if (walked) return walked < 0 ? refuse(out->temporary) : (Status)walked;
    TRY(take_place(out->temporary, out->path));
    TRY(sync_parent(out->path));
    return output_remove(out->temporary);      /* what stood there before */
}

Status output_folder_commit(OutputFolder *out)
{
    Status status = publish_folder(out);
    output_folder_discard(out);
    return status;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    return remove(path) && errno != ENOENT ? (int)refuse(path) : 0;
}

/* For cleaning up: the error that led here stays the one that is reported. */
static int remove_quietly(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info, (void)kind, (void)place;
    remove(path);
    return 0;
}

void output_folder_discard(OutputFolder *out)
{
    if (out->temporary) nftw(out->temporary, remove_quietly, OPEN_FOLDERS, FTW_PHYS | FTW_DEPTH);
    free(out->temporary);
    free(out->path);
    *out = (OutputFolder){0};
}

Status output_make_folder(const char *path)
{
    char *part = memory_string(path);
    struct stat info;
    for (char *p = part + 1; *part && *p; p++) {
        if (*p != '/') continue;
        *p = 0;
        mkdir(part, 0777);          /* a failure shows at the last one */
        *p = '/';
    }
    Status status = STATUS_OK;
    if (mkdir(part, 0777) && errno != EEXIST) status = refuse(path);
    else if (stat(part, &info)) status = refuse(path);
    else if (!S_ISDIR(info.st_mode)) status = refuse_file(path);
    free(part);
    return status;
}

Status output_remove(const char *path)
{
    int walked = nftw(path, remove_one, OPEN_FOLDERS, FTW_PHYS | FTW_DEPTH);
    if (!walked || (walked < 0 && errno == ENOENT)) return STATUS_OK;
    return walked < 0 ? refuse(path) : (Status)walked;
}
