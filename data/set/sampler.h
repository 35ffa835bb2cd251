/* Which examples a micro-batch takes: the order of an epoch, and where each batch lies in it.
 *
 * A batch is a pure function of (epoch, batch), so a position in a run is two numbers and resuming needs no state. The orders
 * are those of transformers 5.23's Trainer on one process:
 *
 *   random            torch.randperm from a generator seeded with data_seed + epoch
 *   sequential        as the file has them
 *   group_by_length   Trainer permutes with torch's global generator, seeded once with seed: epoch e comes after e + 1 seeds of
 *                     64 bits drawn for the loader and e permutations. The permutation is cut into mega-batches, each sorted by
 *                     length, longest first, and the longest example of all changes places with the very first.
 *
 * batch_rebalance, which evens out padding between processes, has nothing to do here: batches have no padding.
 *
 * An epoch's last batch may be smaller (unless drop_last); accumulation never crosses an epoch. */
#ifndef DATA_SET_SAMPLER_H
#define DATA_SET_SAMPLER_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/examples.h"
#include "kernels/random.h"

typedef enum { SAMPLER_RANDOM, SAMPLER_SEQUENTIAL, SAMPLER_GROUP_BY_LENGTH } SamplerStrategy;

typedef struct {
    SamplerStrategy strategy;
    uint64_t seed, data_seed;        /* group_by_length goes by seed, random by data_seed, which is seed unless given */
    bool     drop_last;
    int64_t  batch_size;             /* examples of a micro-batch */
    int64_t  accumulation;           /* micro-batches of a step */
} SamplerOptions;

typedef struct {
    SamplerOptions  options;
    const Examples *examples;        /* must outlive the sampler */
    int64_t        *order;           /* [examples->n] of `epoch` */
    int64_t         epoch;           /* -1: none yet */
} Sampler;

void    sampler_init(Sampler *, const Examples *, SamplerOptions);
void    sampler_free(Sampler *);                                    /* accepts {0} */

int64_t sampler_batches(const Sampler *);                           /* micro-batches of an epoch */
int64_t sampler_steps(const Sampler *);                             /* optimizer steps of an epoch, the last maybe of fewer micro-batches */
int64_t sampler_step_batches(const Sampler *, int64_t step);        /* micro-batches of this step of an epoch */

/* The examples of micro-batch `i` of an epoch; valid until another epoch is asked for. */
typedef struct { const int64_t *index; int64_t n; } SamplerBatch;
SamplerBatch sampler_batch(Sampler *, int64_t epoch, int64_t i);

/* One permutation grouped by length; evaluation calls it with a generator of its own and its batch size. */
void    sampler_group_by_length(Random *, const Examples *, int64_t batch_size, int64_t *order);

#endif
