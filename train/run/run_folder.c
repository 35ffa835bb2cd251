#include "train/run/run_folder.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/file/output.h"
#include "data/file/path.h"
#include "kernels/memory.h"

static const char *const results[] = { "trainer_state.json", "adapter_model.safetensors" };

char *run_folder_checkpoint(const char *dir, int64_t step)
{
    size_t n = strlen(dir);
    return memory_format("%s%scheckpoint-%lld", dir, n && dir[n - 1] == '/' ? "" : "/", (long long)step);
}

/* N of checkpoint-N written as it is written here; -1 for every other name. */
static int64_t step_of(const char *name)
{
    static const char prefix[] = "checkpoint-";
    if (strncmp(name, prefix, sizeof prefix - 1)) return -1;
    const char *digits = name + sizeof prefix - 1;
    size_t n = strspn(digits, "0123456789");
    bool plain = n && n < 18 && !digits[n] && (digits[0] != '0' || n == 1);
    return plain ? strtoll(digits, NULL, 10) : -1;
}

static int by_step(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

Checkpoints run_folder_checkpoints(const char *dir)
{
    Checkpoints out = {0};
    DIR *folder = opendir(dir);
    if (!folder) return out;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char *path = memory_format("%s/%s", dir, entry->d_name);
        if (step_of(entry->d_name) >= 0 && path_is_folder(path)) MEMORY_PUSH(out.step, out.n, out.cap) = step_of(entry->d_name);
        free(path);
    }
    closedir(folder);
    if (out.n) qsort(out.step, (size_t)out.n, sizeof *out.step, by_step);
    return out;
}

/* What shows that the folder holds a run, the newest checkpoint first; NULL when it holds none. */
static char *found_run(const char *dir)
{
    Checkpoints checkpoints = run_folder_checkpoints(dir);
    char *found = checkpoints.n ? memory_format("checkpoint-%lld", (long long)checkpoints.step[checkpoints.n - 1]) : NULL;
    struct stat info;
    free(checkpoints.step);
    for (size_t i = 0; !found && i < sizeof results / sizeof *results; i++) {
        char *path = memory_format("%s/%s", dir, results[i]);
        if (!stat(path, &info)) found = memory_string(results[i]);
        free(path);
    }
    return found;
}

/* The checkpoint to go on from, where it is given as a path, lies in output_dir. */
static bool resumes_this(const Recipe *r)
{
    if (!strcmp(r->resume_from_checkpoint, "true")) return true;
    char *parent = memory_format("%s/..", r->resume_from_checkpoint), *in = realpath(parent, NULL), *out = realpath(r->output_dir, NULL);
    bool same = in && out && !strcmp(in, out);
    free(parent);
    free(in);
    free(out);
    return same;
}

static Status refuse_run(const Recipe *r, const char *found)
{
    if (!r->resume_from_checkpoint)
        return fail(STATUS_INPUT, "output_dir %s holds another run (%s): go on with it (--resume_from_checkpoint true), replace it "
                    "(--overwrite_output_dir true), or give another folder", r->output_dir, found);
    if (resumes_this(r)) return STATUS_OK;
    return fail(STATUS_INPUT, "output_dir %s holds another run (%s) than resume_from_checkpoint %s: go on with the one in it "
                "(--resume_from_checkpoint true), or give another folder", r->output_dir, found, r->resume_from_checkpoint);
}

/* However it is spelled. */
static bool is_model_folder(const Recipe *r, const struct stat *out)
{
    struct stat model;
    return !stat(r->model_name_or_path, &model) && model.st_dev == out->st_dev && model.st_ino == out->st_ino;
}

Status run_folder_check(const Recipe *r)
{
    struct stat info;
    if (r->plan || stat(r->output_dir, &info)) return STATUS_OK;
    if (!S_ISDIR(info.st_mode)) return fail(STATUS_INPUT, "output_dir %s is a file, expected a folder", r->output_dir);
    if (is_model_folder(r, &info)) return fail(STATUS_INPUT, "output_dir %s is the base model's folder: give another one", r->output_dir);
    if (r->overwrite_output_dir) return STATUS_OK;
    char *found = found_run(r->output_dir);
    Status status = found ? refuse_run(r, found) : STATUS_OK;
    free(found);
    return status;
}

static Status remove_in(const char *dir, const char *name)
{
    char *path = memory_format("%s/%s", dir, name);
    Status status = output_remove(path);
    free(path);
    return status;
}

static bool begins(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }
static bool is_left_over(const char *name) { return begins(name, ".tmp-checkpoint-") || begins(name, ".tmp-old-checkpoint-"); }

static Status remove_left_overs(const char *dir)
{
    DIR *folder = opendir(dir);
    Status status = STATUS_OK;
    for (struct dirent *entry; folder && status == STATUS_OK && (entry = readdir(folder));)
        if (is_left_over(entry->d_name)) status = remove_in(dir, entry->d_name);
    if (folder) closedir(folder);
    return status;
}

static Status remove_run(const char *dir)
{
    Checkpoints checkpoints = run_folder_checkpoints(dir);
    Status status = STATUS_OK;
    for (int i = 0; i < checkpoints.n && status == STATUS_OK; i++) {
        char *path = run_folder_checkpoint(dir, checkpoints.step[i]);
        status = output_remove(path);
        free(path);
    }
    free(checkpoints.step);
    for (size_t i = 0; i < sizeof results / sizeof *results && status == STATUS_OK; i++) status = remove_in(dir, results[i]);
    return status;
}

Status run_folder_prepare(const Recipe *r)
{
    TRY(output_make_folder(r->output_dir));
    TRY(remove_left_overs(r->output_dir));
    return r->overwrite_output_dir ? remove_run(r->output_dir) : STATUS_OK;
}
