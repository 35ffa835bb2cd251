/* What is trained, as named tensors of a file: the values as adapter_model.safetensors has them, and AdamW's moments
 * under the same names with .exp_avg (m) and .exp_avg_sq (v) behind.
 *
 * Beside the parameters, adapter_model.safetensors has, as PEFT writes it, a weight that embedding and head share under both
 * names, and the embedding's own weight where target_modules names it. */
#ifndef TRAIN_ADAPTER_PARAM_TENSORS_H
#define TRAIN_ADAPTER_PARAM_TENSORS_H
#include "train/adapter/method.h"

/* entry[i] describes the floats at values[i], which belong to the State, but for `own`: the embedding's. */
typedef struct { TensorEntry *entry; float **values; int n; float *own; } ParamTensors;

ParamTensors param_tensors_values(const Adapter *);
ParamTensors param_tensors_moments(const State *);
void         param_tensors_free(ParamTensors *);

#endif
