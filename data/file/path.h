/* What stands at a path. */
#ifndef DATA_FILE_PATH_H
#define DATA_FILE_PATH_H
#include <stdbool.h>

bool path_exists(const char *path);
bool path_is_folder(const char *path);       /* or a link to one */

#endif
