/* Expressions: precedence climbing over the table of operators, with Jinja's own order (`~` binds tighter than `+`, a
 * filter tighter than a sign, `**` groups to the left). */
#include <string.h>

#include "data/text/jinja/natives.h"
#include "data/text/jinja/syntax.h"

typedef enum { LEVEL_OR = 1, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARE, LEVEL_ADD, LEVEL_CONCAT, LEVEL_MUL, LEVEL_POW } Level;
typedef struct { const char *text; uint8_t op, level; } OperatorRow;

static const OperatorRow operators[] = {
    { "or", OP_OR, LEVEL_OR }, { "and", OP_AND, LEVEL_AND }, { "==", OP_EQ, LEVEL_COMPARE }, { "!=", OP_NE, LEVEL_COMPARE },
    { "<", OP_LT, LEVEL_COMPARE }, { "<=", OP_LE, LEVEL_COMPARE }, { ">", OP_GT, LEVEL_COMPARE }, { ">=", OP_GE, LEVEL_COMPARE },
    { "in", OP_IN, LEVEL_COMPARE }, { "not", OP_NOT_IN, LEVEL_COMPARE }, { "+", OP_ADD, LEVEL_ADD }, { "-", OP_SUB, LEVEL_ADD },
    { "~", OP_CONCAT, LEVEL_CONCAT }, { "*", OP_MUL, LEVEL_MUL }, { "/", OP_DIV, LEVEL_MUL }, { "//", OP_FLOORDIV, LEVEL_MUL },
    { "%", OP_MOD, LEVEL_MUL }, { "**", OP_POW, LEVEL_POW },
};

static Node *unary(Parser *p, bool with_filters);

static void append(Node ***tail, Node *node)
{
    **tail = node;
    *tail = &node->next;
}

/* The operator at the next token, stepping over nothing; `not` counts when `in` follows. */
static const OperatorRow *binary_operator(const Parser *p)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!syntax_is(p, operators[i].text)) continue;
        bool not_in = p->token[1].kind == TOKEN_NAME && value_is_text(p->token[1].value, "in");
        return operators[i].op != OP_NOT_IN || not_in ? &operators[i] : NULL;
    }
    return NULL;
}

static Node *binary(Parser *p, Level lowest);

static void step_over(Parser *p, const OperatorRow *row) { p->token += row->op == OP_NOT_IN ? 2 : 1; }

static Node *comparison(Parser *p, Node *left)
{
    Node *node = syntax_node(p, NODE_COMPARE);
    node->a = left;
    Node **tail = &node->list;
    for (const OperatorRow *row; (row = binary_operator(p)) && row->level == LEVEL_COMPARE;) {
        Node *operand = syntax_node(p, NODE_OPERAND);
        step_over(p, row);
        operand->op = row->op;
        operand->a = binary(p, LEVEL_ADD);
        append(&tail, operand);
    }
    return node;
}

static Node *negation(Parser *p)
{
    Node *node = syntax_node(p, NODE_UNARY);
    p->token++;
    node->op = OP_NOT;
    node->a = binary(p, LEVEL_NOT);
    return node;
}

static Node *binary(Parser *p, Level lowest)
{
    jinja_enter(p->w);
    Node *left = lowest <= LEVEL_NOT && syntax_is(p, "not") ? negation(p) : unary(p, true);
    for (const OperatorRow *row; (row = binary_operator(p)) && row->level >= lowest;) {
        if (row->level == LEVEL_COMPARE) {
            left = comparison(p, left);
            continue;
        }
        Node *node = syntax_node(p, NODE_BINARY);
        step_over(p, row);
        node->op = row->op;
        node->a = left;
        node->b = binary(p, row->level + 1);
        left = node;
    }
    jinja_leave(p->w);
    return left;
}

static Node *condition(Parser *p)
{
    Node *unknown = p->unknown, *node = binary(p, LEVEL_OR);
    while (syntax_skip(p, "if")) {
        Node *choice = syntax_node(p, NODE_CONDITION);
        choice->a = node;
        choice->b = binary(p, LEVEL_OR);
        jinja_enter(p->w);
        choice->c = syntax_skip(p, "else") ? condition(p) : NULL;
        jinja_leave(p->w);
        p->unknown = unknown;
        node = choice;
    }
    return node;
}

Node *syntax_expression(Parser *p)
{
    jinja_enter(p->w);
    Node *node = condition(p);
    jinja_leave(p->w);
    return node;
}

static void note_special(Parser *p, Value name)
{
    static const struct { const char *name; int special; } specials[] = {
        { "caller", SPECIAL_CALLER }, { "kwargs", SPECIAL_KWARGS }, { "varargs", SPECIAL_VARARGS },
    };
    for (size_t i = 0; i < sizeof specials / sizeof *specials; i++)
        if (value_is_text(name, specials[i].name)) p->specials |= specials[i].special;
}

static bool literal_name(Value name, Value *value)
{
    static const char *const names[] = { "true", "True", "false", "False", "none", "None" };
    for (int i = 0; i < 6; i++)
        if (value_is_text(name, names[i])) {
            *value = i < 4 ? value_bool(i < 2) : value_none();
            return true;
        }
    return false;
}

static Node *name_or_literal(Parser *p)
{
    Node *node = syntax_node(p, NODE_NAME);
    node->name = p->token++->value;
    if (literal_name(node->name, &node->value)) node->kind = NODE_LITERAL;
    else note_special(p, node->name);
    return node;
}

static Node *strings(Parser *p)
{
    Node *node = syntax_node(p, NODE_LITERAL);
    node->value = p->token++->value;
    if (p->token->kind != TOKEN_STRING) return node;
    size_t mark = jinja_mark(p->w);
    jinja_write(p->w, node->value.s, node->value.n);
    for (; p->token->kind == TOKEN_STRING; p->token++) jinja_write(p->w, p->token->value.s, p->token->value.n);
    node->value = jinja_take(p->w, mark);
    return node;
}

static Node *list_literal(Parser *p)
{
    Node *node = syntax_node(p, NODE_LIST), **tail = &node->list;
    syntax_expect(p, "[");
    while (!syntax_is(p, "]")) {
        if (node->list) syntax_expect(p, ",");
        if (syntax_is(p, "]")) break;
        append(&tail, syntax_expression(p));
    }
    syntax_expect(p, "]");
    return node;
}

static Node *dict_literal(Parser *p)
{
    Node *node = syntax_node(p, NODE_DICT), **tail = &node->list;
    syntax_expect(p, "{");
    while (!syntax_is(p, "}")) {
        if (node->list) syntax_expect(p, ",");
        if (syntax_is(p, "}")) break;
        append(&tail, syntax_expression(p));
        syntax_expect(p, ":");
        append(&tail, syntax_expression(p));
    }
    syntax_expect(p, "}");
    return node;
}

static Node *parenthesized(Parser *p)
{
    syntax_expect(p, "(");
    Node *node = syntax_is(p, ")") ? syntax_node(p, NODE_TUPLE) : syntax_tuple(p, true, NULL);
    syntax_expect(p, ")");
    return node;
}

static Node *primary(Parser *p)
{
    if (p->token->kind == TOKEN_NAME) return name_or_literal(p);
    if (p->token->kind == TOKEN_STRING) return strings(p);
    if (p->token->kind == TOKEN_NUMBER) {
        Node *node = syntax_node(p, NODE_LITERAL);
        node->value = p->token++->value;
        return node;
    }
    if (syntax_is(p, "(")) return parenthesized(p);
    if (syntax_is(p, "[")) return list_literal(p);
    if (syntax_is(p, "{")) return dict_literal(p);
    syntax_unexpected(p, "an expression");
}

static Node *argument(Parser *p)
{
    Node *node = syntax_node(p, NODE_ARGUMENT);
    bool keyword = p->token->kind == TOKEN_NAME && p->token[1].kind == TOKEN_OPERATOR && value_is_text(p->token[1].value, "=");
    if (keyword) {
        node->name = p->token->value;
        p->token += 2;
    } else if (syntax_skip(p, "*")) {
        node->op = OP_STAR;
    } else if (syntax_skip(p, "**")) {
        node->op = OP_STARSTAR;
    }
    node->a = syntax_expression(p);
    return node;
}

static Node *arguments(Parser *p)
{
    Node *list = NULL, **tail = &list;
    bool named = false;
    syntax_expect(p, "(");
    while (!syntax_is(p, ")")) {
        if (list) syntax_expect(p, ",");
        if (syntax_is(p, ")")) break;
        Node *node = argument(p);
        bool positional = !node->name.n && node->op == OP_NONE;
        p->w->at = node->at;
        if (positional && named) jinja_raise(p->w, "a positional argument stands behind a keyword argument");
        named = named || !positional;
        append(&tail, node);
    }
    syntax_expect(p, ")");
    return list;
}

static Node *call(Parser *p, Node *callee)
{
    Node *node = syntax_node(p, NODE_CALL);
    node->a = callee;
    node->list = arguments(p);
    return node;
}

static Node *optional_bound(Parser *p)
{
    return syntax_is(p, ":") || syntax_is(p, "]") || syntax_is(p, ",") ? NULL : syntax_expression(p);
}

static Node *subscript(Parser *p, Node *owner)
{
    Node *node = syntax_node(p, NODE_ITEM);
    node->a = owner;
    node->b = optional_bound(p);
    if (!syntax_skip(p, ":")) {
        if (!node->b) syntax_unexpected(p, "an index");
        return node;
    }
    node->kind = NODE_SLICE;
    node->c = optional_bound(p);
    node->d = syntax_skip(p, ":") ? optional_bound(p) : NULL;
    return node;
}

static Node *brackets(Parser *p, Node *owner)
{
    syntax_expect(p, "[");
    Node *node = subscript(p, owner);
    if (syntax_is(p, ",") && node->kind == NODE_ITEM) {
        Node *tuple = syntax_node(p, NODE_TUPLE), **tail = &tuple->list;
        append(&tail, node->b);
        while (syntax_skip(p, ",")) append(&tail, syntax_expression(p));
        node->b = tuple;
    }
    syntax_expect(p, "]");
    return node;
}

static Node *attribute(Parser *p, Node *owner)
{
    syntax_expect(p, ".");
    if (p->token->kind == TOKEN_NUMBER && value_is(p->token->value, KIND_INTEGER)) {
        Node *node = syntax_node(p, NODE_ITEM);
        node->a = owner;
        node->b = primary(p);
        return node;
    }
    Node *node = syntax_node(p, NODE_ATTRIBUTE);
    node->a = owner;
    node->name = syntax_expect_name(p);
    return node;
}

static Node *postfix(Parser *p, Node *node)
{
    for (;;) {
        if (syntax_is(p, ".")) node = attribute(p, node);
        else if (syntax_is(p, "[")) node = brackets(p, node);
        else if (syntax_is(p, "(")) node = call(p, node);
        else return node;
    }
}

/* Name of a filter or test, which may have dots. */
static Value dotted_name(Parser *p)
{
    size_t mark = jinja_mark(p->w);
    Value part = syntax_expect_name(p);
    jinja_write(p->w, part.s, part.n);
    while (syntax_skip(p, ".")) {
        part = syntax_expect_name(p);
        jinja_write(p->w, ".", 1);
        jinja_write(p->w, part.s, part.n);
    }
    return jinja_take(p->w, mark);
}

static void look_up(Parser *p, Node *node, const Native *native)
{
    node->native = native;
    if (!native && !p->soft && !p->unknown) p->unknown = node;
}

Node *syntax_filters(Parser *p, Node *first, bool inline_name)
{
    Node *node = first;
    while (inline_name || syntax_skip(p, "|")) {
        Node *filter = syntax_node(p, NODE_FILTER);
        filter->a = node;
        filter->name = dotted_name(p);
        filter->list = syntax_is(p, "(") ? arguments(p) : NULL;
        look_up(p, filter, native_filter(filter->name));
        node = filter;
        inline_name = false;
    }
    return node;
}

/* The argument of `x is divisibleby 3` stands without parentheses. */
static bool starts_test_argument(const Parser *p)
{
    if (p->token->kind == TOKEN_STRING || p->token->kind == TOKEN_NUMBER) return true;
    if (p->token->kind == TOKEN_NAME) return !syntax_is(p, "else") && !syntax_is(p, "or") && !syntax_is(p, "and");
    return syntax_is(p, "[") || syntax_is(p, "{");
}

static Node *test(Parser *p, Node *subject)
{
    Node *node = syntax_node(p, NODE_TEST);
    syntax_expect(p, "is");
    bool negated = syntax_skip(p, "not");
    node->a = subject;
    node->name = dotted_name(p);
    if (syntax_is(p, "(")) {
        node->list = arguments(p);
    } else if (starts_test_argument(p)) {
        if (syntax_is(p, "is")) jinja_raise(p->w, "tests with 'is' cannot be chained");
        node->list = syntax_node(p, NODE_ARGUMENT);
        node->list->a = postfix(p, primary(p));
    }
    look_up(p, node, native_test(node->name));
    if (!negated) return node;
    Node *not = syntax_node(p, NODE_UNARY);
    not->op = OP_NOT;
    not->a = node;
    return not;
}

static Node *filters_and_tests(Parser *p, Node *node)
{
    for (;;) {
        if (syntax_is(p, "|")) node = syntax_filters(p, node, false);
        else if (syntax_is(p, "is")) node = test(p, node);
        else if (syntax_is(p, "(")) node = call(p, node);
        else return node;
    }
}

static Node *signed_operand(Parser *p)
{
    Node *node = syntax_node(p, NODE_UNARY);
    node->op = syntax_is(p, "-") ? OP_NEG : OP_POS;
    p->token++;
    node->a = unary(p, false);
    return node;
}

static Node *unary(Parser *p, bool with_filters)
{
    jinja_enter(p->w);
    Node *node = syntax_is(p, "-") || syntax_is(p, "+") ? signed_operand(p) : primary(p);
    node = postfix(p, node);
    if (with_filters) node = filters_and_tests(p, node);
    jinja_leave(p->w);
    return node;
}

static bool ends_tuple(const Parser *p, const char *end)
{
    bool closed = p->token->kind == TOKEN_BLOCK_END || p->token->kind == TOKEN_VARIABLE_END || syntax_is(p, ")");
    return closed || (end && syntax_is(p, end));
}

Node *syntax_tuple(Parser *p, bool with_condition, const char *end)
{
    if (ends_tuple(p, end)) syntax_unexpected(p, "an expression");
    Node *first = with_condition ? syntax_expression(p) : binary(p, LEVEL_OR);
    if (!syntax_is(p, ",")) return first;
    Node *tuple = syntax_node(p, NODE_TUPLE), **tail = &tuple->list;
    append(&tail, first);
    while (syntax_skip(p, ",") && !ends_tuple(p, end)) append(&tail, with_condition ? syntax_expression(p) : binary(p, LEVEL_OR));
    return tuple;
}

static Node *single_target(Parser *p, bool with_member)
{
    if (syntax_skip(p, "(")) {
        Node *inner = syntax_target(p, with_member, NULL);
        syntax_expect(p, ")");
        return inner;
    }
    Node *node = syntax_node(p, NODE_NAME);
    node->name = syntax_expect_name(p);
    if (with_member && syntax_skip(p, ".")) {
        node->kind = NODE_MEMBER;
        node->b = syntax_node(p, NODE_NAME);
        node->b->name = syntax_expect_name(p);
        return node;
    }
    p->w->at = node->at;
    Value ignored;
    if (literal_name(node->name, &ignored)) jinja_raise(p->w, "cannot assign to %.*s", (int)node->name.n, node->name.s);
    return node;
}

Node *syntax_target(Parser *p, bool with_member, const char *end)
{
    Node *first = single_target(p, with_member);
    if (!syntax_is(p, ",")) return first;
    Node *tuple = syntax_node(p, NODE_TUPLE), **tail = &tuple->list;
    append(&tail, first);
    while (syntax_skip(p, ",") && !ends_tuple(p, end)) append(&tail, single_target(p, with_member));
    return tuple;
}

Node *syntax_parameters(Parser *p)
{
    Node *list = NULL, **tail = &list;
    bool defaults = false;
    syntax_expect(p, "(");
    while (!syntax_is(p, ")")) {
        if (list) syntax_expect(p, ",");
        Node *node = syntax_node(p, NODE_ARGUMENT);
        node->name = syntax_expect_name(p);
        if (syntax_skip(p, "=")) node->a = syntax_expression(p);
        p->w->at = node->at;
        if (defaults && !node->a) jinja_raise(p->w, "a parameter without default stands behind one with");
        defaults = node->a != NULL;
        append(&tail, node);
    }
    syntax_expect(p, ")");
    return list;
}
