/* 64-bit fingerprints by which a checkpoint knows the run it belongs to again: the model's files, the examples, and the
 * tensors that it saved itself. They find accidents (another file, a broken disk), not attackers. */
#ifndef TRAIN_RUN_FINGERPRINT_H
#define TRAIN_RUN_FINGERPRINT_H
#include <stddef.h>

#include "data/file/tensors.h"
#include "data/set/examples.h"

/* Name, dtype, shape and a few bytes of each tensor: what a model is, without reading all of it. */
uint64_t fingerprint_outline(const Tensors *);

uint64_t fingerprint_tensors(const TensorEntry *, int n);    /* of names and all bytes, in any order */
uint64_t fingerprint_examples(const Examples *);             /* 0: there are none */

#endif
