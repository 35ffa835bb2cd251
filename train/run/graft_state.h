/* graft_state.json: what a run needs to go on with the same bits and Trainer's files lack. One table of fields writes and
 * reads it. Doubles are printed so that they read back bit for bit; an infinite one is the string "Infinity".
 *
 * The fingerprints say what the numbers belong to: the model's files, the examples, and the tensors beside it. */
#ifndef TRAIN_RUN_GRAFT_STATE_H
#define TRAIN_RUN_GRAFT_STATE_H
#include "train/run/trainer.h"

typedef struct {
    int64_t  version;                            /* of this file: 1 */
    Progress progress;
    Plateau  plateau;                            /* reduce_lr_on_plateau */
    int64_t  adamw_steps;
    int64_t  rope_seen;                          /* dynamic rope */
    uint64_t model, train, eval;                 /* fingerprints: fingerprint_outline, fingerprint_examples */
    uint64_t adapter_file, optimizer_file;       /* fingerprint_tensors of the files */
} GraftState;

Status graft_state_save(const GraftState *, const char *dir);
Status graft_state_read(GraftState *, const char *path);         /* every field must be there, counts not negative, numbers finite */

#endif
