/* Byte-level vocabularies that come without the rest of a tokenizer. Which tokens are added to them, in which order, and what
 * stands around a text is then what transformers' class makes of the files beside:
 *
 *     of tiktoken files first, as special tokens: those of added_tokens_decoder behind the vocabulary, with the ids between them
 *     filled up, and the extra special tokens; then added_tokens_decoder (or else added_tokens.json) by id; then bos, eos, unk, sep,
 *     pad, cls and mask, named there or by the class; then further tokens that have a name, and those that have none.
 *
 * The order decides the ids of tokens that the vocabulary lacks. special_tokens_map.json counts where there is no
 * added_tokens_decoder, and before tokenizer_config.json. bos and eos are put around a text only if add_bos_token and
 * add_eos_token say so. */
#ifndef DATA_TEXT_BARE_VOCABULARY_H
#define DATA_TEXT_BARE_VOCABULARY_H
#include "data/text/pipeline_spec.h"
#include "data/text/tokenizer_parts.h"

/* `t` has its model. Takes the specs of normalizer and pre-tokenizer. */
typedef struct { Json *normalizer, *pre_tokenizer; bool tiktoken; } BarePipeline;
Status bare_vocabulary_finish(Tokenizer *, const FolderConfig *, BarePipeline, const char *file, Notices *);

#endif
