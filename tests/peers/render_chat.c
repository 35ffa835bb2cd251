/* Renders for the scripts in this folder: one request a line on stdin, one reply a line on stdout.
 *   {"template", "messages", "tools", "documents", "variables", "add_generation_prompt", "continue_final_message", "date",
 *    "training": render with the training template}
 *   -> {"text", "spans": [[begin, end]]} or {"error"} */
#include <stdio.h>
#include <stdlib.h>

#include "data/text/chat_template.h"

static Status open_template(ChatTemplate **out, const Json *request)
{
    ChatTemplate *own = NULL;
    const char *family, *source = json_string(json_get(request, "template"));
    TRY(chat_template_open(&own, "template", source ? source : ""));
    *out = own;
    if (!json_bool(json_get(request, "training"))) return STATUS_OK;
    *out = chat_template_for_training(own, &family);
    chat_template_close(own);
    return *out ? STATUS_OK : fail(STATUS_INPUT, "no training template for it");
}

static Json *reply(const Json *request)
{
    Json *out = json_new_object();
    ChatTemplate *template = NULL;
    ChatText text = {0};
    Status status = open_template(&template, request);
    if (status == STATUS_OK) {
        ChatInput input = {
            .messages = json_get(request, "messages"), .tools = json_get(request, "tools"), .documents = json_get(request, "documents"),
            .variables = json_get(request, "variables"), .date = json_string(json_get(request, "date")),
            .add_generation_prompt = json_bool(json_get(request, "add_generation_prompt")),
            .continue_final_message = json_bool(json_get(request, "continue_final_message")),
        };
        status = chat_template_render(template, &input, &text);
    }
    if (status != STATUS_OK) {
        json_set(out, "error", json_new_string(status_message()));
    } else {
        Json *spans = json_new_array();
        for (int i = 0; i < text.n_spans; i++) {
            Json *span = json_new_array();
            json_push(span, json_new_integer((int64_t)text.span[i].begin));
            json_push(span, json_new_integer((int64_t)text.span[i].end));
            json_push(spans, span);
        }
        json_set(out, "text", json_new_string(text.text));
        json_set(out, "spans", spans);
    }
    chat_text_free(&text);
    chat_template_close(template);
    return out;
}

int main(void)
{
    char *line = NULL;
    size_t cap = 0;
    for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;) {
        Json *request = NULL, *answer;
        Buffer out = {0};
        if (json_parse(&request, "request", line, (size_t)n) == STATUS_OK) answer = reply(request);
        else json_set(answer = json_new_object(), "error", json_new_string(status_message()));
        json_print(&out, answer, (JsonStyle){0});
        puts(out.data);
        buffer_free(&out);
        json_free(answer);
        json_free(request);
    }
    free(line);
    return 0;
}
