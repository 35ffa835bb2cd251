/* Writing so that nothing is ever half-written: bytes go to a name beginning with `.tmp-` in the same folder, are synced, and
 * take the wanted name in one rename. Killed at any instant, the wanted name holds what it held before or all of the new;
 * a `.tmp-` that stays behind is overwritten by the next run. All errors are STATUS_WRITE with path and reason.
 *
 *     OutputFile out = {0};
 *     TRY_GOTO(done, status, output_file_open(&out, path));
 *     TRY_GOTO(done, status, output_file_write(&out, bytes, n));
 *     status = output_file_commit(&out);
 * done:
 *     output_file_discard(&out);          does nothing once committed
 *
 * Where a symbolic link stands at the path, what it points to is replaced. */
#ifndef DATA_FILE_OUTPUT_H
#define DATA_FILE_OUTPUT_H
#include <stddef.h>

#include "kernels/status.h"

typedef struct { char *path, *temporary; int fd; } OutputFile;

Status output_file_open(OutputFile *, const char *path);              /* its folder must exist */
Status output_file_write(OutputFile *, const void *bytes, size_t n);
Status output_file_commit(OutputFile *);
void   output_file_discard(OutputFile *);                             /* accepts {0} */

Status output_save(const char *path, const void *bytes, size_t n);    /* a whole file at once */
Status output_copy(const char *from, const char *to);                 /* a file's bytes; STATUS_INPUT when `from` cannot be read */

/* A folder that appears all at once. The caller fills `temporary`, an empty folder. Where the path is a folder already, the
 * two change places in one step and the old one is removed; file systems that cannot do that (some network ones) move the
 * old one to `.tmp-old-NAME` for an instant. */
typedef struct { char *path, *temporary; } OutputFolder;

Status output_folder_open(OutputFolder *, const char *path);          /* its parent must exist */
Status output_folder_commit(OutputFolder *);                          /* syncs every file in it first */
void   output_folder_discard(OutputFolder *);                         /* accepts {0} */

Status output_make_folder(const char *path);                          /* and its parents; fine when it exists */
Status output_remove(const char *path);                               /* a file or a whole folder; fine when it is absent */

#endif
