/* AdamW, as torch.optim.AdamW(fused=True) computes it on a CPU: arXiv:1711.05101 with bias correction, float32, step
 * t = 1, 2, ..., in one pass over State's four buffers.
 *
 *   g = clip * grad                                          the clip coefficient, applied on the way
 *   p = p * (1 - lr * weight_decay)                          only parameters of the decay group
 *   m = m + (1 - beta1) * (g - m)
 *   v = beta2 * v + (1 - beta2) * g * g
 *   p = p - lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *
 * Factors are made in double and rounded once. Elements are independent: bits do not depend on the number of threads.
 * A step with lr 0 (the first of a warm-up) still moves t, m and v. Gradients are read, never changed. */
#ifndef OPTIM_ADAMW_H
#define OPTIM_ADAMW_H
#include "optim/state.h"

typedef struct {
    double  beta1, beta2, eps, weight_decay;
    int64_t t;                       /* steps done; a checkpoint saves it */
} AdamW;

void  adamw_step(AdamW *, State *, double lr, float clip, Pool *);

/* min(1, max_norm / (norm + 1e-6)) in float32, rounded where torch's clip_grad_norm_ rounds; 1 when max_norm <= 0: no clipping. */
float adamw_clip(double norm, double max_norm);

#endif
