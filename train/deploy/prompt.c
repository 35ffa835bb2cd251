#include "train/deploy/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/mapped.h"
#include "data/file/path.h"
#include "data/text/chat_template.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

/* The template: its source, the one for tools (NULL: the same), and what messages call it */

typedef struct { char *source, *name, *tool_use; } TemplateText;

static void template_text_free(TemplateText *t)
{
    free(t->source);
    free(t->name);
    free(t->tool_use);
}

static Status read_template(TemplateText *out, const char *path)
{
    Mapped file = {0};
    TRY(mapped_open(&file, path));
    size_t broken, valid = utf8_valid((const char *)file.bytes, file.n_bytes, &broken);
    Status status = valid < file.n_bytes || (valid && memchr(file.bytes, 0, valid)) ? fail(STATUS_INPUT, "%s: not UTF-8 text", path) : STATUS_OK;
    if (status == STATUS_OK) *out = (TemplateText){ .source = memory_format("%.*s", (int)file.n_bytes, (const char *)file.bytes), .name = memory_string(path) };
    mapped_close(&file);
    return status;
}

static Status template_of_folder(TemplateText *out, const char *path, Notices *notices)
{
    Tokenizer *other = NULL;
    TRY(tokenizer_open(&other, path, notices));
    const char *source = tokenizer_chat_template(other);
    Status status = source ? STATUS_OK : fail(STATUS_INPUT, "%s: its tokenizer has no chat template", path);
    if (source) *out = (TemplateText){ .source = memory_string(source), .name = memory_string(path) };
    tokenizer_close(other);
    return status;
}

/* Those that were saved with an adapter: DIR/chat_template.jinja, and the one for tools where there is one. */
static Status templates_of_adapter(TemplateText *out, const char *dir, const char *path)
{
    TRY(read_template(out, path));
    char *tool_use = memory_format("%s/additional_chat_templates/tool_use.jinja", dir);
    TemplateText other = {0};
    Status status = path_exists(tool_use) ? read_template(&other, tool_use) : STATUS_OK;
    out->tool_use = memory_string(other.source);
    template_text_free(&other);
    free(tool_use);
    return status;
}

/* {0}: there is none. */
static Status find_template(TemplateText *out, const GenerateOptions *o, const Tokenizer *tokenizer, Notices *notices)
{
    *out = (TemplateText){0};
    const char *own = tokenizer_chat_template(tokenizer), *tool_use = tokenizer_tool_template(tokenizer);
    if (o->chat_template_path)
        return path_is_folder(o->chat_template_path) ? template_of_folder(out, o->chat_template_path, notices) : read_template(out, o->chat_template_path);
    char *adapters = o->adapter_name_or_path ? memory_format("%s/chat_template.jinja", o->adapter_name_or_path) : NULL;
    Status status = STATUS_OK;
    if (adapters && path_exists(adapters)) status = templates_of_adapter(out, o->adapter_name_or_path, adapters);
    else if (own) *out = (TemplateText){ .source = memory_string(own), .name = memory_string("chat template"), .tool_use = memory_string(tool_use) };
    free(adapters);
    return status;
}

/* The text */

static Json *variables(const Tokenizer *tokenizer, const Json *more)
{
    static const char *const names[TOKEN_PARTS] = { "bos_token", "eos_token", "pad_token", "unk_token" };
    Json *out = json_new_object();
    for (int part = 0; part < TOKEN_PARTS; part++)
        if (tokenizer_part(tokenizer, (TokenPart)part)) json_set(out, names[part], json_new_string(tokenizer_part(tokenizer, (TokenPart)part)));
    for (const Json *item = json_first(more); item; item = json_next(item)) json_set(out, json_key(item), json_copy(item));
    return out;
}

/* `chat`: a list of messages, or an object that has it beside tools, documents and chat_template_kwargs. */
static Status render(const TemplateText *template, const Tokenizer *tokenizer, const Json *chat, const char *path, ChatText *out)
{
    const Json *messages = json_kind(chat) == JSON_OBJECT ? json_get(chat, "messages") : chat, *last = NULL;
    if (json_kind(messages) != JSON_ARRAY || !json_count(messages))
        return fail(STATUS_INPUT, "%s: expected a list of messages, or an object whose \"messages\" is one, found %s", path,
                    json_kind(messages) == JSON_ARRAY ? "an empty list" : json_kind(chat) == JSON_OBJECT && !messages ? "an object without it" : json_kind_name(messages));
    last = json_at(messages, json_count(messages) - 1);
    const char *role = json_string(json_get(last, "role"));
    bool going_on = role && !strcmp(role, "assistant");
    ChatTemplate *t = NULL;
    Json *named = variables(tokenizer, json_get(chat, "chat_template_kwargs"));
    ChatInput input = { .messages = messages, .tools = json_get(chat, "tools"), .documents = json_get(chat, "documents"), .variables = named,
                        .add_generation_prompt = !going_on, .continue_final_message = going_on };
    Status status = chat_template_open(&t, template->name, template->source);
    if (status == STATUS_OK && template->tool_use) status = chat_template_add_tool_use(t, template->name, template->tool_use);
    if (status == STATUS_OK) status = chat_template_render(t, &input, out);
    chat_template_close(t);
    json_free(named);
    return status;
}

static Json *one_message(const char *text)
{
    Json *list = json_new_array(), *message = json_new_object();
    json_set(message, "role", json_new_string("user"));
    json_set(message, "content", json_new_string(text));
    json_push(list, message);
    return list;
}

static Status render_chat(const GenerateOptions *o, const TemplateText *template, const Tokenizer *tokenizer, ChatText *out)
{
    Json *chat = NULL;
    if (o->messages) TRY(json_read(&chat, o->messages), "messages");
    else chat = one_message(o->prompt);
    Status status = render(template, tokenizer, chat, o->messages ? o->messages : "prompt", out);
    json_free(chat);
    return status;
}

/* The tokens */

static Status check(const Tokens *tokens, int64_t vocabulary)
{
    if (!tokens->n) return fail(STATUS_INPUT, "prompt: it has no token; the model needs one to go on from");
    for (int64_t i = 0; i < tokens->n; i++)
        if (tokens->id[i] >= vocabulary)
            return fail(STATUS_INPUT, "the tokenizer gives token %d, the model's vocabulary has %lld; they do not belong together", tokens->id[i], (long long)vocabulary);
    return STATUS_OK;
}

static Status encode_chat(const GenerateOptions *o, const TemplateText *template, const Tokenizer *tokenizer, Tokens *out)
{
    ChatText text = {0};
    Status status = render_chat(o, template, tokenizer, &text);
    if (status == STATUS_OK) status = tokenizer_encode(tokenizer, text.text, text.n, false, out);
    chat_text_free(&text);
    return status;
}

Status prompt_encode(const GenerateOptions *o, const Tokenizer *tokenizer, int64_t vocabulary, Notices *notices, Tokens *out)
{
    TemplateText template = {0};
    if (!o->raw) TRY(find_template(&template, o, tokenizer, notices), "chat template");
    Status status;
    if (template.source) status = encode_chat(o, &template, tokenizer, out);
    else if (o->messages) status = fail(STATUS_INPUT, "messages: the model has no chat template; give one with chat_template_path");
    else status = tokenizer_encode(tokenizer, o->prompt, strlen(o->prompt), true, out);
    if (status == STATUS_OK && o->prompt && template.source) notice(notices, "prompt is one message of the user, rendered with the chat template; --raw gives it as it is");
    template_text_free(&template);
    return status == STATUS_OK ? check(out, vocabulary) : status;
}
