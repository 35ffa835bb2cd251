#include "data/text/jinja/evaluate.h"

#include <string.h>

#include "data/text/jinja/operators.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

static size_t count(const Node *list)
{
    size_t n = 0;
    for (; list; list = list->next) n++;
    return n;
}

static Value eval_literal(Work *w, const Node *node)
{
    (void)w;
    return node->value;
}

static Value eval_name(Work *w, const Node *node)
{
    const Value *found = scope_find(w, w->scope, node->name);
    if (found && !value_is(*found, KIND_ABSENT)) return *found;
    const Native *native = native_function(node->name);
    if (native) return (Value){ .kind = KIND_NATIVE, .native = native };
    return value_unknown_name(w, node->name);
}

static Value eval_list(Work *w, const Node *node)
{
    Value list = value_list(w, node->kind == NODE_TUPLE ? FLAVOR_TUPLE : FLAVOR_LIST, count(node->list));
    size_t i = 0;
    for (const Node *item = node->list; item; item = item->next) list.list->item[i++] = evaluate(w, item);
    return list;
}

static Value eval_dict(Work *w, const Node *node)
{
    Value dict = value_dict(w);
    for (const Node *key = node->list; key; key = key->next->next) {
        Value name = evaluate(w, key), value = evaluate(w, key->next);
        w->at = key->at;
        dict_require_hashable(w, name);
        dict_set(w, dict.dict, name, value);
    }
    return dict;
}

static Value eval_unary(Work *w, const Node *node)
{
    Value x = evaluate(w, node->a);
    w->at = node->at;
    return node->op == OP_NOT ? value_bool(!value_truth(x)) : operator_sign(w, node->op, x);
}

static Value eval_binary(Work *w, const Node *node)
{
    Value a = evaluate(w, node->a);
    if (node->op == OP_OR) return value_truth(a) ? a : evaluate(w, node->b);
    if (node->op == OP_AND) return value_truth(a) ? evaluate(w, node->b) : a;
    Value b = evaluate(w, node->b);
    w->at = node->at;
    return operator_binary(w, node->op, a, b);
}

static Value eval_compare(Work *w, const Node *node)
{
    Value left = evaluate(w, node->a);
    bool holds = true;
    for (const Node *operand = node->list; operand && holds; operand = operand->next) {
        Value right = evaluate(w, operand->a);
        w->at = operand->at;
        holds = operator_compare(w, operand->op, left, right);
        left = right;
    }
    return value_bool(holds);
}

static Value eval_condition(Work *w, const Node *node)
{
    if (value_truth(evaluate(w, node->b))) return evaluate(w, node->a);
    return node->c ? evaluate(w, node->c) : value_undefined(w, "the inline if is false and has no else");
}

static Value eval_attribute(Work *w, const Node *node)
{
    Value owner = evaluate(w, node->a);
    w->at = node->at;
    return operator_attribute(w, owner, node->name);
}

static Value eval_item(Work *w, const Node *node)
{
    Value owner = evaluate(w, node->a), key = evaluate(w, node->b);
    w->at = node->at;
    return operator_item(w, owner, key);
}

static Value eval_slice(Work *w, const Node *node)
{
    Value owner = evaluate(w, node->a);
    Value begin = node->b ? evaluate(w, node->b) : value_none();
    Value end = node->c ? evaluate(w, node->c) : value_none();
    Value step = node->d ? evaluate(w, node->d) : value_none();
    w->at = node->at;
    return operator_slice(w, owner, begin, end, step);
}

/* How many arguments * or ** makes of its value. */
static size_t spread_length(Work *w, const Node *argument, Value x)
{
    if (argument->op == OP_STAR) return value_items(w, x)->n;
    if (!value_is(x, KIND_DICT)) jinja_raise(w, "argument after ** must be a mapping, not %s", value_type(x));
    return x.dict->n;
}

static void add_argument(Work *w, Arguments *to, const Node *argument, Value x)
{
    if (argument->op == OP_STAR) {
        const List *items = value_items(w, x);
        if (items->n) memcpy(to->value + to->n, items->item, items->n * sizeof(Value));
        to->n += items->n;
    } else if (argument->op == OP_STARSTAR) {
        for (uint32_t i = 0; i < x.dict->n; i++) {
            if (!value_is(x.dict->entry[i].key, KIND_STRING)) jinja_raise(w, "keywords must be strings");
            to->keyword[to->n_keywords++] = (Keyword){ x.dict->entry[i].key, x.dict->entry[i].value };
        }
    } else if (argument->name.n) {
        to->keyword[to->n_keywords++] = (Keyword){ argument->name, x };
    } else {
        to->value[to->n++] = x;
    }
}

/* Arguments with * and ** spread; room for one more keyword is left, the caller of a call block. */
static Arguments eval_arguments(Work *w, const Node *list)
{
    size_t n = count(list), room = n, i = 0;
    Value *x = jinja_new(w, n, sizeof *x);
    for (const Node *argument = list; argument; argument = argument->next, i++) {
        x[i] = evaluate(w, argument->a);
        w->at = argument->at;
        if (argument->op == OP_STAR) {                     /* walk a generator once */
            List *items = value_items(w, x[i]);
            x[i] = (Value){ .kind = KIND_LIST, .list = items };
            if (items->flavor == FLAVOR_GENERATOR) items->flavor = FLAVOR_LIST;
        }
        if (argument->op != OP_NONE) room += spread_length(w, argument, x[i]);
    }
    Arguments to = { .value = jinja_new(w, room, sizeof *to.value), .keyword = jinja_new(w, room + 1, sizeof *to.keyword) };
    i = 0;
    for (const Node *argument = list; argument; argument = argument->next) add_argument(w, &to, argument, x[i++]);
    return to;
}

static const Keyword *find_keyword(const Arguments *from, Value name)
{
    for (size_t i = 0; i < from->n_keywords; i++)
        if (from->keyword[i].name.n == name.n && !memcmp(from->keyword[i].name.s, name.s, name.n)) return &from->keyword[i];
    return NULL;
}

static bool is_parameter(const Node *macro, Value name)
{
    for (const Node *parameter = macro->list; parameter; parameter = parameter->next)
        if (parameter->name.n == name.n && !memcmp(parameter->name.s, name.s, name.n)) return true;
    return false;
}

static void refuse_keyword(Work *w, const Node *macro, Value name)
{
    jinja_raise(w, "macro '%.*s' takes no keyword argument '%.*s'", (int)macro->name.n, macro->name.s, (int)name.n, name.s);
}

/* Keywords that are no parameter: gathered in `kwargs` where the body uses that name, refused otherwise. */
static void bind_rest(Work *w, const Macro *macro, const Arguments *from, size_t n_parameters)
{
    const Node *node = macro->node;
    Value rest = value_dict(w);
    for (size_t i = 0; i < from->n_keywords; i++) {
        Value name = from->keyword[i].name;
        bool caller = (node->specials & SPECIAL_CALLER) && value_is_text(name, "caller");
        if (caller || is_parameter(node, name)) continue;
        if (!(node->specials & SPECIAL_KWARGS)) refuse_keyword(w, node, name);
        dict_set(w, rest.dict, name, from->keyword[i].value);
    }
    if (node->specials & SPECIAL_KWARGS) dict_set(w, &w->scope->names, value_text("kwargs"), rest);
    size_t n_rest = from->n > n_parameters ? from->n - n_parameters : 0;
    if (n_rest && !(node->specials & SPECIAL_VARARGS))
        jinja_raise(w, "macro '%.*s' takes not more than %zu argument(s)", (int)node->name.n, node->name.s, n_parameters);
    if (!(node->specials & SPECIAL_VARARGS)) return;
    Value more = value_list(w, FLAVOR_TUPLE, n_rest);
    if (n_rest) memcpy(more.list->item, from->value + n_parameters, n_rest * sizeof(Value));
    dict_set(w, &w->scope->names, value_text("varargs"), more);
}

static Value default_of(Work *w, const Node *parameter)
{
    if (parameter->a) return evaluate(w, parameter->a);
    size_t mark = jinja_mark(w);
    jinja_write_text(w, "parameter '");
    text_write(w, parameter->name);
    jinja_write_text(w, "' was not provided");
    return value_undefined(w, jinja_take(w, mark).s);
}

/* Defaults are evaluated in the macro's scope, so one may use the parameters before it. */
static void bind_parameters(Work *w, const Macro *macro, const Arguments *from)
{
    size_t i = 0;
    for (const Node *parameter = macro->node->list; parameter; parameter = parameter->next, i++) {
        const Keyword *keyword = find_keyword(from, parameter->name);
        if (i < from->n && keyword) refuse_keyword(w, macro->node, parameter->name);
        Value x = i < from->n ? from->value[i] : keyword ? keyword->value : default_of(w, parameter);
        dict_set(w, &w->scope->names, parameter->name, x);
    }
    if (macro->node->specials & SPECIAL_CALLER) {
        const Keyword *caller = find_keyword(from, value_text("caller"));
        dict_set(w, &w->scope->names, value_text("caller"), caller ? caller->value : value_undefined(w, "No caller defined"));
    }
    bind_rest(w, macro, from, i);
}

static Value call_macro(Work *w, const Macro *macro, const Arguments *from)
{
    Scope *outer = w->scope;
    w->scope = scope_new(w, macro->scope);
    bind_parameters(w, macro, from);
    size_t mark = execute_capture(w);
    execute(w, macro->node->body);
    Value text = execute_captured(w, mark);
    w->scope = outer;
    return text;
}

Value evaluate_macro(Work *w, const Node *node)
{
    Macro *macro = jinja_new(w, 1, sizeof *macro);
    *macro = (Macro){ node, w->scope };
    for (Scope *scope = w->scope; scope; scope = scope->parent) scope->captured = true;
    return (Value){ .kind = KIND_MACRO, .macro = macro };
}

Value evaluate_call(Work *w, Value callee, const Arguments *arguments)
{
    value_refuse_undefined(w, callee);
    switch ((Kind)callee.kind) {
    case KIND_NATIVE: return native_call(w, callee.native, value_none(), arguments);
    case KIND_METHOD: return native_call(w, callee.method->native, callee.method->self, arguments);
    case KIND_MACRO: return call_macro(w, callee.macro, arguments);
    case KIND_LOOP:
        if (arguments->n != 1 || arguments->n_keywords) jinja_raise(w, "loop() takes one argument");
        return loop_again(w, callee.loop, arguments->value[0]);
    default: jinja_raise(w, "'%s' object is not callable", value_type(callee));
    }
}

static Value eval_call(Work *w, const Node *node)
{
    Value callee = evaluate(w, node->a);
    Arguments arguments = eval_arguments(w, node->list);
    w->at = node->at;
    return evaluate_call(w, callee, &arguments);
}

Value evaluate_call_block(Work *w, const Node *node)
{
    Value callee = evaluate(w, node->a->a);
    Arguments arguments = eval_arguments(w, node->a->list);
    arguments.keyword[arguments.n_keywords++] = (Keyword){ value_text("caller"), evaluate_macro(w, node) };
    w->at = node->at;
    return evaluate_call(w, callee, &arguments);
}

static Value apply(Work *w, const Node *node, Value x, const char *what)
{
    Arguments arguments = eval_arguments(w, node->list);
    w->at = node->at;
    if (!node->native) jinja_raise(w, "no %s named '%.*s'", what, (int)node->name.n, node->name.s);
    return native_call(w, node->native, x, &arguments);
}

static Value eval_filter(Work *w, const Node *node) { return apply(w, node, evaluate(w, node->a), "filter"); }
static Value eval_test(Work *w, const Node *node) { return value_bool(value_truth(apply(w, node, evaluate(w, node->a), "test"))); }

Value evaluate_filters(Work *w, const Node *filters, Value first)
{
    if (!filters) return first;
    return apply(w, filters, evaluate_filters(w, filters->a, first), "filter");
}

typedef Value Evaluate(Work *, const Node *);
static Evaluate *const evaluators[NODE_KINDS] = {
    [NODE_LITERAL] = eval_literal, [NODE_NAME] = eval_name, [NODE_LIST] = eval_list, [NODE_TUPLE] = eval_list, [NODE_DICT] = eval_dict,
    [NODE_UNARY] = eval_unary, [NODE_BINARY] = eval_binary, [NODE_COMPARE] = eval_compare, [NODE_CONDITION] = eval_condition,
    [NODE_ATTRIBUTE] = eval_attribute, [NODE_ITEM] = eval_item, [NODE_SLICE] = eval_slice, [NODE_CALL] = eval_call,
    [NODE_FILTER] = eval_filter, [NODE_TEST] = eval_test,
};

Value evaluate(Work *w, const Node *node)
{
    jinja_enter(w);
    jinja_spend(w, 1);
    w->at = node->at;
    Value x = evaluators[node->kind](w, node);
    jinja_leave(w);
    return x;
}
