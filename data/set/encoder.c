#include "data/set/encoder.h"

#include <stdlib.h>
#include <string.h>

#include "data/set/assistant.h"
#include "kernels/memory.h"

static void reserve(Encoded *e, int64_t n)
{
    if (n <= e->cap) return;
    e->cap = 2 * n;
    e->id = memory_grow(e->id, (size_t)e->cap, sizeof *e->id);
    e->label = memory_grow(e->label, (size_t)e->cap, sizeof *e->label);
}

void encoded_free(Encoded *e)
{
    free(e->id);
    free(e->label);
    chat_text_free(&e->text);
    *e = (Encoded){0};
}

/* Every token, all of them trained. */
static void take_tokens(Encoded *out, const Tokens *tokens)
{
    out->n = tokens->n;
    reserve(out, out->n);
    if (!out->n) return;
    memcpy(out->id, tokens->id, (size_t)out->n * sizeof *out->id);
    memcpy(out->label, tokens->id, (size_t)out->n * sizeof *out->label);
}

static void take_text(Encoded *out, Buffer *text)
{
    size_t n = text->len;
    chat_text_free(&out->text);
    out->text = (ChatText){ .text = buffer_take(text), .n = n };
}

/* Rows of tokens ---------------------------------------------------------------------------------------------------- */

static Status check_id(const Encoder *encoder, int64_t i, const char *column, int32_t id)
{
    int32_t size = encoder->options->vocabulary;
    if (id >= 0 && (!size || id < size)) return STATUS_OK;
    return rows_fail(encoder->rows, i, "\"%s\" holds %d, expected token ids from 0 to %d", column, id, size ? size - 1 : INT32_MAX);
}

static void apply_mask(Encoded *out, const Json *mask)
{
    int64_t t = 0;
    for (const Json *item = json_first(mask); item; item = json_next(item), t++)
        if (!json_integer(item)) out->label[t] = LABEL_NONE;
}

static Status encode_tokens(const Encoder *encoder, int64_t i, const Row *row, Encoded *out)
{
    int64_t t = 0;
    out->n = json_count(row->ids);
    reserve(out, out->n);
    for (const Json *item = json_first(row->ids); item; item = json_next(item), t++) {
        out->id[t] = out->label[t] = (int32_t)json_integer(item);
        TRY(check_id(encoder, i, "input_ids", out->id[t]));
    }
    t = 0;
    for (const Json *item = json_first(row->labels); item; item = json_next(item), t++) {
        out->label[t] = (int32_t)json_integer(item);
        if (out->label[t] != LABEL_NONE) TRY(check_id(encoder, i, "labels", out->label[t]));
    }
    if (row->labels) return STATUS_OK;
    if (encoder->completion_only) apply_mask(out, row->completion_mask);
    apply_mask(out, row->assistant_masks);
    return STATUS_OK;
}

/* Text -------------------------------------------------------------------------------------------------------------- */

static void add_with_eos(const Encoder *encoder, Buffer *out, const char *text)
{
    size_t n = strlen(text), n_eos = strlen(encoder->eos);
    buffer_add(out, text, n);
    if (n < n_eos || memcmp(text + n - n_eos, encoder->eos, n_eos)) buffer_add(out, encoder->eos, n_eos);
}

static Status tokenize(const Encoder *encoder, int64_t i, const char *text, size_t n, bool special, Tokens *out)
{
    RowPlace place = rows_place(encoder->rows, i);
    TRY(tokenizer_encode(encoder->options->tokenizer, text, n, special, out), "%s:%lld", place.path, (long long)place.line);
    return STATUS_OK;
}

static Status encode_text(const Encoder *encoder, int64_t i, const Row *row, Encoded *out)
{
    Buffer text = {0};
    Tokens tokens = {0};
    if (encoder->options->no_eos) buffer_add_string(&text, row->text);
    else add_with_eos(encoder, &text, row->text);
    Status status = tokenize(encoder, i, text.data, text.len, true, &tokens);
    if (status == STATUS_OK) take_tokens(out, &tokens);
    take_text(out, &text);
    tokens_free(&tokens);
    return status;
}

/* The completion starts where prompt and whole part, which a merge over the border or a template may move before the prompt's
 * end. */
static void mask_prompt(const Encoder *encoder, const Tokens *prompt, Encoded *out)
{
    int64_t n = 0;
    while (n < prompt->n && n < out->n && prompt->id[n] == out->id[n]) n++;
    out->prompt_cut = n < prompt->n;
    for (int64_t t = 0; encoder->completion_only && t < n; t++) out->label[t] = LABEL_NONE;
}

static Status encode_pair(const Encoder *encoder, int64_t i, const Row *row, Encoded *out)
{
    Status status = STATUS_OK;
    Buffer text = {0};
    Tokens prompt = {0}, whole = {0};
    buffer_add_string(&text, row->prompt);
    add_with_eos(encoder, &text, row->completion);
    TRY_GOTO(done, status, tokenize(encoder, i, row->prompt, strlen(row->prompt), true, &prompt));
    TRY_GOTO(done, status, tokenize(encoder, i, text.data, text.len, true, &whole));
    take_tokens(out, &whole);
    mask_prompt(encoder, &prompt, out);
done:
    take_text(out, &text);
    tokens_free(&prompt);
    tokens_free(&whole);
    return status;
}

/* Messages ---------------------------------------------------------------------------------------------------------- */

/* Arguments of apply_chat_template that are the trainer's to set. */
static const char *reserved_name(const Json *kwargs)
{
    static const char *const names[] = { "chat_template", "tools", "add_generation_prompt", "continue_final_message", "tokenize", "padding", "truncation",
                                         "max_length", "return_tensors", "return_dict", "return_assistant_tokens_mask", "tokenizer_kwargs" };
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (json_get(kwargs, names[k])) return names[k];
    return NULL;
}

static Json *variables_of(const Encoder *encoder, const Json *kwargs)
{
    Json *variables = json_copy(encoder->variables);
    for (const Json *item = json_first(kwargs); item; item = json_next(item)) json_set(variables, json_key(item), json_copy(item));
    return variables;
}

static Status render(const Encoder *encoder, int64_t i, const ChatInput *input, ChatText *text, Tokens *tokens)
{
    RowPlace place = rows_place(encoder->rows, i);
    TRY(chat_template_render(encoder->chat_template, input, text), "%s:%lld", place.path, (long long)place.line);
    return tokenize(encoder, i, text->text, text->n, false, tokens);
}

/* What the assistant did not write is not trained. */
static Status mask_others(const Encoder *encoder, int64_t i, const ChatInput *input, const ChatText *text, const Tokens *tokens, Encoded *out)
{
    Status status = STATUS_OK;
    AssistantSpans found = {0};
    bool *trained = memory_new((size_t)tokens->n, sizeof *trained);
    if (!encoder->marks_generation) TRY_GOTO(done, status, assistant_find(encoder->chat_template, input, text, &found));
    out->turns_unfound = found.unfound;
    out->no_assistant = !(encoder->marks_generation ? assistant_mark(text->span, text->n_spans, tokens, trained)
                                                    : assistant_mark(found.span, found.n, tokens, trained));
    if (out->no_assistant)
        TRY_GOTO(done, status, rows_fail(encoder->rows, i, "no token of an assistant's message, and assistant_only_loss trains nothing else"));
    for (int64_t t = 0; t < out->n; t++)
        if (!trained[t]) out->label[t] = LABEL_NONE;
done:
    assistant_free(&found);
    free(trained);
    return status;
}

static Status encode_conversation(const Encoder *encoder, int64_t i, const ChatInput *input, Encoded *out)
{
    ChatText text = {0};
    Tokens tokens = {0};
    Status status = render(encoder, i, input, &text, &tokens);
    if (status == STATUS_OK) take_tokens(out, &tokens);
    if (status == STATUS_OK && encoder->options->assistant_only_loss) status = mask_others(encoder, i, input, &text, &tokens, out);
    tokens_free(&tokens);
    chat_text_free(&out->text);
    out->text = text;
    return status;
}

static Status encode_turns(const Encoder *encoder, int64_t i, const Row *row, ChatInput input, Encoded *out)
{
    ChatText text = {0};
    Tokens prompt = {0};
    Json *whole = json_copy(row->prompt_messages);
    for (const Json *message = json_first(row->completion_messages); message; message = json_next(message)) json_push(whole, json_copy(message));
    input.messages = row->prompt_messages;
    input.add_generation_prompt = true;
    Status status = render(encoder, i, &input, &text, &prompt);
    input.messages = whole;
    input.add_generation_prompt = encoder->options->add_generation_prompt;
    if (status == STATUS_OK) status = encode_conversation(encoder, i, &input, out);
    if (status == STATUS_OK) mask_prompt(encoder, &prompt, out);
    tokens_free(&prompt);
    chat_text_free(&text);
    json_free(whole);
    return status;
}

static Status encode_chat(const Encoder *encoder, int64_t i, const Row *row, Encoded *out)
{
    const char *reserved = reserved_name(row->template_kwargs);
    if (reserved) return rows_fail(encoder->rows, i, "chat_template_kwargs: \"%s\" is not a variable of the template", reserved);
    Json *variables = variables_of(encoder, row->template_kwargs);
    ChatInput input = { .messages = row->messages, .tools = row->tools, .documents = json_get(row->template_kwargs, "documents"),
                        .variables = variables, .date = encoder->options->date,
                        .add_generation_prompt = encoder->options->add_generation_prompt };
    Status status = row->messages ? encode_conversation(encoder, i, &input, out) : encode_turns(encoder, i, row, input, out);
    if (status == STATUS_OK && row->messages) out->begins_otherwise = !assistant_sees_the_same(encoder->chat_template, &input, &out->text);
    json_free(variables);
    return status;
}

/* Any row ----------------------------------------------------------------------------------------------------------- */

Status encoder_encode(const Encoder *encoder, int64_t i, const Row *row, Encoded *out)
{
    chat_text_free(&out->text);
    out->prompt_cut = out->begins_otherwise = out->no_assistant = false;
    out->turns_unfound = 0;
    switch (encoder->rows->kind) {
    case ROW_TOKENS: return encode_tokens(encoder, i, row, out);
    case ROW_TEXT: return encode_text(encoder, i, row, out);
    case ROW_PROMPT_COMPLETION: return encode_pair(encoder, i, row, out);
    case ROW_MESSAGES: case ROW_PROMPT_COMPLETION_MESSAGES: return encode_chat(encoder, i, row, out);
    }
    return STATUS_OK;
}

Status encoder_row(const Encoder *encoder, int64_t i, Encoded *out)
{
    Row row;
    TRY(rows_read(encoder->rows, i, &row));
    Status status = encoder_encode(encoder, i, &row, out);
    row_free(&row);
    return status;
}

static Json *special_tokens(const Tokenizer *tokenizer, const char *eos)
{
    static const char *const names[] = { [TOKEN_BOS] = "bos_token", [TOKEN_EOS] = "eos_token", [TOKEN_PAD] = "pad_token", [TOKEN_UNK] = "unk_token" };
    Json *variables = json_new_object();
    for (TokenPart part = TOKEN_BOS; part < TOKEN_PARTS; part++) {
        const char *token = part == TOKEN_EOS ? eos : tokenizer_part(tokenizer, part);
        if (!token && part == TOKEN_PAD) token = eos;      /* the peers pad with eos then, and say so in the tokenizer */
        if (token) json_set(variables, names[part], json_new_string(token));
    }
    return variables;
}

/* Options that the rows cannot follow. */
static Status check_options(const Rows *rows, const EncodeOptions *options, const char *eos)
{
    bool chat = rows->kind == ROW_MESSAGES || rows->kind == ROW_PROMPT_COMPLETION_MESSAGES, pair = rows->kind == ROW_PROMPT_COMPLETION;
    const char *path = rows->from.name;
    if (rows->kind != ROW_TOKENS && !options->tokenizer)
        return fail(STATUS_INPUT, "%s holds %s and the model has no tokenizer; add its tokenizer.json, or give rows of input_ids", path, chat ? "messages" : "text");
    if (options->assistant_only_loss && !chat && !rows->has_assistant_masks)
        return fail(STATUS_INPUT, "assistant_only_loss: %s has no messages, so nothing says which text is the assistant's", path);
    if (options->completion_only_loss == COMPLETION_LOSS_ONLY && !pair && rows->kind != ROW_PROMPT_COMPLETION_MESSAGES && !rows->has_completion_mask)
        return fail(STATUS_INPUT, "completion_only_loss: the rows of %s have no completion%s", path, chat ? "; assistant_only_loss trains the assistant's messages" : "");
    if (chat && !options->chat_template)
        return fail(STATUS_INPUT, "%s holds messages and the model has no chat template; give one with chat_template_path", path);
    if ((pair || (rows->kind == ROW_TEXT && !options->no_eos)) && !eos)
        return fail(STATUS_INPUT, "%s holds text and the tokenizer names no eos token to end it with; give one with eos_token", path);
    return STATUS_OK;
}

/* Only the marks of a training template differ from the model's own, so only a mask over messages asks for it. */
static void choose_template(Encoder *encoder)
{
    encoder->chat_template = encoder->options->chat_template;
    if (!encoder->chat_template) return;
    if (encoder->options->assistant_only_loss && encoder->variables && !chat_template_marks_generation(encoder->chat_template))
        encoder->training = chat_template_for_training(encoder->chat_template, &encoder->family);
    if (encoder->training) encoder->chat_template = encoder->training;
    encoder->marks_generation = chat_template_marks_generation(encoder->chat_template);
}

Status encoder_init(Encoder *encoder, const Rows *rows, const EncodeOptions *options)
{
    bool text = rows->kind != ROW_TOKENS;
    const char *eos = options->eos_token ? options->eos_token : options->tokenizer ? tokenizer_part(options->tokenizer, TOKEN_EOS) : NULL;
    TRY(check_options(rows, options, eos));
    *encoder = (Encoder){
        .rows = rows, .options = options, .eos = eos,
        .completion_only = options->completion_only_loss == COMPLETION_LOSS_ONLY ||
            (options->completion_only_loss == COMPLETION_LOSS_AUTO && (rows->kind == ROW_PROMPT_COMPLETION || rows->kind == ROW_PROMPT_COMPLETION_MESSAGES)),
        .variables = text ? special_tokens(options->tokenizer, eos) : NULL,
    };
    choose_template(encoder);
    return STATUS_OK;
}

void encoder_free(Encoder *encoder)
{
    json_free(encoder->variables);
    chat_template_close(encoder->training);
    *encoder = (Encoder){0};
}

Status encoder_fail(const Encoder *encoder, int64_t i)
{
    Encoded row = {0};
    Status status = encoder_row(encoder, i, &row);
    CHECK(status != STATUS_OK, "row %lld failed once", (long long)i);
    encoded_free(&row);
    return status;
}
