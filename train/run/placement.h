/* What kernels read besides tensors, placed where they can read it (kernels/backend.h). Does nothing where kernels read the host's memory. */
#ifndef TRAIN_RUN_PLACEMENT_H
#define TRAIN_RUN_PLACEMENT_H
#include "train/model/decoder.h"

/* Once, when the model is open and its adapter attached: weights, norms, biases, the rows of trained tokens. */
Status  placement_model(const Backend *, const Model *, const Adapter *);
int64_t placement_model_bytes(const Model *, const Adapter *);       /* what that takes */

/* Before each micro-batch: its ids, positions, spans, scored rows and their coefficients; and the tables of positions, which may have grown. */
Status  placement_batch(const Backend *, const Forward *, const float *coef);

#endif
