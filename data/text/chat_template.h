/* Chat templates: an interpreter for the part of Jinja2 that released templates use, rendering as transformers does
 * (ImmutableSandboxedEnvironment, trim_blocks, lstrip_blocks, loop controls, {% generation %}).
 *
 * Templates come from outside and are untrusted: steps, recursion and output are limited, and a hostile template ends with
 * an error that names line and column of the template, never with a hang. */
#ifndef DATA_TEXT_CHAT_TEMPLATE_H
#define DATA_TEXT_CHAT_TEMPLATE_H
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "data/file/json.h"
#include "kernels/status.h"

typedef struct ChatTemplate ChatTemplate;

Status chat_template_open(ChatTemplate **, const char *name, const char *source);   /* `name` for messages */
/* A second template, which conversations with tools take: the one that a model names tool_use. */
Status chat_template_add_tool_use(ChatTemplate *, const char *name, const char *source);
void   chat_template_close(ChatTemplate *);                                         /* accepts NULL */
const char *chat_template_source(const ChatTemplate *);
const char *chat_template_tool_use_source(const ChatTemplate *);                    /* NULL: none */
bool   chat_template_marks_generation(const ChatTemplate *);                        /* has {% generation %} */

/* The same template, for all conversations, with {% generation %} around what the assistant writes, for the caller to close, and whose it is; NULL where
 * graft knows no marks for it (training_template.h). It renders the same text. */
ChatTemplate *chat_template_for_training(const ChatTemplate *, const char **family);

typedef struct {
    const Json *messages;                  /* a list of objects */
    const Json *tools, *documents;         /* NULL: None */
    const Json *variables;                 /* an object: special tokens by name (bos_token, …), chat_template_kwargs; NULL: none */
    bool add_generation_prompt, continue_final_message;
    const char *date;                      /* "YYYY-MM-DD" for strftime_now; NULL: today */
} ChatInput;

bool chat_date(const char *date, struct tm *day);      /* its midnight; false: not a day of the form YYYY-MM-DD */

/* Text with the byte ranges that {% generation %} marked, in order. */
typedef struct { size_t begin, end; } ChatSpan;
typedef struct { char *text; size_t n; ChatSpan *span; int n_spans, cap; } ChatText;

Status chat_template_render(const ChatTemplate *, const ChatInput *, ChatText *out);
void   chat_text_free(ChatText *);

#endif
