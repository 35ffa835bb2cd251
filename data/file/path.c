#include "data/file/path.h"

#include <sys/stat.h>

bool path_exists(const char *path)
{
    struct stat info;
    return !stat(path, &info);
}

bool path_is_folder(const char *path)
{
    struct stat info;
    return !stat(path, &info) && S_ISDIR(info.st_mode);
}
