/* What a model is given to read, as tokens.
 *
 * Messages are rendered with the chat template, up to where the assistant's turn begins; a last message that is the assistant's
 * is gone on with. A prompt is one message of the user where there is a chat template, as people expect of a model that
 * chats; with `raw`, or where there is none, it is plain text to go on from, with the special tokens that the tokenizer adds.
 * The template is the first of: chat_template_path, the adapter folder's chat_template.jinja, the tokenizer's own. */
#ifndef TRAIN_DEPLOY_PROMPT_H
#define TRAIN_DEPLOY_PROMPT_H
#include "data/text/tokenizer.h"
#include "train/deploy/generate_options.h"

/* `ids` are below `vocabulary`. Says in a notice how `prompt` was read. */
Status prompt_encode(const GenerateOptions *, const Tokenizer *, int64_t vocabulary, Notices *, Tokens *out);

#endif
