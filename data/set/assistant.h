/* Which bytes of a rendered conversation the assistant wrote, and which tokens these are.
 *
 * A template with {% generation %} says it; many that have none have a training template, which is the same with marks
 * (data/text/training_template.h). For all others, assistant turn k is what messages 0 … k add behind messages 0 … k-1 with
 * a generation prompt: what a model would have to write, its end-of-turn token included. Where the prompt is not what the whole
 * has there, the turn starts where they part. That needs a template which renders the beginning of a conversation as it renders
 * it in the whole; a turn for which it does not, and a turn without anything before it, is not found. */
#ifndef DATA_SET_ASSISTANT_H
#define DATA_SET_ASSISTANT_H
#include <stdbool.h>

#include "data/text/chat_template.h"
#include "data/text/tokenizer.h"
#include "kernels/status.h"

typedef struct { ChatSpan *span; int n, cap; int unfound; } AssistantSpans;     /* unfound: turns of the assistant without a span */

/* AssistantSpans by the difference of prefixes; `full` is the rendering of `input`. */
Status assistant_find(const ChatTemplate *, const ChatInput *input, const ChatText *full, AssistantSpans *out);
void   assistant_free(AssistantSpans *);                                            /* accepts {0} */

/* Whether `full`, the rendering of `input`, begins with what a model saw when it wrote the last answer (the messages before it, with
 * a generation prompt), and with the conversation as it stood after the answer before. */
bool   assistant_sees_the_same(const ChatTemplate *, const ChatInput *input, const ChatText *full);

/* trained[t] = true for the tokens of the spans: from the token over a span's first byte to the first one over its last, as
 * transformers maps them (return_assistant_tokens_mask). True when any token is. */
bool   assistant_mark(const ChatSpan *, int n, const Tokens *, bool *trained);

#endif
