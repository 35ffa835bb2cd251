/* Supervised fine-tuning: the token mean of the negative log-likelihood over all micro-batches of a step.
 *
 *     loss = sum_i -score_i / N      score_i = (1 - eps) logp_i[target] + eps mean_v logp_i[v]
 *
 * N counts the trained tokens of the whole step, so that accumulation changes nothing. The coefficient of every row is known
 * before the forward: -1 / N. Source: TRL 1.16 SFTTrainer.compute_loss, transformers' LabelSmoother. */
#ifndef TRAIN_OBJECTIVE_SFT_H
#define TRAIN_OBJECTIVE_SFT_H
#include "train/model/decoder.h"

/* Forward, and with `gradient` the reverse walk: adds to the parameters' gradients. coef [n_scored]: -1 / N each. */
Scores sft_record(Tape *, const Forward *, const float *coef, float smoothing, bool gradient);

/* What a micro-batch of n scored rows contributed, from what the head said of each. Means over the rows; 0 where there are none. */
typedef struct { const float *score, *entropy, *correct; } SftRows;
typedef struct { double loss, entropy, mean_token_accuracy; } SftResult;
SftResult sft_result(const SftRows *, const float *coef, int64_t n);

#endif
