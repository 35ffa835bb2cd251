/* What was found wrong with the rows of one dataset, row by row: the problems of problems.h, and those that only comparing rows
 * shows: duplicates, and rows of an evaluation that are trained on. Rows are the same when their tokens are. */
#ifndef DATA_SET_FINDINGS_H
#define DATA_SET_FINDINGS_H
#include <stdint.h>

#include "data/set/encode.h"
#include "data/set/examples.h"
#include "data/set/problems.h"
#include "kernels/buffer.h"
#include "kernels/notices.h"

typedef struct Findings {
    char     *path;              /* of all rows, for messages */
    int64_t   n;
    RowPlace *place;             /* [n] where the row stands; paths belong to `file` */
    uint32_t *problems;          /* [n] a bit for each Problem */
    uint64_t *content;           /* [n] hash of the tokens; 0: none */
    RowPlace *twin;              /* [n] the earlier row with the same tokens; path NULL: none */
    RowPlace *trained;           /* [n] the row with the same tokens that is trained on: paths of those findings; path NULL: none */
    char    **message;           /* [n] why it cannot be read; NULL: it can */
    char    **file;              /* [n_files] */
    int       n_files, cap_files;
} Findings;

void findings_init(Findings *, const Rows *);
void findings_free(Findings *);                                                  /* accepts {0} */

/* How rows are cut later. */
typedef struct { int64_t max_length; Truncation side; } Cut;                     /* max_length 0: not */

/* Adds what is wrong with the tokens of the rows, `whole[i]` those of row i, in their order and not cut yet. `train`: the findings
 * of the rows that are trained on, where these are not; NULL: these are. */
void findings_examine(Findings *, const Examples *whole, const EncodeOptions *, Cut, const Findings *train);

int64_t findings_count(const Findings *, Problem);
int64_t findings_rows(const Findings *, Severity);                               /* rows with a problem of this severity */

/* "path:LINE: …", or "path: 12 rows (lines 3, 5, 9, …): …", of several files "path: 12 rows (a:3, b:5, …): …": one problem in one line. Nothing where no row has it. */
void findings_describe(const Findings *, Problem, Buffer *out);
void findings_tell(const Findings *, Notices *);                                 /* every problem that some row has */

#endif
