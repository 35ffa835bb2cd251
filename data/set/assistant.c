#include "data/set/assistant.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static bool is_assistant(const Json *message)
{
    const char *role = json_string(json_get(message, "role"));
    return role && !strcmp(role, "assistant");
}

static Json *first_messages(const Json *messages, int64_t n)
{
    Json *first = json_new_array();
    for (const Json *message = json_first(messages); n-- > 0; message = json_next(message)) json_push(first, json_copy(message));
    return first;
}

/* Renders the first `n` messages: how long that is, and how much of it `full` begins with. */
typedef struct { size_t length, shared; } Beginning;

static Status measure(const ChatTemplate *chat_template, ChatInput input, int64_t n, bool prompt, const ChatText *full, Beginning *out)
{
    ChatText text = {0};
    Json *messages = first_messages(input.messages, n);
    input.messages = messages;
    input.add_generation_prompt = prompt;
    Status status = chat_template_render(chat_template, &input, &text);
    *out = (Beginning){ .length = text.n };
    while (out->shared < text.n && out->shared < full->n && text.text[out->shared] == full->text[out->shared]) out->shared++;
    chat_text_free(&text);
    json_free(messages);
    return status;
}

static Status find_turn(const ChatTemplate *chat_template, const ChatInput *input, int64_t k, const ChatText *full, AssistantSpans *out)
{
    Beginning before, prompt, after;
    out->unfound++;
    if (!k) return STATUS_OK;
    TRY(measure(chat_template, *input, k, false, full, &before));
    TRY(measure(chat_template, *input, k, true, full, &prompt));
    TRY(measure(chat_template, *input, k + 1, false, full, &after));
    if (before.shared < before.length || after.shared < after.length || prompt.shared < before.length || after.length <= prompt.shared) return STATUS_OK;
    out->unfound--;
    MEMORY_PUSH(out->span, out->n, out->cap) = (ChatSpan){ prompt.shared, after.length };
    return STATUS_OK;
}

Status assistant_find(const ChatTemplate *chat_template, const ChatInput *input, const ChatText *full, AssistantSpans *out)
{
    int64_t k = 0;
    for (const Json *message = json_first(input->messages); message; message = json_next(message), k++) {
        if (is_assistant(message)) TRY(find_turn(chat_template, input, k, full, out));
    }
    return STATUS_OK;
}

static bool begins_with(const ChatTemplate *chat_template, const ChatInput *input, int64_t n, bool prompt, const ChatText *full)
{
    Beginning beginning;
    return measure(chat_template, *input, n, prompt, full, &beginning) == STATUS_OK && beginning.shared == beginning.length;
}

bool assistant_sees_the_same(const ChatTemplate *chat_template, const ChatInput *input, const ChatText *full)
{
    int64_t k = 0, last = 0, before = 0;
    for (const Json *message = json_first(input->messages); message; message = json_next(message), k++)
        if (is_assistant(message)) before = last, last = k;
    if (last && !begins_with(chat_template, input, last, true, full)) return false;
    return !before || begins_with(chat_template, input, before + 1, false, full);
}

void assistant_free(AssistantSpans *spans)
{
    free(spans->span);
    *spans = (AssistantSpans){0};
}

/* The first token over a byte; tokens->n when there is none. */
static int64_t token_over(const Tokens *tokens, size_t byte)
{
    int64_t t = 0;
    while (t < tokens->n && !(tokens->begin[t] <= byte && byte < tokens->end[t])) t++;
    return t;
}

bool assistant_mark(const ChatSpan *span, int n, const Tokens *tokens, bool *trained)
{
    bool any = false;
    for (int i = 0; i < n; i++) {
        int64_t first = token_over(tokens, span[i].begin), last = span[i].end ? token_over(tokens, span[i].end - 1) : tokens->n;
        if (first == tokens->n) break;
        for (int64_t t = first; t <= last && t < tokens->n; t++) any = trained[t] = true;
    }
    return any;
}
