/* The conversation around the interpreter: what a template is given, as transformers' render_jinja_template gives it, and
 * where the text ends when the last message is to be continued. */
#include "data/text/chat_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/jinja/jinja.h"
#include "data/text/jinja/operators.h"
#include "data/text/jinja/text.h"
#include "data/text/training_template.h"
#include "kernels/memory.h"

struct ChatTemplate { Jinja jinja, tool_use; bool has_tool_use; };

/* Stands behind the last message's content while the template renders; the text is cut where it comes out. */
#define CONTINUE_TAG "CONTINUE_FINAL_MESSAGE_TAG"

Status chat_template_open(ChatTemplate **template, const char *name, const char *source)
{
    ChatTemplate *made = memory_new(1, sizeof *made);
    Status status = jinja_open(&made->jinja, name, source);
    if (status == STATUS_OK) *template = made;
    else free(made);
    return status;
}

Status chat_template_add_tool_use(ChatTemplate *template, const char *name, const char *source)
{
    TRY(jinja_open(&template->tool_use, name, source));
    template->has_tool_use = true;
    return STATUS_OK;
}

void chat_template_close(ChatTemplate *template)
{
    if (!template) return;
    jinja_close(&template->jinja);
    jinja_close(&template->tool_use);
    free(template);
}

const char *chat_template_source(const ChatTemplate *template) { return template->jinja.source; }
const char *chat_template_tool_use_source(const ChatTemplate *template) { return template->has_tool_use ? template->tool_use.source : NULL; }

bool chat_template_marks_generation(const ChatTemplate *template) { return template->jinja.marks_generation; }

ChatTemplate *chat_template_for_training(const ChatTemplate *template, const char **family)
{
    ChatTemplate *made = NULL;
    char *marked = training_template(template->jinja.source, family);
    if (marked && chat_template_open(&made, template->jinja.name, marked) != STATUS_OK) made = NULL;
    free(marked);
    return made;
}

static Value member(Work *w, Value dict, const char *key)
{
    const Value *found = dict_find(w, dict.dict, value_text(key));
    return found ? *found : value_none();
}

/* Reasoning goes by several names; a template may read any of them. */
static Value with_reasoning(Work *w, Value message)
{
    static const char *const fields[] = { "reasoning_content", "thinking", "reasoning" };
    Value reasoning = value_none();
    for (int i = 0; i < 3 && value_is(reasoning, KIND_NONE); i++) reasoning = member(w, message, fields[i]);
    if (value_is(reasoning, KIND_NONE)) return message;
    Value copy = value_dict(w);
    dict_set(w, copy.dict, value_text("thinking"), reasoning);
    dict_update(w, copy.dict, message.dict);
    dict_set(w, copy.dict, value_text("reasoning_content"), reasoning);
    return copy;
}

/* Keys that are null are absent: services write `content` and `tool_calls` so, and templates test whether a key is there. */
static Value without_nulls(Work *w, Value message)
{
    Value copy = value_dict(w);
    for (uint32_t i = 0; i < message.dict->n; i++)
        if (!value_is(message.dict->entry[i].value, KIND_NONE)) dict_set(w, copy.dict, message.dict->entry[i].key, message.dict->entry[i].value);
    return copy;
}

static Value objects(Work *w, const char *name, const Json *json)
{
    Value list = value_json(w, json);
    if (!value_is(list, KIND_LIST)) jinja_raise(w, "%s: expected a list, found %s", name, json_kind_name(json));
    for (uint32_t i = 0; i < list.list->n; i++)
        if (!value_is(list.list->item[i], KIND_DICT))
            jinja_raise(w, "%s[%u]: expected an object, found %s", name, i, json_kind_name(json_at(json, i)));
    return list;
}

static Value objects_or_none(Work *w, const char *name, const Json *json)
{
    return json_kind(json) == JSON_NULL ? value_none() : objects(w, name, json);
}

static Value messages(Work *w, const Json *json)
{
    Value list = objects(w, "messages", json);
    for (uint32_t i = 0; i < list.list->n; i++) list.list->item[i] = with_reasoning(w, without_nulls(w, list.list->item[i]));
    return list;
}

/* The place that holds the text to continue: the content, or the text of its last part that has one. */
static Value *text_to_continue(Work *w, Value all)
{
    static const char where[] = "continue_final_message is set but";
    if (!all.list->n) jinja_raise(w, "%s there are no messages", where);
    Value *content = dict_find(w, all.list->item[all.list->n - 1].dict, value_text("content"));
    if (!content || value_is(*content, KIND_NONE)) jinja_raise(w, "%s the final message has no \"content\" to continue", where);
    if (!strstr(w->source, "content")) jinja_raise(w, "%s the template does not read \"content\"", where);
    if (value_is(*content, KIND_STRING)) return content;
    for (uint32_t i = value_is(*content, KIND_LIST) ? content->list->n : 0; i-- > 0;) {
        Value part = content->list->item[i];
        Value *text = value_is(part, KIND_DICT) ? dict_find(w, part.dict, value_text("text")) : NULL;
        if (text && value_is(*text, KIND_STRING)) return text;
    }
    jinja_raise(w, "%s the final message has no text to continue", where);
}

/* mktime turns what is no day into another; noon is on the same day whatever it makes of summer time. */
bool chat_date(const char *date, struct tm *day)
{
    int end = 0, year, month, mday;
    if (sscanf(date, "%4d-%2d-%2d%n", &year, &month, &mday, &end) != 3 || end != 10 || date[end]) return false;
    *day = (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = mday, .tm_hour = 12 };
    mktime(day);
    day->tm_hour = 0;
    return day->tm_year == year - 1900 && day->tm_mon == month - 1 && day->tm_mday == mday;
}

static void set(Work *w, Scope *scope, const char *name, Value value) { dict_set(w, &scope->names, value_text(name), value); }

/* `continued`: where the text to continue goes, for the caller to free. */
typedef struct { const ChatInput *input; char **continued; } Binding;

static void bind(Work *w, Scope *scope, const void *ctx)
{
    const Binding *binding = ctx;
    const ChatInput *input = binding->input;
    for (const Json *item = json_first(input->variables); item; item = json_next(item)) set(w, scope, json_key(item), value_json(w, item));
    Value all = messages(w, input->messages);
    if (input->continue_final_message) {
        Value *text = text_to_continue(w, all), bare = text_strip(*text, STRIP_BOTH, value_none());
        *binding->continued = memory_format("%.*s", (int)bare.n, bare.s);
        *text = operator_binary(w, OP_CONCAT, *text, value_text(CONTINUE_TAG " "));
    }
    set(w, scope, "messages", all);
    set(w, scope, "tools", objects_or_none(w, "tools", input->tools));
    set(w, scope, "documents", objects_or_none(w, "documents", input->documents));
    set(w, scope, "add_generation_prompt", value_bool(input->add_generation_prompt));
}

/* Cuts the text at the tag; where the template has trimmed the content, what stands before loses its spaces too. A template that
 * rewrites what is to be continued is refused. */
static Status cut_at_tag(const Jinja *jinja, const char *continued, ChatText *out)
{
    size_t n_tag = strlen(CONTINUE_TAG);
    Value text = value_string(out->text, out->n), tag = value_string(CONTINUE_TAG, n_tag);
    size_t at = text_find_last(text, tag);
    if (at == SIZE_MAX || text_find(text, value_text(continued), 0) == SIZE_MAX)
        return fail(STATUS_INPUT, "%s: continue_final_message is set but the template does not write the final message", jinja->name);
    bool trimmed = at + n_tag >= out->n || out->text[at + n_tag] != ' ';
    text = text_part(text, 0, at);
    if (trimmed) text = text_strip(text, STRIP_RIGHT, value_none());
    out->n = text.n;
    out->text[out->n] = 0;
    for (int i = 0; i < out->n_spans; i++) {
        if (out->span[i].begin > out->n) out->span[i].begin = out->n;
        if (out->span[i].end > out->n) out->span[i].end = out->n;
    }
    return STATUS_OK;
}

Status chat_template_render(const ChatTemplate *template, const ChatInput *input, ChatText *out)
{
    ChatText made = {0};
    const Jinja *jinja = template->has_tool_use && json_kind(input->tools) != JSON_NULL ? &template->tool_use : &template->jinja;
    if (input->continue_final_message && input->add_generation_prompt)
        return fail(STATUS_INPUT, "%s: continue_final_message and add_generation_prompt exclude each other", jinja->name);
    char *continued = NULL;
    Status status = jinja_render(jinja, bind, &(Binding){ input, &continued }, input->date, &made);
    if (continued && status == STATUS_OK) status = cut_at_tag(jinja, continued, &made);
    free(continued);
    if (status == STATUS_OK) *out = made;
    else chat_text_free(&made);
    return status;
}

void chat_text_free(ChatText *text)
{
    free(text->text);
    free(text->span);
    *text = (ChatText){0};
}
