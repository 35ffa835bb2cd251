/* Which token comes next, given the logits: the likeliest, or one drawn by transformers' rules in transformers' order.
 *
 *   repetition_penalty   logits of tokens that were there before, the prompt's too: z / p where z > 0, else z p
 *   temperature          z / temperature
 *   top_k                the k largest, and those equal to the smallest of them
 *   top_p                of these, the likeliest until they make up p of the probability: the one that reaches it is the last
 *   draw                 by probability among what is left
 *
 * The first applies without sampling too. Draws are a function of (seed, position): the same text for any number of threads.
 * Source: transformers 5.23 generation/logits_process.py. */
#ifndef TRAIN_DEPLOY_TOKEN_CHOICE_H
#define TRAIN_DEPLOY_TOKEN_CHOICE_H
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    bool     sample;                 /* false: the likeliest, of equal ones the first */
    double   temperature;            /* above 0 */
    int64_t  top_k;                  /* 0: all */
    double   top_p;                  /* above 0, 1: all */
    double   repetition_penalty;     /* above 0, 1: none */
    uint64_t seed;
} TokenRule;

typedef struct { float logit; int32_t id; } Candidate;

typedef struct {
    TokenRule  rule;
    int64_t    vocabulary;
    Candidate *candidate;            /* [vocabulary] */
    bool      *met;                  /* [vocabulary] tokens that were there before */
} TokenChooser;

void    token_chooser_init(TokenChooser *, TokenRule, int64_t vocabulary);
void    token_chooser_free(TokenChooser *);                                              /* accepts {0} */
void    token_chooser_meet(TokenChooser *, int32_t id);                                  /* it is part of the text now */
int32_t token_choose(TokenChooser *, const float *logits, int64_t position);             /* -1: the logits are not numbers */

#endif
