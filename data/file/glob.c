#include "data/file/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/file/path.h"
#include "kernels/memory.h"

void paths_add(Paths *paths, const char *path) { MEMORY_PUSH(paths->path, paths->n, paths->cap) = memory_string(path); }

void paths_free(Paths *paths)
{
    for (int i = 0; i < paths->n; i++) free(paths->path[i]);
    free(paths->path);
    *paths = (Paths){0};
}

/* Matching ------------------------------------------------------------------------------------------------------------- */

bool glob_has_magic(const char *pattern) { return strpbrk(pattern, "*?[") != NULL; }

static size_t name_length(const char *path) { return strcspn(path, "/"); }

static bool name_matches(const char *pattern, size_t n_pattern, const char *name, size_t n)
{
    char *p = memory_format("%.*s", (int)n_pattern, pattern), *s = memory_format("%.*s", (int)n, name);
    bool matches = !fnmatch(p, s, FNM_NOESCAPE);
    free(p);
    free(s);
    return matches;
}

/* Name by name; ** tries every number of folders. */
static bool names_match(const char *pattern, const char *path)
{
    size_t n_pattern = name_length(pattern), n = name_length(path);
    bool last = !pattern[n_pattern], any = n_pattern == 2 && !memcmp(pattern, "**", 2);
    if (any && last) return true;
    if (!any) return name_matches(pattern, n_pattern, path, n) && last == !path[n] && (last || names_match(pattern + n_pattern + 1, path + n + 1));
    const char *rest = pattern + 3;
    for (; !names_match(rest, path); path += n + 1) {
        n = name_length(path);
        if (!path[n]) return false;
    }
    return true;
}

static bool all_dots(const char *name, size_t n) { return strspn(name, ".") >= n; }

static int count_hidden(const char *path)
{
    int count = 0;
    for (size_t n; *path; path += n + (path[n] == '/')) {
        n = name_length(path);
        count += n && path[0] == '.' && !all_dots(path, n);
    }
    return count;
}

/* Folders alone: a file may begin with two underscores. */
static int count_special(const char *path)
{
    int count = 0;
    for (size_t n; path[n = name_length(path)]; path += n + 1) count += !strncmp(path, "__", 2);
    return count;
}

bool glob_matches(const char *pattern, const char *path)
{
    if (!strncmp(pattern, "./", 2)) pattern += 2;
    return names_match(pattern, path) && count_hidden(pattern) == count_hidden(path) && count_special(pattern) == count_special(path);
}

/* Files ---------------------------------------------------------------------------------------------------------------- */

static bool is_link(const char *path)
{
    struct stat info;
    return !lstat(path, &info) && S_ISLNK(info.st_mode);
}

static void add_below(Paths *paths, const char *folder, const char *below);

static void add_entry(Paths *paths, const char *folder, const char *path)
{
    char *full = memory_format("%s/%s", folder, path);
    struct stat info;
    if (!stat(full, &info) && S_ISREG(info.st_mode)) paths_add(paths, path);
    else if (path_is_folder(full) && !is_link(full)) add_below(paths, folder, path);
    free(full);
}

/* A folder that cannot be read has no files. */
static void add_below(Paths *paths, const char *folder, const char *below)
{
    char *full = memory_format("%s/%s", folder, below);
    DIR *dir = opendir(full);
    free(full);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        char *path = memory_format("%s%s%s", below, *below ? "/" : "", entry->d_name);
        add_entry(paths, folder, path);
        free(path);
    }
    if (dir) closedir(dir);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

Status glob_files(Paths *paths, const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir) return fail(STATUS_INPUT, "%s: %s", folder, strerror(errno));
    closedir(dir);
    *paths = (Paths){0};
    add_below(paths, folder, "");
    if (paths->n) qsort(paths->path, (size_t)paths->n, sizeof *paths->path, by_bytes);
    return STATUS_OK;
}
