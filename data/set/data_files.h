/* Which files a dataset is made of, as `datasets` (5.2) finds them; where graft takes more, it says so.
 *
 *   a file             itself, whatever its split (`datasets` wants its format's name as path, and the file in data_files)
 *   a pattern          the files that it matches (data/file/glob.h), likewise
 *   a folder           the files of one split. The first of these that finds anything decides what the splits are:
 *                        data/SPLIT-00000-of-00002.jsonl      named so, by their number and the number of all
 *                        a folder on the way has the name     train, training; validation, valid, dev, val; test, testing, eval,
 *                        the file's name begins or ends so     evaluation; set off by one of - . _ space and digits
 *                        anything else                        is train
 *   data_files         in the folder, or in the working folder when `path` is a format's name: a pattern, a list of patterns, or an
 *                      object from split to these
 *
 * Of several files only those are read that have the format of most. A file that two patterns match is read twice, as `datasets`
 * does, with a notice. The yaml head of a folder's README.md, which may name files too, is not read. */
#ifndef DATA_SET_DATA_FILES_H
#define DATA_SET_DATA_FILES_H
#include "data/file/glob.h"
#include "data/set/row_file.h"
#include "kernels/notices.h"

typedef struct {
    const char *path;
    const char *data_dir;                /* below the folder, or the folder itself for a format's name; NULL: none */
    const Json *data_files;              /* NULL: none */
    const char *split;                   /* NULL: "train" */
} DataPlace;

typedef struct { Paths paths; const RowFormat *format; } DataFiles;      /* format NULL: by the ending of each */

Status data_files_find(DataFiles *, const DataPlace *, Notices *);       /* at least one; on error {0} */
void   data_files_free(DataFiles *);                                     /* accepts {0} */

bool data_place_has_splits(const DataPlace *);                           /* it is a folder, or names files by split */

#endif
