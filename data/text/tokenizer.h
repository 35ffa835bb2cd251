/* Text to token ids and back, as Hugging Face tokenizers does it.
 *
 * A Tokenizer is what a model folder or a GGUF file says about text: the vocabulary and its pipeline, which strings are
 * bos, eos, pad and unk, the chat template, and the files that must travel with an adapter. tokenizer.json decides how text
 * is split (tokenizers 0.23 is the oracle); tokenizer_config.json decides which token plays which part. From GGUF, the
 * pre-tokenizer is known by name only (tokenizer.ggml.pre).
 *
 * Encoding is pure: one Tokenizer may be used by many threads at once.
 *
 * Files: tokenizer.c runs the pipeline added_tokens -> normalizer -> added_tokens -> pre_tokenizer -> model -> post_processor
 * over an aligned text; decoder goes back. A further kind of model is a row of token_model.c. Files other than a tokenizer.json
 * (tokenizer_gguf.c, tokenizer_sentence_piece.c, tokenizer_tekken.c, tokenizer_tiktoken.c, tokenizer_vocab_merges.c) fill the vocabulary
 * and write the rest down as one. */
#ifndef DATA_TEXT_TOKENIZER_H
#define DATA_TEXT_TOKENIZER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/buffer.h"
#include "kernels/notices.h"
#include "kernels/status.h"

typedef struct Tokenizer Tokenizer;

/* Ids with the byte range [begin, end) of the given text that each came from. {0} is empty; encoding appends. As in the
 * reference: a token with part of a code point has all of it as its range; blanks at a token's ends are outside when the model's
 * post-processor trims; what a normal form composed has the range of its first code point; special tokens put around a text have
 * [0, 0). So ranges may be empty, may overlap, and need not cover the text. */
typedef struct { int32_t *id; uint32_t *begin, *end; int64_t n, cap; } Tokens;
void tokens_free(Tokens *);

/* `path`: a model folder (tokenizer.json, or else tekken.json, a SentencePiece or tiktoken file, or vocab.json and merges.txt;
 * tokenizer_config.json, chat_template.jinja, …) or a .gguf file. */
Status tokenizer_open(Tokenizer **, const char *path, Notices *);
void   tokenizer_close(Tokenizer *);                                   /* accepts NULL */

/* STATUS_INPUT: not UTF-8, longer than 256 MiB, or too hard for the model's regex; `out` is then as it was. */
Status  tokenizer_encode(const Tokenizer *, const char *text, size_t n, bool add_special_tokens, Tokens *out);
/* Appends. Ids that are no token give nothing. */
void    tokenizer_decode(const Tokenizer *, const int32_t *ids, int64_t n, bool skip_special_tokens, Buffer *out);

const char *tokenizer_kind(const Tokenizer *);                         /* "BPE": the model's type in tokenizer.json */
int32_t     tokenizer_size(const Tokenizer *);                         /* largest id + 1, added tokens included */
int32_t     tokenizer_id(const Tokenizer *, const char *token);        /* -1: no such token */
const char *tokenizer_token(const Tokenizer *, int32_t id);            /* the vocabulary's spelling; NULL outside */

/* Which token plays which part; ids are -1 and strings NULL when the model names none. */
typedef enum { TOKEN_BOS, TOKEN_EOS, TOKEN_PAD, TOKEN_UNK, TOKEN_PARTS } TokenPart;
int32_t     tokenizer_part_id(const Tokenizer *, TokenPart);
const char *tokenizer_part(const Tokenizer *, TokenPart);

const char *tokenizer_chat_template(const Tokenizer *);                /* "default" among several; NULL: none */
const char *tokenizer_tool_template(const Tokenizer *);                /* "tool_use", for conversations with tools; NULL: the one above */

/* Writes what Trainer would save beside an adapter: tokenizer.json, tokenizer_config.json, chat_template.jinja. A folder's files
 * as they are; from files other than a tokenizer.json, equal ones. `dir` must exist. */
Status tokenizer_save(const Tokenizer *, const char *dir);

#endif
