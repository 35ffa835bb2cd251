/* Mixture: the rows of one or several datasets as one sequence, as TRL's get_dataset and `datasets` put them together.
 *
 *   each source's files one behind the other, the sources one behind the other
 *   fraction         of the mixture, for every source or for none: the first rows of each, so many that the shares hold and no row
 *                    is taken twice
 *   max_samples      the first rows of what is then there
 *   test_split_size  rows that are held out, as Dataset.train_test_split(test_size, seed) draws them: numpy's default_rng(seed)
 *                    permutes all rows, the first of the permutation are the test rows
 *
 * Rows are made on demand by any thread, like those of a RowFile. */
#ifndef DATA_SET_MIXTURE_H
#define DATA_SET_MIXTURE_H
#include "data/set/data_files.h"
#include "data/set/row_file.h"

typedef struct {
    DataPlace   place;
    const char *field;                   /* member of a JSON object that holds the rows; NULL: none */
    const Json *columns;                 /* a list of names: only these are kept; NULL: all */
    const Json *column_mapping;          /* an object of new names by old ones, applied to the columns kept; NULL: none */
    double      fraction;                /* 0: not given */
} DataSource;

typedef struct {
    const DataSource *source;            /* [n] must outlive the mixture */
    int      n;
    int64_t  max_samples;                /* 0: all */
    double   test_split_size;            /* below 1 a share, else rows; 0: nothing is held out */
    bool     test;                       /* the rows held out, not those that are left */
    uint64_t seed;
} DataMix;

typedef struct { RowFile file; const DataSource *source; int64_t first, n; } MixturePiece;      /* its rows are first … first + n - 1 */

typedef struct {
    int64_t       n;
    int64_t      *order;                 /* [n] which of the pieces' rows; NULL: all, in their order */
    MixturePiece *piece;
    int           n_pieces, cap;
    char         *name;                  /* for messages about all rows: a path */
} Mixture;

/* Where a row stands. */
typedef struct { const char *path; int64_t line; } RowPlace;

Status mixture_open(Mixture *, const DataMix *, Notices *);      /* at least one row; on error {0} */
void   mixture_close(Mixture *);                                 /* accepts {0} */

Status   mixture_row(const Mixture *, int64_t i, Json **);       /* an object, the caller's to free */
RowPlace mixture_place(const Mixture *, int64_t i);

#endif
