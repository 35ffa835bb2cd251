/* The trained State as named tensors of a file: the values as adapter_model.safetensors has them, and AdamW's moments
 * under the same names with .exp_avg (m) and .exp_avg_sq (v) behind. */
#ifndef TRAIN_RUN_PARAM_TENSORS_H
#define TRAIN_RUN_PARAM_TENSORS_H
#include "data/file/tensors.h"
#include "optim/state.h"

/* entry[i] describes the floats at values[i], which belong to the State. */
typedef struct { TensorEntry *entry; float **values; int n; } ParamTensors;

ParamTensors param_tensors_values(const State *);
ParamTensors param_tensors_moments(const State *);
void         param_tensors_free(ParamTensors *);

uint64_t     param_tensors_fingerprint(const TensorEntry *, int n);      /* in any order */

#endif
