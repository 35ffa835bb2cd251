/* Files below a folder, and patterns that choose among them, as fsspec's glob does for `datasets`:
 *
 *   *  ?  [abc] [!abc]   within one name
 *   **                   as a whole name: any number of folders, at the end anything below
 *
 * A file whose name, or one of whose folders, begins with a dot is chosen only by a pattern that has as many such names; the same
 * goes for folders that begin with two underscores. */
#ifndef DATA_FILE_GLOB_H
#define DATA_FILE_GLOB_H
#include <stdbool.h>

#include "kernels/status.h"

typedef struct { char **path; int n, cap; } Paths;       /* owned */

void paths_add(Paths *, const char *path);
void paths_free(Paths *);                                /* accepts {0} */

bool glob_has_magic(const char *pattern);
bool glob_matches(const char *pattern, const char *path);

/* Every file below the folder, by its path from there, sorted by bytes; links to folders are not followed. STATUS_INPUT when the
 * folder itself cannot be read. */
Status glob_files(Paths *, const char *folder);

#endif
