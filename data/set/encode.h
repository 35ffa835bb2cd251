/* From rows to examples: text becomes token ids, and each token is trained or not. Follows TRL 1.16's SFTTrainer.
 *
 * Text      the eos token is appended as text where it does not stand there; then the tokenizer's own rules (bos, …) apply
 * Messages  the chat template alone says what the text is; the tokenizer adds nothing
 * Prompt and completion are one text; the prompt's length is that of the token prefix that it shares with the whole.
 *
 * Which tokens are trained: all, unless `labels` came with the rows; else those that every mask in force lets through:
 *
 *   completion mask    rows with a completion, where completion_only_loss holds; by default it holds when the first row has both
 *                      prompt and completion
 *   assistant mask     assistant_only_loss (see assistant.h), and rows of tokens that carry assistant_masks
 *
 * An option that the rows cannot follow is refused: TRL would ignore completion_only_loss on messages. */
#ifndef DATA_SET_ENCODE_H
#define DATA_SET_ENCODE_H
#include <stdbool.h>
#include <stdint.h>

#include "data/set/examples.h"
#include "data/set/rows.h"
#include "data/text/chat_template.h"
#include "data/text/tokenizer.h"
#include "kernels/notices.h"
#include "kernels/pool.h"
#include "kernels/status.h"

typedef enum { COMPLETION_LOSS_AUTO, COMPLETION_LOSS_ONLY, COMPLETION_LOSS_ALL } CompletionLoss;

typedef struct {
    const Tokenizer    *tokenizer;       /* NULL only for rows of tokens */
    const char         *cache_for;       /* the tokenizer's folder or file: large data are kept encoded on disk (encode_key.h); NULL: not */
    const ChatTemplate *chat_template;   /* NULL: messages are refused */
    const char    *eos_token;            /* NULL: the tokenizer's */
    const char    *date;                 /* for templates that ask for today; see chat_template.h */
    int32_t        vocabulary;           /* ids must be below; 0: not checked */
    CompletionLoss completion_only_loss;
    bool           assistant_only_loss;
    bool           prompt_is_meant;      /* assistant_only_loss false was asked for: that the prompt is trained is no finding */
    const int32_t *end;                  /* [n_ends] tokens that end an answer, besides eos: generation_config.json may name others */
    int            n_ends;
    bool           keep_going;           /* a row that cannot be encoded is a finding and an example without tokens, not the end */
    bool           no_eos;               /* a plain text stays as it is */
    bool           add_generation_prompt;    /* messages are rendered up to where the assistant's turn begins */
} EncodeOptions;

/* One example per row, in order, whole, and what was found wrong with the rows (findings.h). The result does not depend on the
 * number of threads. On failure both are {0}. */
struct Findings;
Status encode_rows(const Rows *, const EncodeOptions *, Pool *, Notices *, struct Findings *, Examples *out);

#endif
