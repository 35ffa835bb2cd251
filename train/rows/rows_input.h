/* How a recipe's rows become tokens: tokenizer, chat template, the tokens that end an answer, and which files the rows are in.
 * Shared by the commands that read rows: sft, lint, tokenize. */
#ifndef TRAIN_ROWS_ROWS_INPUT_H
#define TRAIN_ROWS_ROWS_INPUT_H
#include "data/set/dataset.h"
#include "data/text/chat_template.h"
#include "data/text/tokenizer.h"
#include "train/deploy/end_tokens.h"
#include "train/recipe.h"

typedef struct {
    Tokenizer    *tokenizer;                 /* NULL: the folder has none, and rows are tokens */
    ChatTemplate *chat_template;             /* NULL: none */
    char         *chat_template_source;      /* of chat_template_path, which goes with the adapter; NULL: the model's own does */
    EndTokens     ends;
} RowsInput;

/* On failure `RowsInput` is to be closed all the same. */
Status rows_input_open(RowsInput *, const Recipe *, Notices *);
void   rows_input_close(RowsInput *);                        /* accepts {0} */

/* `vocabulary`: ids must be below; 0: not checked. What is returned points into both. */
DatasetOptions rows_input_options(const RowsInput *, const Recipe *, int64_t vocabulary, bool packing);

/* The model's vocab_size where a config.json or a GGUF file says it, 0 where only a tokenizer is there. */
int64_t rows_input_vocabulary(const RowsInput *, const Recipe *);

#endif
