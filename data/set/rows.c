#include "data/set/rows.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static const char accepted[] = "accepted: input_ids, or prompt and completion, or messages, or conversations, or text, or instruction and output";

RowPlace rows_place(const Rows *rows, int64_t i) { return mixture_place(&rows->from, i); }

Status rows_fail(const Rows *rows, int64_t i, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    RowPlace place = rows_place(rows, i);
    return fail(STATUS_INPUT, "%s:%lld: %s", place.path, (long long)place.line, text);
}

/* Kinds ------------------------------------------------------------------------------------------------------------- */

static const Json *column(const Json *document, const char *name)
{
    const Json *value = json_get(document, name);
    return json_kind(value) == JSON_NULL ? NULL : value;
}

static void list_columns(Buffer *out, const Json *document)
{
    for (const Json *item = json_first(document); item; item = json_next(item))
        buffer_format(out, "%s%s", out->len ? ", " : "", json_key(item));
    if (!out->len) buffer_add_string(out, "none");
}

static Status fail_columns(const Rows *rows, const Json *document)
{
    Buffer found = {0};
    list_columns(&found, document);
    const char *named = strcmp(rows->text_field, "text") ? rows->text_field : "";
    Status status = rows_fail(rows, 0, "no column that can be trained on; found: %s; %s%s%s%s", found.data, accepted,
                              *named ? " (dataset_text_field is \"" : "", named, *named ? "\")" : "");
    buffer_free(&found);
    return status;
}

static Status decide_kind(Rows *rows, const Json *document)
{
    const Json *prompt = column(document, "prompt"), *completion = column(document, "completion");
    rows->alpaca = !(prompt && completion) && column(document, "instruction") && column(document, "output");
    if (column(document, "input_ids")) rows->kind = ROW_TOKENS;
    else if (prompt && completion) rows->kind = json_kind(prompt) == JSON_ARRAY ? ROW_PROMPT_COMPLETION_MESSAGES : ROW_PROMPT_COMPLETION;
    else if (column(document, "messages") || column(document, "conversations")) rows->kind = ROW_MESSAGES;
    else if (column(document, rows->text_field)) rows->kind = ROW_TEXT;
    else if (rows->alpaca) rows->kind = ROW_PROMPT_COMPLETION;
    else return fail_columns(rows, document);
    rows->has_labels = column(document, "labels");
    rows->has_completion_mask = column(document, "completion_mask");
    rows->has_assistant_masks = column(document, "assistant_masks");
    return STATUS_OK;
}

static bool one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names)) return true;
    return false;
}

static bool is_read(const Rows *rows, const Json *document, const char *name)
{
    static const char *const tokens[] = { "input_ids", "labels", "completion_mask", "assistant_masks", NULL };
    static const char *const pair[] = { "prompt", "completion", "tools", "chat_template_kwargs", NULL };
    static const char *const alpaca[] = { "instruction", "input", "output", NULL };
    static const char *const messages[] = { "messages", "tools", "chat_template_kwargs", NULL };
    static const char *const conversations[] = { "conversations", "tools", "chat_template_kwargs", NULL };
    switch (rows->kind) {
    case ROW_TOKENS: return one_of(name, tokens);
    case ROW_PROMPT_COMPLETION: return rows->alpaca ? one_of(name, alpaca) : !strcmp(name, "prompt") || !strcmp(name, "completion");
    case ROW_PROMPT_COMPLETION_MESSAGES: return one_of(name, pair);
    case ROW_MESSAGES: return one_of(name, column(document, "messages") ? messages : conversations);
    case ROW_TEXT: return !strcmp(name, rows->text_field);
    }
    return false;
}

static void notice_unread(const Rows *rows, const Json *document, Notices *notices)
{
    Buffer unread = {0};
    for (const Json *item = json_first(document); item; item = json_next(item))
        if (!is_read(rows, document, json_key(item))) buffer_format(&unread, "%s%s", unread.len ? ", " : "", json_key(item));
    if (unread.len) notice(notices, "%s: columns that are not read: %s", rows->from.name, unread.data);
    buffer_free(&unread);
}

static void notice_roles(const Rows *rows, const Row *row, Notices *notices)
{
    for (const Json *message = json_first(row->messages); message; message = json_next(message)) {
        const char *role = json_string(json_get(message, "role"));
        if (!strcmp(role, "human") || !strcmp(role, "gpt"))
            notice(notices, "%s: the role \"%s\" goes to the chat template as it stands; templates know \"user\" and \"assistant\"",
                   rows->from.name, role);
    }
}

Status rows_open(Rows *rows, const DataMix *mix, const char *text_field, Notices *notices)
{
    Status status = STATUS_OK;
    Json *document = NULL;
    Row row = {0};
    *rows = (Rows){ .text_field = memory_string(text_field ? text_field : "text") };
    TRY_GOTO(done, status, mixture_open(&rows->from, mix, notices));
    rows->n = rows->from.n;
    TRY_GOTO(done, status, mixture_row(&rows->from, 0, &document));
    TRY_GOTO(done, status, decide_kind(rows, document));
    TRY_GOTO(done, status, rows_read(rows, 0, &row));
    notice_unread(rows, document, notices);
    notice_roles(rows, &row, notices);
done:
    row_free(&row);
    json_free(document);
    if (status != STATUS_OK) rows_close(rows);
    return status;
}

void rows_close(Rows *rows)
{
    mixture_close(&rows->from);
    free(rows->text_field);
    *rows = (Rows){0};
}

/* One row ----------------------------------------------------------------------------------------------------------- */

typedef struct { const Rows *rows; int64_t i; const Json *document; } Place;

static Status get(Place place, const char *name, JsonKind kind, const char *expected, const Json **value)
{
    *value = json_get(place.document, name);
    if (!*value) return rows_fail(place.rows, place.i, "\"%s\" is missing; the first row has it", name);
    if (json_kind(*value) == kind) return STATUS_OK;
    return rows_fail(place.rows, place.i, "\"%s\" is %s, expected %s", name, json_kind_name(*value), expected);
}

static Status get_string(Place place, const char *name, const char **text)
{
    const Json *value;
    TRY(get(place, name, JSON_STRING, "a string", &value));
    *text = json_string(value);
    return STATUS_OK;
}

static Status get_list(Place place, const char *name, const Json **list) { return get(place, name, JSON_ARRAY, "a list", list); }

static Status check_message(Place place, const char *name, const Json *message, int64_t at)
{
    const Json *content = json_get(message, "content");
    if (json_kind(message) != JSON_OBJECT)
        return rows_fail(place.rows, place.i, "message %lld of \"%s\" is %s, expected an object", (long long)at, name, json_kind_name(message));
    if (!json_string(json_get(message, "role")))
        return rows_fail(place.rows, place.i, "message %lld of \"%s\" has no role", (long long)at, name);
    if (json_kind(content) == JSON_STRING || json_kind(content) == JSON_ARRAY) return STATUS_OK;
    if (json_kind(content) == JSON_NULL && json_count(json_get(message, "tool_calls"))) return STATUS_OK;
    return rows_fail(place.rows, place.i, "message %lld of \"%s\" (%s): content is %s, expected a string", (long long)at, name,
                     json_string(json_get(message, "role")), content ? json_kind_name(content) : "missing");
}

static Status get_messages(Place place, const char *name, const Json **messages)
{
    int64_t at = 1;
    TRY(get_list(place, name, messages));
    if (!json_first(*messages)) return rows_fail(place.rows, place.i, "\"%s\" is empty, expected at least one message", name);
    for (const Json *message = json_first(*messages); message; message = json_next(message), at++) TRY(check_message(place, name, message, at));
    return STATUS_OK;
}

/* {from, value} to {role, content}, whatever else a message has. */
static Json *with_roles(const Json *conversations)
{
    Json *messages = json_new_array();
    for (const Json *old = json_first(conversations); old; old = json_next(old)) {
        Json *message = json_kind(old) == JSON_OBJECT ? json_new_object() : json_copy(old);
        for (const Json *member = json_kind(old) == JSON_OBJECT ? json_first(old) : NULL; member; member = json_next(member)) {
            const char *key = json_key(member);
            json_set(message, !strcmp(key, "from") ? "role" : !strcmp(key, "value") ? "content" : key, json_copy(member));
        }
        json_push(messages, message);
    }
    return messages;
}

static Status read_messages(Place place, Row *row)
{
    if (column(place.document, "messages") || !column(place.document, "conversations")) return get_messages(place, "messages", &row->messages);
    const Json *conversations;
    TRY(get_list(place, "conversations", &conversations));
    row->converted = json_new_object();
    json_set(row->converted, "conversations", with_roles(conversations));
    return get_messages((Place){ place.rows, place.i, row->converted }, "conversations", &row->messages);
}

static Status check_integers(Place place, const char *name, const Json *list, int64_t n)
{
    int64_t count = 0;
    for (const Json *item = json_first(list); item; item = json_next(item), count++)
        if (json_kind(item) != JSON_INTEGER || json_integer(item) < INT32_MIN || json_integer(item) > INT32_MAX)
            return rows_fail(place.rows, place.i, "item %lld of \"%s\" is %s, expected an integer of 32 bits", (long long)count + 1, name,
                             json_kind(item) == JSON_INTEGER ? "larger" : json_kind_name(item));
    if (count == n || n < 0) return STATUS_OK;
    return rows_fail(place.rows, place.i, "\"%s\" has %lld items, \"input_ids\" has %lld", name, (long long)count, (long long)n);
}

/* A mask that only some rows have would leave the others trained in full. */
static Status read_mask(Place place, const char *name, bool expected, int64_t n, const Json **list)
{
    if (!expected && column(place.document, name)) return rows_fail(place.rows, place.i, "\"%s\" is here but not in the first row", name);
    if (!expected) return STATUS_OK;
    TRY(get_list(place, name, list));
    return check_integers(place, name, *list, n);
}

static Status read_tokens(Place place, Row *row)
{
    TRY(get_list(place, "input_ids", &row->ids));
    TRY(check_integers(place, "input_ids", row->ids, -1));
    int64_t n = json_count(row->ids);
    TRY(read_mask(place, "labels", place.rows->has_labels, n, &row->labels));
    TRY(read_mask(place, "completion_mask", place.rows->has_completion_mask, n, &row->completion_mask));
    return read_mask(place, "assistant_masks", place.rows->has_assistant_masks, n, &row->assistant_masks);
}

static Status read_template_columns(Place place, Row *row)
{
    if (column(place.document, "chat_template_kwargs")) TRY(get(place, "chat_template_kwargs", JSON_OBJECT, "an object", &row->template_kwargs));
    row->tools = column(place.document, "tools");
    const char *written = json_string(row->tools);
    if (written) {
        char name[4096];
        RowPlace where = rows_place(place.rows, place.i);
        snprintf(name, sizeof name, "%s:%lld: \"tools\"", where.path, (long long)where.line);
        TRY(json_parse(&row->parsed_tools, name, written, strlen(written)));
        row->tools = json_kind(row->parsed_tools) == JSON_NULL ? NULL : row->parsed_tools;
    }
    if (!row->tools || json_kind(row->tools) == JSON_ARRAY) return STATUS_OK;
    return rows_fail(place.rows, place.i, "\"tools\" is %s, expected a list", json_kind_name(row->tools));
}

/* Alpaca's prompt around an instruction, and its input if there is one. */
static char *alpaca_prompt(const char *instruction, const char *input)
{
    if (!*input)
        return memory_format("Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
                             "### Instruction:\n%s\n\n### Response:\n", instruction);
    return memory_format("Below is an instruction that describes a task, paired with an input that provides further context. Write a response that "
                         "appropriately completes the request.\n\n### Instruction:\n%s\n\n### Input:\n%s\n\n### Response:\n", instruction, input);
}

static Status read_alpaca(Place place, Row *row)
{
    const char *instruction, *input = "";
    TRY(get_string(place, "instruction", &instruction));
    TRY(get_string(place, "output", &row->completion));
    if (column(place.document, "input")) TRY(get_string(place, "input", &input));
    char *prompt = alpaca_prompt(instruction, input);
    row->converted = json_new_string(prompt);
    row->prompt = json_string(row->converted);
    free(prompt);
    return STATUS_OK;
}

static Status read_kind(Place place, Row *row)
{
    switch (place.rows->kind) {
    case ROW_TOKENS: return read_tokens(place, row);
    case ROW_TEXT: return get_string(place, place.rows->text_field, &row->text);
    case ROW_PROMPT_COMPLETION:
        if (place.rows->alpaca) return read_alpaca(place, row);
        TRY(get_string(place, "prompt", &row->prompt));
        return get_string(place, "completion", &row->completion);
    case ROW_PROMPT_COMPLETION_MESSAGES:
        TRY(read_template_columns(place, row));
        TRY(get_messages(place, "prompt", &row->prompt_messages));
        return get_messages(place, "completion", &row->completion_messages);
    case ROW_MESSAGES:
        TRY(read_template_columns(place, row));
        return read_messages(place, row);
    }
    return STATUS_OK;
}

Status rows_read(const Rows *rows, int64_t i, Row *row)
{
    *row = (Row){0};
    Status status = mixture_row(&rows->from, i, &row->document);
    if (status == STATUS_OK) status = read_kind((Place){ rows, i, row->document }, row);
    if (status != STATUS_OK) row_free(row);
    return status;
}

void row_free(Row *row)
{
    json_free(row->document);
    json_free(row->converted);
    json_free(row->parsed_tools);
    *row = (Row){0};
}
