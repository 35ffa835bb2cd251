/* From rows to examples: text becomes token ids, and each token is trained or not. Follows TRL 1.16's SFTTrainer.
 *
 * Which tokens are trained: all, unless `labels` came with the rows; else those that every mask in force lets through:
 *
 *   completion mask    rows with a prompt, where completion_only_loss holds; by default it holds when the first row has both
 *                      prompt and completion
 *   assistant mask     assistant_only_loss, and rows of tokens that carry assistant_masks
 *
 * Then, without packing, rows are cut at max_length, and those left without a trained token are dropped. A run that would
 * train nothing is refused. */
#ifndef DATA_SET_ENCODE_H
#define DATA_SET_ENCODE_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/examples.h"
#include "data/set/rows.h"
#include "kernels/notices.h"
#include "kernels/pool.h"
#include "kernels/status.h"

typedef enum { COMPLETION_LOSS_AUTO, COMPLETION_LOSS_ONLY, COMPLETION_LOSS_ALL } CompletionLoss;

typedef struct {
    int32_t        vocabulary;           /* ids must be below; 0: not checked */
    CompletionLoss completion_only_loss;
    int64_t        max_length;           /* tokens; 0: no limit */
    Truncation     truncation;
    bool           packing;              /* the packer cuts instead */
} EncodeOptions;

typedef struct { int64_t rows, examples, tokens, trained, truncated, dropped; } EncodeCounts;

Status encode_rows(const Rows *, const EncodeOptions *, Pool *, Notices *, Examples *out, EncodeCounts *);

#endif
