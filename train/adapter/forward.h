/* Modules with what an adapter has on them; `active` NULL: the bare model. */
#ifndef TRAIN_ADAPTER_FORWARD_H
#define TRAIN_ADAPTER_FORWARD_H
#include "train/adapter/method.h"

Var    adapter_embedding(Tape *, const Adapter *active, const Weight *, int module, const int32_t *ids, int64_t n);      /* [n, C] */
Var    adapter_linear(Tape *, const Adapter *active, const Site *, SiteContext, Var x);                  /* x [rows, in] -> [rows, out] */
Var    adapter_norm(Tape *, const Adapter *active, const Norm *, const OpArgs *, Var x);                 /* args as op_norm's */
Scores adapter_head(Tape *, const Adapter *active, const Model *, const OpArgs *, Var x);                /* args as op_head's */
Var    adapter_logits(Tape *, const Adapter *active, const Model *, Var x);                              /* [rows, vocab_size], without what follows the head */

#endif
