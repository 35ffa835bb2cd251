/* Statements: one function per tag, found by name in a table. */
#include <string.h>

#include "data/text/jinja/natives.h"
#include "data/text/jinja/syntax.h"
#include "data/text/jinja/text.h"

Node *syntax_node(Parser *p, NodeKind kind)
{
    Node *node = jinja_new(p->w, 1, sizeof *node);
    node->kind = (uint8_t)kind;
    node->at = (uint32_t)p->token->at;
    return node;
}

bool syntax_is(const Parser *p, const char *text)
{
    return (p->token->kind == TOKEN_NAME || p->token->kind == TOKEN_OPERATOR) && value_is_text(p->token->value, text);
}

bool syntax_skip(Parser *p, const char *text)
{
    bool is = syntax_is(p, text);
    p->token += is;
    return is;
}

void syntax_unexpected(Parser *p, const char *expected)
{
    static const char *const kinds[] = {
        [TOKEN_DATA] = "text", [TOKEN_VARIABLE_BEGIN] = "'{{'", [TOKEN_VARIABLE_END] = "'}}'", [TOKEN_BLOCK_BEGIN] = "'{%'", [TOKEN_BLOCK_END] = "'%}'",
        [TOKEN_STRING] = "a string", [TOKEN_NUMBER] = "a number", [TOKEN_END] = "the end of the template",
    };
    p->w->at = p->token->at;
    Value value = p->token->value;
    if (kinds[p->token->kind]) jinja_raise(p->w, "expected %s, found %s", expected, kinds[p->token->kind]);
    jinja_raise(p->w, "expected %s, found '%.*s'", expected, (int)value.n, value.s);
}

void syntax_expect(Parser *p, const char *text)
{
    if (syntax_skip(p, text)) return;
    char quoted[32] = "'";
    strncat(quoted, text, 28);
    strcat(quoted, "'");
    syntax_unexpected(p, quoted);
}

void syntax_expect_kind(Parser *p, TokenKind kind)
{
    if (p->token->kind != kind) syntax_unexpected(p, kind == TOKEN_BLOCK_END ? "'%}'" : "'}}'");
    p->token++;
}

Value syntax_expect_name(Parser *p)
{
    if (p->token->kind != TOKEN_NAME) syntax_unexpected(p, "a name");
    return p->token++->value;
}

static Node *statement(Parser *p);

/* Text, outputs and statements up to a tag named one of `ends`, standing behind its "{%" then, or the template's end. */
static Node *sequence(Parser *p, const char *const ends[])
{
    Node *first = NULL, **tail = &first;
    for (; p->token->kind != TOKEN_END; tail = &(*tail)->next) {
        if (p->token->kind == TOKEN_DATA) {
            *tail = syntax_node(p, NODE_TEXT);
            (*tail)->value = p->token++->value;
        } else if (p->token->kind == TOKEN_VARIABLE_BEGIN) {
            *tail = syntax_node(p, NODE_OUTPUT);
            p->token++;
            (*tail)->a = syntax_tuple(p, true, NULL);
            syntax_expect_kind(p, TOKEN_VARIABLE_END);
        } else {
            p->token++;
            for (int i = 0; ends && ends[i]; i++)
                if (syntax_is(p, ends[i])) return first;
            *tail = statement(p);
            syntax_expect_kind(p, TOKEN_BLOCK_END);
        }
    }
    return first;
}

/* The body of a tag: from the end of the tag to one of `ends`, which is stepped over. Returns which it was. */
static int body(Parser *p, Node **to, const char *const ends[])
{
    syntax_skip(p, ":");
    size_t opened = p->token->at;
    syntax_expect_kind(p, TOKEN_BLOCK_END);
    *to = sequence(p, ends);
    int which = 0;
    if (p->token->kind == TOKEN_END) {
        while (ends[which + 1]) which++;
        p->w->at = opened;
        jinja_raise(p->w, "this block has no '%s'", ends[which]);
    }
    while (!syntax_is(p, ends[which])) which++;
    p->token++;
    return which;
}

/* A body that Python would compile to its own frame: there an unknown filter is an error again, `break` finds no loop. */
static int framed_body(Parser *p, Node **to, const char *const ends[], bool loop)
{
    Parser outer = *p;
    p->soft = false;
    p->in_loop = loop;
    int which = body(p, to, ends);
    p->soft = outer.soft;
    p->in_loop = outer.in_loop;
    return which;
}

/* A macro's body; notes which special names it uses. */
static void macro_body(Parser *p, Node *node, const char *const ends[])
{
    int outer = p->specials;
    p->specials = 0;
    framed_body(p, &node->body, ends, false);
    node->specials = (uint8_t)p->specials;
    for (const Node *parameter = node->list; parameter; parameter = parameter->next) {
        if (value_is_text(parameter->name, "caller")) node->specials &= (uint8_t)~SPECIAL_CALLER;
        if (value_is_text(parameter->name, "kwargs")) node->specials &= (uint8_t)~SPECIAL_KWARGS;
        if (value_is_text(parameter->name, "varargs")) node->specials &= (uint8_t)~SPECIAL_VARARGS;
    }
    p->specials |= outer;
}

static Node *parse_if(Parser *p)
{
    static const char *const ends[] = { "elif", "else", "endif", NULL }, *const last[] = { "endif", NULL };
    Node *first = syntax_node(p, NODE_IF), *node = first;
    bool soft = p->soft;
    p->soft = true;
    for (;;) {
        node->a = syntax_tuple(p, false, NULL);
        int which = body(p, &node->body, ends);
        if (which == 1) body(p, &node->orelse, last);
        if (which != 0) break;
        node = node->orelse = syntax_node(p, NODE_IF);
    }
    p->soft = soft;
    return first;
}

static Node *parse_for(Parser *p)
{
    static const char *const ends[] = { "else", "endfor", NULL }, *const last[] = { "endfor", NULL };
    Node *node = syntax_node(p, NODE_FOR);
    node->a = syntax_target(p, false, "in");
    p->w->at = node->at;
    for (const Node *name = node->a->kind == NODE_TUPLE ? node->a->list : node->a; name; name = name->next)
        if (value_is_text(name->name, "loop")) jinja_raise(p->w, "cannot assign to the special name 'loop'");
    syntax_expect(p, "in");
    node->b = syntax_tuple(p, false, "recursive");
    bool soft = p->soft;
    p->soft = false;
    node->c = syntax_skip(p, "if") ? syntax_expression(p) : NULL;
    p->soft = soft;
    node->flag = syntax_skip(p, "recursive");
    if (framed_body(p, &node->body, ends, true) == 0) framed_body(p, &node->orelse, last, p->in_loop);
    return node;
}

static Node *parse_set(Parser *p)
{
    static const char *const ends[] = { "endset", NULL };
    Node *node = syntax_node(p, NODE_SET);
    node->a = syntax_target(p, true, NULL);
    if (syntax_skip(p, "=")) {
        node->b = syntax_tuple(p, true, NULL);
        return node;
    }
    node->kind = NODE_SET_BLOCK;
    node->b = syntax_filters(p, NULL, false);
    framed_body(p, &node->body, ends, false);
    return node;
}

static Node *parse_macro(Parser *p)
{
    static const char *const ends[] = { "endmacro", NULL };
    Node *node = syntax_node(p, NODE_MACRO);
    node->name = syntax_expect_name(p);
    node->list = syntax_parameters(p);
    macro_body(p, node, ends);
    return node;
}

static Node *parse_call(Parser *p)
{
    static const char *const ends[] = { "endcall", NULL };
    Node *node = syntax_node(p, NODE_CALL_BLOCK);
    node->name = value_text("caller");
    if (syntax_is(p, "(")) node->list = syntax_parameters(p);
    node->a = syntax_expression(p);
    p->w->at = node->at;
    if (node->a->kind != NODE_CALL) jinja_raise(p->w, "expected a call behind 'call'");
    macro_body(p, node, ends);
    return node;
}

static Node *parse_filter(Parser *p)
{
    static const char *const ends[] = { "endfilter", NULL };
    Node *node = syntax_node(p, NODE_FILTER_BLOCK);
    node->b = syntax_filters(p, NULL, true);
    framed_body(p, &node->body, ends, false);
    return node;
}

static Node *parse_with(Parser *p)
{
    static const char *const ends[] = { "endwith", NULL };
    Node *node = syntax_node(p, NODE_WITH), **tail = &node->list;
    while (p->token->kind != TOKEN_BLOCK_END) {
        if (node->list) syntax_expect(p, ",");
        Node *set = *tail = syntax_node(p, NODE_SET);
        tail = &set->next;
        set->a = syntax_target(p, false, NULL);
        syntax_expect(p, "=");
        set->b = syntax_expression(p);
    }
    framed_body(p, &node->body, ends, p->in_loop);
    return node;
}

static Node *parse_generation(Parser *p)
{
    static const char *const ends[] = { "endgeneration", NULL };
    Node *node = syntax_node(p, NODE_GENERATION);
    framed_body(p, &node->body, ends, false);
    p->marks_generation = true;
    return node;
}

static Node *parse_leave(Parser *p)
{
    Node *node = syntax_node(p, value_is_text(p->token[-1].value, "break") ? NODE_BREAK : NODE_CONTINUE);
    p->w->at = p->token[-1].at;
    if (!p->in_loop) jinja_raise(p->w, "'%.*s' outside a loop", (int)p->token[-1].value.n, p->token[-1].value.s);
    return node;
}

static Node *parse_unsupported(Parser *p)
{
    p->w->at = p->token[-1].at;
    jinja_raise(p->w, "'%.*s' is not supported in chat templates", (int)p->token[-1].value.n, p->token[-1].value.s);
}

static const struct { const char *name; Node *(*parse)(Parser *); } tags[] = {
    { "if", parse_if }, { "for", parse_for }, { "set", parse_set }, { "macro", parse_macro }, { "call", parse_call },
    { "filter", parse_filter }, { "with", parse_with }, { "generation", parse_generation }, { "break", parse_leave },
    { "continue", parse_leave }, { "include", parse_unsupported }, { "import", parse_unsupported }, { "from", parse_unsupported },
    { "extends", parse_unsupported }, { "block", parse_unsupported }, { "do", parse_unsupported }, { "trans", parse_unsupported },
    { "autoescape", parse_unsupported }, { "print", parse_unsupported }, { "debug", parse_unsupported },
};

static Node *statement(Parser *p)
{
    p->w->at = p->token->at;
    Value name = syntax_expect_name(p);
    jinja_enter(p->w);
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (value_is_text(name, tags[i].name)) {
            Node *node = tags[i].parse(p);
            jinja_leave(p->w);
            return node;
        }
    jinja_raise(p->w, "unknown tag '%.*s'", (int)name.n, name.s);
}

Node *syntax_parse(Work *w, bool *marks_generation)
{
    Parser p = { .w = w, .token = syntax_tokens(w) };
    Node *node = sequence(&p, NULL);
    if (p.unknown) {
        w->at = p.unknown->at;
        jinja_raise(w, "no %s named '%.*s'", p.unknown->kind == NODE_FILTER ? "filter" : "test", (int)p.unknown->name.n, p.unknown->name.s);
    }
    *marks_generation = p.marks_generation;
    return node;
}
