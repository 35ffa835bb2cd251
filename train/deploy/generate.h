/* `graft generate`: a model answers, with or without an adapter. The answer goes to stdout as it is made, followed by one
 * newline; notices and figures go to stderr.
 *
 * From an adapter's folder come the adapter, and the tokenizer and chat template where it has them; from the base model the
 * rest. An adapter alone is enough when its config names a base model that is there. */
#ifndef TRAIN_DEPLOY_GENERATE_H
#define TRAIN_DEPLOY_GENERATE_H
#include <stdio.h>

#include "data/text/tokenizer.h"
#include "train/deploy/end_tokens.h"
#include "train/deploy/generate_options.h"
#include "train/deploy/sequence.h"

typedef struct {
    GenerateOptions options;
    Notices    notices;
    Pool      *pool;
    Backend    backend;
    Model      model;
    State      state;
    Adapter    adapter;
    Tokenizer *tokenizer;
    EndTokens  ends;
    Tokens     prompt;
    Sequence   sequence;
} Generation;

Status generate_command(int argc, char **argv);

/* The same in steps. `out` gets the answer. */
Status generation_open(Generation *, int argc, char **argv);
Status generation_run(Generation *, FILE *out);
void   generation_close(Generation *);                   /* accepts {0} */

#endif
