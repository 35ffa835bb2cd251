#include "data/text/jinja/evaluate.h"

#include "data/text/jinja/natives.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

size_t execute_capture(Work *w)
{
    if (w->n_captures++ == 0) w->capture_begin = jinja_mark(w);
    return jinja_mark(w);
}

Value execute_captured(Work *w, size_t mark)
{
    w->n_captures--;
    return jinja_take(w, mark);
}

static Value captured_body(Work *w, const Node *body)
{
    Scope *outer = w->scope;
    w->scope = scope_new(w, outer);
    size_t mark = execute_capture(w);
    execute(w, body);
    w->scope = outer;
    return execute_captured(w, mark);
}

static void set_member(Work *w, const Node *target, Value x)
{
    Value *owner = scope_find(w, w->scope, target->name);
    w->at = target->at;
    if (!owner || !value_is(*owner, KIND_NAMESPACE)) jinja_raise(w, "cannot assign attribute on non-namespace object");
    native_require_public(w, target->b->name);
    dict_set(w, owner->dict, target->b->name, x);
}

static void set_tuple(Work *w, const Node *target, Value x)
{
    const List *items = value_items(w, x);
    uint32_t n = 0, i = 0;
    for (const Node *name = target->list; name; name = name->next) n++;
    w->at = target->at;
    if (items->n < n) jinja_raise(w, "not enough values to unpack (expected %u, got %u)", n, items->n);
    if (items->n > n) jinja_raise(w, "too many values to unpack (expected %u)", n);
    for (const Node *name = target->list; name; name = name->next) execute_target(w, name, items->item[i++]);
}

void execute_target(Work *w, const Node *target, Value x)
{
    if (target->kind == NODE_NAME) dict_set(w, &w->scope->names, target->name, x);
    else if (target->kind == NODE_MEMBER) set_member(w, target, x);
    else set_tuple(w, target, x);
}

static Flow exec_text(Work *w, const Node *node)
{
    jinja_write(w, node->value.s, node->value.n);
    return FLOW_ON;
}

static Flow exec_output(Work *w, const Node *node)
{
    Value x = evaluate(w, node->a);
    w->at = node->a->at;
    text_write(w, x);
    return FLOW_ON;
}

static Flow exec_if(Work *w, const Node *node)
{
    while (!value_truth(evaluate(w, node->a))) {
        bool another = node->orelse && node->orelse->kind == NODE_IF && !node->orelse->next;
        if (!another) return execute(w, node->orelse);
        node = node->orelse;
    }
    return execute(w, node->body);
}

static Flow exec_set(Work *w, const Node *node)
{
    execute_target(w, node->a, evaluate(w, node->b));
    return FLOW_ON;
}

static Flow exec_set_block(Work *w, const Node *node)
{
    execute_target(w, node->a, evaluate_filters(w, node->b, captured_body(w, node->body)));
    return FLOW_ON;
}

static Flow exec_macro(Work *w, const Node *node)
{
    dict_set(w, &w->scope->names, node->name, evaluate_macro(w, node));
    return FLOW_ON;
}

static Flow exec_call_block(Work *w, const Node *node)
{
    text_write(w, evaluate_call_block(w, node));
    return FLOW_ON;
}

static Flow exec_filter_block(Work *w, const Node *node)
{
    text_write(w, evaluate_filters(w, node->b, captured_body(w, node->body)));
    return FLOW_ON;
}

static Flow exec_with(Work *w, const Node *node)
{
    Scope *outer = w->scope, *inner = scope_new(w, outer);
    for (const Node *set = node->list; set; set = set->next) {
        w->scope = outer;
        Value x = evaluate(w, set->b);
        w->scope = inner;
        execute_target(w, set->a, x);
    }
    w->scope = inner;
    Flow flow = execute(w, node->body);
    w->scope = outer;
    return flow;
}

/* The marked range begins where the output ends that nothing captures: inside a macro, transformers cannot see how far
 * the macro has written, and neither do we. Its length is in code points until the whole text is there (jinja.c), since what is
 * captured may be changed before it is written. */
static Flow exec_generation(Work *w, const Node *node)
{
    Scope *outer = w->scope;
    w->scope = scope_new(w, outer);
    size_t mark = execute_capture(w), begin = w->capture_begin;
    execute(w, node->body);
    w->n_captures--;
    w->scope = outer;
    ChatText *to = w->spans;
    jinja_spend_points(w, jinja_mark(w) - mark);
    MEMORY_PUSH(to->span, to->n_spans, to->cap) = (ChatSpan){ begin, begin + utf8_count(w->text.data + mark, jinja_mark(w) - mark) };
    return FLOW_ON;
}

static Flow exec_break(Work *w, const Node *node)
{
    (void)w;
    return node->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
}

typedef Flow Execute(Work *, const Node *);
static Execute *const executors[NODE_KINDS] = {
    [NODE_TEXT] = exec_text, [NODE_OUTPUT] = exec_output, [NODE_IF] = exec_if, [NODE_FOR] = loop_run, [NODE_SET] = exec_set,
    [NODE_SET_BLOCK] = exec_set_block, [NODE_MACRO] = exec_macro, [NODE_CALL_BLOCK] = exec_call_block,
    [NODE_FILTER_BLOCK] = exec_filter_block, [NODE_WITH] = exec_with, [NODE_GENERATION] = exec_generation,
    [NODE_BREAK] = exec_break, [NODE_CONTINUE] = exec_break,
};

Flow execute(Work *w, const Node *first)
{
    Flow flow = FLOW_ON;
    jinja_enter(w);
    for (const Node *node = first; node && flow == FLOW_ON; node = node->next) {
        jinja_spend(w, 1);
        w->at = node->at;
        flow = executors[node->kind](w, node);
    }
    jinja_leave(w);
    return flow;
}
