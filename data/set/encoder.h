/* One row to token ids and labels; see encode.h for the rules. Pure: many threads may use one Encoder. */
#ifndef DATA_SET_ENCODER_H
#define DATA_SET_ENCODER_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/encode.h"
#include "data/set/rows.h"
#include "kernels/status.h"

typedef struct {
    const Rows          *rows;
    const EncodeOptions *options;
    const char          *eos;                /* text; NULL: none */
    bool                 completion_only, marks_generation;
    const ChatTemplate  *chat_template;      /* the options', or its training template where marks are needed; NULL: none */
    ChatTemplate        *training;           /* that training template, and whose it is; NULL: none */
    const char          *family;
    Json                *variables;          /* special tokens by name, for the template */
} Encoder;

/* One row's tokens; the memory is reused from row to row. */
typedef struct {
    int32_t *id, *label;
    int64_t  n, cap;
    ChatText text;                           /* what became tokens, with the template's own marks; text NULL: the row came as tokens */
    bool     prompt_cut;                     /* the prompt is no prefix of the whole, as tokens */
    bool     begins_otherwise;               /* nor is, as text, what came before the last answer (assistant_sees_the_same) */
    bool     no_assistant;                   /* refused: assistant_only_loss, and nothing is the assistant's */
    int      turns_unfound;                  /* turns of the assistant without a span */
} Encoded;

Status encoder_init(Encoder *, const Rows *, const EncodeOptions *);
void   encoder_free(Encoder *);              /* accepts {0} */

Status encoder_row(const Encoder *, int64_t i, Encoded *);
Status encoder_encode(const Encoder *, int64_t i, const Row *, Encoded *);      /* the same, for a row that was read already */
void   encoded_free(Encoded *);              /* accepts {0} */

/* What encoder_row said of a row that failed on another thread, said on this one: the chain of a Status belongs to its thread. */
Status encoder_fail(const Encoder *, int64_t i);

#endif
