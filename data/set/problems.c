#include "data/set/problems.h"

#include <string.h>

/* Rows that are not read --------------------------------------------------------------------------------------------- */

/* Whatever the format, its reader's message names the encoding. */
static bool invalid_utf8(const RowView *view) { return view->message && !view->row && strstr(view->message, "UTF-8"); }

static bool unreadable(const RowView *view) { return view->message && !view->encoded->no_assistant && !invalid_utf8(view); }

static bool no_assistant_token(const RowView *view) { return view->encoded->no_assistant; }

/* Answers ------------------------------------------------------------------------------------------------------------ */

static bool blank(const char *text) { return !text || !text[strspn(text, " \t\r\n")]; }

/* A list of parts is blank when every part is text and blank. */
static bool blank_content(const Json *content)
{
    if (json_kind(content) != JSON_ARRAY) return blank(json_string(content));
    for (const Json *part = json_first(content); part; part = json_next(part)) {
        const Json *text = json_kind(part) == JSON_OBJECT ? json_get(part, "text") : part;
        if (!json_string(text) || !blank(json_string(text))) return false;
    }
    return true;
}

static bool is_assistant(const Json *message)
{
    const char *role = json_string(json_get(message, "role"));
    return role && (!strcmp(role, "assistant") || !strcmp(role, "model"));
}

/* A call of a tool is an answer too. */
static bool empty_message(const Json *message)
{
    static const char *const said[] = { "reasoning_content", "thinking", "reasoning" };
    if (!is_assistant(message) || json_count(json_get(message, "tool_calls")) || !blank_content(json_get(message, "content"))) return false;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (!blank(json_string(json_get(message, said[i])))) return false;
    return true;
}

static bool any_empty(const Json *messages)
{
    for (const Json *message = json_first(messages); message; message = json_next(message))
        if (empty_message(message)) return true;
    return false;
}

static bool empty_answer(const RowView *view)
{
    const Row *row = view->row;
    if (!row) return false;
    switch (view->encoder->rows->kind) {
    case ROW_TOKENS: return !json_count(row->ids);
    case ROW_TEXT: return blank(row->text);
    case ROW_PROMPT_COMPLETION: return blank(row->completion);
    case ROW_PROMPT_COMPLETION_MESSAGES: return any_empty(row->completion_messages);
    case ROW_MESSAGES: return any_empty(row->messages);
    }
    return false;
}

/* Prompts ------------------------------------------------------------------------------------------------------------ */

static bool any_prompt(const Json *messages)
{
    for (const Json *message = json_first(messages); message; message = json_next(message))
        if (!is_assistant(message)) return true;
    return false;
}

static bool any_zero(const Json *mask)
{
    for (const Json *item = json_first(mask); item; item = json_next(item))
        if (!json_integer(item)) return true;
    return false;
}

/* Nobody asked for it: it is what the options do when they are left alone. */
static bool prompt_trained(const RowView *view)
{
    const Encoder *encoder = view->encoder;
    const EncodeOptions *options = encoder->options;
    if (!view->row) return false;
    if (encoder->rows->kind == ROW_MESSAGES) return !options->assistant_only_loss && !options->prompt_is_meant && any_prompt(view->row->messages);
    return !view->row->labels && options->completion_only_loss == COMPLETION_LOSS_AUTO && any_zero(view->row->completion_mask);
}

static bool is_chat(const RowView *view) { return view->encoder->rows->kind == ROW_MESSAGES || view->encoder->rows->kind == ROW_PROMPT_COMPLETION_MESSAGES; }

static bool prompt_split(const RowView *view) { return view->encoded->prompt_cut && !is_chat(view); }

static bool template_prefix(const RowView *view) { return view->encoded->begins_otherwise || (view->encoded->prompt_cut && is_chat(view)); }

static bool turn_untrained(const RowView *view) { return view->encoded->turns_unfound > 0; }

/* Roles -------------------------------------------------------------------------------------------------------------- */

enum { START = 1, SYSTEM = 2, USER = 4, ASSISTANT = 8, TOOL = 16, OTHER = 32, ANY = 63 };

/* What a role is, and what may stand before it. */
static const struct { const char *name; int is, after; } roles[] = {
    { "system", SYSTEM, START | SYSTEM },
    { "developer", SYSTEM, START | SYSTEM },
    { "user", USER, START | SYSTEM | ASSISTANT },
    { "assistant", ASSISTANT, USER | TOOL },
    { "model", ASSISTANT, USER | TOOL },
    { "tool", TOOL, ASSISTANT | TOOL },
    { "function", TOOL, ASSISTANT | TOOL },
    { "ipython", TOOL, ASSISTANT | TOOL },
};

/* False where one stands behind what it cannot follow. A role that is not known may stand anywhere. */
static bool follow(const Json *messages, int *before)
{
    for (const Json *message = json_first(messages); message; message = json_next(message)) {
        const char *role = json_string(json_get(message, "role"));
        int is = OTHER, after = ANY;
        for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
            if (!strcmp(role, roles[i].name)) is = roles[i].is, after = roles[i].after;
        if (!((after | OTHER) & *before)) return false;
        *before = is;
    }
    return true;
}

static bool roles_out_of_order(const RowView *view)
{
    const Row *row = view->row;
    int last = START;
    if (!row || !is_chat(view)) return false;
    if (row->messages) return !follow(row->messages, &last) || !(last & (ASSISTANT | OTHER));
    return !follow(row->prompt_messages, &last) || !follow(row->completion_messages, &last) || !(last & (ASSISTANT | OTHER));
}

/* Tokens ------------------------------------------------------------------------------------------------------------- */

static bool any_scored(const TokenView *view, int64_t from, int64_t to)
{
    for (int64_t t = from + 1; t < to; t++)
        if (view->label[t] != LABEL_NONE) return true;
    return false;
}

static bool no_trained_token(const TokenView *view) { return !any_scored(view, view->from, view->to); }

/* The end of what is trained is cut off, and something before it stays. */
static bool truncated_answer(const TokenView *view)
{
    return any_scored(view, view->from, view->to) && any_scored(view, view->to - 1, view->n);
}

static bool is_end(const TokenView *view, int32_t id)
{
    for (int i = 0; i < view->n_ends; i++)
        if (view->end[i] == id) return true;
    return false;
}

/* Before the cut: what the cut takes is another problem. */
static bool end_untrained(const TokenView *view)
{
    for (int64_t t = 1; t < view->n; t++)
        if (is_end(view, view->label[t])) return false;
    return view->n_ends && any_scored(view, 0, view->n);
}

static bool double_bos(const TokenView *view) { return view->bos >= 0 && view->n > 1 && view->id[0] == view->bos && view->id[1] == view->bos; }

/* The table ---------------------------------------------------------------------------------------------------------- */

const ProblemKind problem_kinds[PROBLEMS] = {
    [PROBLEM_INVALID_UTF8] = { "invalid-utf8", SEVERITY_ERROR, "not UTF-8 text", .in_row = invalid_utf8 },
    [PROBLEM_UNREADABLE] = { "unreadable", SEVERITY_ERROR, "cannot become tokens", .in_row = unreadable },
    [PROBLEM_NO_TRAINED_TOKEN] = { "no-trained-token", SEVERITY_ERROR,
        "no token is trained; look at the masks, and whether the answer lies beyond max_length", .in_row = no_assistant_token, .in_tokens = no_trained_token },
    [PROBLEM_END_UNTRAINED] = { "end-untrained", SEVERITY_ERROR,
        "no token that ends an answer is trained, so the model may not learn to stop; look at the template, the masks and eos_token",
        .in_tokens = end_untrained },
    [PROBLEM_DOUBLE_BOS] = { "double-bos", SEVERITY_ERROR, "begins with two bos tokens: the text has one and the tokenizer adds another", .in_tokens = double_bos },
    [PROBLEM_EMPTY_ANSWER] = { "empty-answer", SEVERITY_WARNING, "an answer is empty", .in_row = empty_answer },
    [PROBLEM_TRUNCATED_ANSWER] = { "truncated-answer", SEVERITY_WARNING, "max_length cuts off the end of the answer, its end token too", .in_tokens = truncated_answer },
    [PROBLEM_PROMPT_TRAINED] = { "prompt-trained", SEVERITY_WARNING,
        "the prompt is trained as well; assistant_only_loss (messages) or completion_only_loss (completion_mask) leaves it out, false says that it is meant",
        .in_row = prompt_trained },
    [PROBLEM_PROMPT_SPLIT] = { "prompt-split", SEVERITY_WARNING,
        "a token spans the border of prompt and completion, so training sees another context than inference; end the prompt, or begin the completion, otherwise",
        .in_row = prompt_split },
    [PROBLEM_TEMPLATE_PREFIX] = { "template-prefix", SEVERITY_WARNING,
        "the template renders the beginning of the conversation otherwise when an answer follows, so training sees another context than inference",
        .in_row = template_prefix },
    [PROBLEM_TURN_UNTRAINED] = { "turn-untrained", SEVERITY_WARNING,
        "a turn of the assistant is not trained: the template renders it otherwise when messages follow, and marks no {% generation %}", .in_row = turn_untrained },
    [PROBLEM_ROLES] = { "roles", SEVERITY_WARNING, "roles are out of order (system first, user and assistant in turn, tools behind the assistant, assistant last)",
        .in_row = roles_out_of_order },
    [PROBLEM_DUPLICATE] = { "duplicate", SEVERITY_WARNING, "the same tokens as an earlier row", .in_row = NULL },
    [PROBLEM_OVERLAP] = { "overlap", SEVERITY_WARNING, "the same tokens as a row that is trained on: the evaluation is no test", .in_row = NULL },
};

uint32_t problems_in_row(const RowView *view)
{
    uint32_t set = 0;
    for (int p = 0; p < PROBLEMS; p++)
        if (problem_kinds[p].in_row && problem_kinds[p].in_row(view)) set |= 1u << p;
    return set;
}

uint32_t problems_in_tokens(const TokenView *view)
{
    uint32_t set = 0;
    for (int p = 0; p < PROBLEMS; p++)
        if (problem_kinds[p].in_tokens && problem_kinds[p].in_tokens(view)) set |= 1u << p;
    return set;
}
