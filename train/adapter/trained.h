/* Weights of the base that an adapter trains itself, whatever its method (peft 0.21.2, ModulesToSaveWrapper, TrainableTokensWrapper):
 *
 *   modules_to_save            whole modules: embedding, head, norms, linears with their biases, or all that is in a layer or its parts
 *   bias                       biases, of all modules or of adapted ones; not those of modules that are trained whole, which are anyway
 *   trainable_token_indices    some rows of the embedding
 *
 * Each is a copy in the State that starts as the base's values and stands in its place. A trained embedding leaves a tied head as
 * it was, unless ensure_weight_tying: then both are one weight, saved under both names. */
#ifndef TRAIN_ADAPTER_TRAINED_H
#define TRAIN_ADAPTER_TRAINED_H
#include "train/adapter/method.h"

Status trained_prepare(Adapter *, Notices *);     /* before the method attaches: what is asked for, the saved lists as PEFT writes them */
Status trained_attach(Adapter *, Notices *);      /* after it: registers parameters, refuses what PEFT and TRL do */
void   trained_initialize(const Adapter *);       /* the base's values */

/* Trained elements that are none beside the base's for Trainer, which counts no embedding: whole embeddings, and biases that have no copy. */
int64_t trained_uncounted(const Adapter *);

/* PEFT adapts no module that is named in modules_to_save, or in a module named there. */
Status trained_excludes(const LoraConfig *, const char *path, bool *excluded);

#endif
