/* The optimizer's pass over what is trained, where it lies on the device: the norm of all gradients, clipping by it, and AdamW
 * (arXiv:1711.05101) as optim/adamw.h writes it. Nothing comes back to the host: the norm is read by the step that follows. Bits are those of
 * n alone. */
#ifndef KERNELS_CUDA_UPDATE_H
#define KERNELS_CUDA_UPDATE_H
#include <stddef.h>
#include <stdint.h>

#include "kernels/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

/* keep 1 - lr weight_decay, or 1;  beta1_gap 1 - beta1;  rate lr / (1 - beta1^t);  root sqrt(1 - beta2^t): made in double, rounded once. */
typedef struct { float keep, beta1_gap, beta2, beta2_gap, rate, root, eps; } UpdateFactors;

/* *norm = sqrt(sum of squares), in double, on the device as all that follows; scratch: update_norm_scratch(n) bytes. */
size_t update_norm_scratch(int64_t n);
void   update_norm(const Backend *, const float *grad, int64_t n, void *scratch, double *norm);

/* One step over n neighbouring elements with the same factors. Gradients count times min(1, max_norm / (norm + 1e-6)), or whole where max_norm
 * is 0 or below, and then norm is not read. */
void   update_adamw(const Backend *, const UpdateFactors *, const double *norm, float max_norm, const float *grad, int64_t n, float *p, float *m, float *v);

#ifdef __cplusplus
}
#endif
#endif
