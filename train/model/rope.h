/* Rotary positions: the tables of cosines and sines, as transformers computes them for each rope_type.
 *
 * Source: transformers 5.23 modeling_rope_utils.py. Inverse frequencies are rounded to float32 where it rounds; angles are
 * float32 products, cosines and sines of them are rounded once.
 *
 * `dynamic` changes with what it meets: a longer micro-batch than ever makes the base grow, one shorter than the trained
 * context after such growth brings the first table back. `longrope` has one table for micro-batches within the trained context
 * and one for longer ones. `seen` is that state; it belongs to a checkpoint. */
#ifndef TRAIN_MODEL_ROPE_H
#define TRAIN_MODEL_ROPE_H
#include "train/model/config.h"

typedef struct {
    RopeParameters parameters;       /* its lists of factors belong to the config */
    int64_t max_positions, capacity;
    float  *inv_freq;                /* [rotary_dim / 2] now in force */
    float  *freq_factors;            /* [rotary_dim / 2] of a GGUF's rope_freqs, or NULL */
    float   attention_factor;        /* on cosines and sines */
    float  *cos, *sin;               /* [capacity, rotary_dim / 2] */
    float  *query_cos, *query_sin;   /* the same for queries: times a factor of the position where the model has one, else cos, sin */
    int64_t seen;                    /* dynamic, longrope: the length that inv_freq is made for */
} Rope;

void rope_init(Rope *, const RopeParameters *, int64_t max_positions, const float *freq_factors);
void rope_reserve(Rope *, int64_t positions);     /* tables for positions 0 … positions-1; before training, never in a step */
void rope_meet(Rope *, int64_t longest);          /* a micro-batch with positions up to longest - 1 comes */
void rope_restore(Rope *, int64_t seen);          /* the state of a checkpoint */
void rope_free(Rope *);

#endif
