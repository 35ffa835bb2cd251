/* The components of a tokenizer.json written down, for tokenizers that come from other files: read as if they had come from
 * one, and saved as one. What is returned is the caller's, what is given in becomes part of it. */
#ifndef DATA_TEXT_PIPELINE_SPEC_H
#define DATA_TEXT_PIPELINE_SPEC_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/json.h"
#include "kernels/buffer.h"

/* An object of a type, with strings as its other members: key, value, …, NULL. */
Json *spec_component(const char *type, ...) __attribute__((sentinel));
Json *spec_replace(const char *kind, const char *pattern, const char *content);      /* kind: "String" or "Regex" */
Json *spec_split(const char *regex);                                                 /* every match, and what is between, is a piece */
Json *spec_sequence(const char *key, Json *list);
Json *spec_byte_level(bool trim_offsets, bool add_prefix_space, bool use_regex);
Json *spec_added_token(const char *content, int32_t id, bool special, bool rstrip);

/* A token before the text and one after it; NULL: none. Both missing: null. */
typedef struct { const char *token; int32_t id; } SpecToken;
Json *spec_post_processor(SpecToken before, SpecToken after);

/* The sentence pieces of a text: blanks become U+2581, and one is put in front. */
Json *spec_piece_normalizer(bool prefix);
Json *spec_piece_decoder(bool prefix);

/* The same after SentencePiece's normalizer: its charsmap, if any, then blanks at the ends go and several become one. */
Json *spec_sentence_normalizer(const Buffer *charsmap, bool remove_extra_blanks, bool prefix);

/* A tokenizer.json without model: the five components, null where NULL is given. */
typedef struct { Json *added_tokens, *normalizer, *pre_tokenizer, *post_processor, *decoder; } SpecPipeline;
Json *spec_pipeline(SpecPipeline);

#endif
