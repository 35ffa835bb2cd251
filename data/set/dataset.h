/* A dataset as a run trains on it: rows read, encoded, cut or packed, shuffled, in the order in which TRL's SFTTrainer does it.
 *
 * Without packing, rows are cut at max_length and those left without a trained token are dropped. With packing the packer
 * cuts. A dataset that would train nothing is refused; what could go wrong quietly (problems.h) is a notice for each problem. */
#ifndef DATA_SET_DATASET_H
#define DATA_SET_DATASET_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/encode.h"
#include "data/set/examples.h"
#include "data/set/findings.h"
#include "data/set/mixture.h"
#include "data/set/packing.h"
#include "kernels/notices.h"
#include "kernels/pool.h"
#include "kernels/status.h"

typedef struct {
    EncodeOptions   encode;
    const char     *text_field;          /* dataset_text_field; NULL: "text" */
    int64_t         max_length;          /* tokens; 0: no limit, which packing needs */
    Truncation      truncation;
    bool            packing;
    PackingStrategy packing_strategy;
    int64_t         n_processes;         /* dataset_num_proc: packing does not cross the peers' parts; 0: one */
    bool            shuffle;             /* shuffle_dataset, by `seed` */
    uint64_t        seed;
    const Findings *train;               /* what was found in the rows that are trained on, where these are not; NULL: these are */
} DatasetOptions;

/* tokens and trained are what an epoch sees; trained as the loss counts them. */
typedef struct { int64_t rows, examples, tokens, trained, truncated, dropped; } DatasetCounts;

/* `found` NULL: not wanted. On failure nothing is to be freed. */
Status dataset_read(const DataMix *, const DatasetOptions *, Pool *, Notices *, Findings *found, Examples *out, DatasetCounts *);

Cut dataset_cut(const DatasetOptions *);         /* what the cut, or the packer, leaves of a row */

#endif
