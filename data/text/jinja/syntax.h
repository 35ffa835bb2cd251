/* A template as read: tokens, then a tree. Nodes live in the template's own arena and never change afterwards, so one
 * template may be rendered by many threads at once. */
#ifndef DATA_TEXT_JINJA_SYNTAX_H
#define DATA_TEXT_JINJA_SYNTAX_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/text/jinja/value.h"
#include "data/text/jinja/work.h"

typedef enum {
    TOKEN_DATA, TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END, TOKEN_BLOCK_BEGIN, TOKEN_BLOCK_END,
    TOKEN_NAME, TOKEN_STRING, TOKEN_NUMBER, TOKEN_OPERATOR, TOKEN_END,
} TokenKind;
typedef struct {
    TokenKind kind;
    size_t    at;                        /* offset in the source */
    Value     value;                     /* text of data, name, string, operator; or the number */
} Token;

/* The whole template in tokens, TOKEN_END last; white space control is done and comments are gone. */
Token *syntax_tokens(Work *);

typedef enum {
    OP_NONE, OP_OR, OP_AND, OP_NOT, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN,
    OP_ADD, OP_SUB, OP_CONCAT, OP_MUL, OP_DIV, OP_FLOORDIV, OP_MOD, OP_POW, OP_POS, OP_NEG, OP_STAR, OP_STARSTAR,
} Operator;

/* What each kind keeps where. `list` and statement bodies are chains by `next`. */
typedef enum {
    NODE_LITERAL,      /* value */
    NODE_NAME,         /* name */
    NODE_LIST,         /* list */
    NODE_TUPLE,        /* list */
    NODE_DICT,         /* list: key, value, key, value, … */
    NODE_UNARY,        /* op a */
    NODE_BINARY,       /* a op b; `or` and `and` too */
    NODE_COMPARE,      /* a, then list of NODE_OPERAND */
    NODE_OPERAND,      /* op a */
    NODE_CONDITION,    /* a if b else c; c NULL: undefined */
    NODE_ATTRIBUTE,    /* a.name */
    NODE_ITEM,         /* a[b] */
    NODE_SLICE,        /* a[b:c:d]; each may be NULL */
    NODE_CALL,         /* a(list of NODE_ARGUMENT) */
    NODE_ARGUMENT,     /* a; name: by keyword; op STAR or STARSTAR: spread */
    NODE_FILTER,       /* a | native(list); a NULL: what a block gives */
    NODE_TEST,         /* a is native(list) */
    NODE_MEMBER,       /* name.b: a namespace's member as a target, b a NODE_NAME */
    NODE_TEXT,         /* value */
    NODE_OUTPUT,       /* a */
    NODE_IF,           /* a, body, orelse */
    NODE_FOR,          /* a (target) in b if c; body, orelse; flag: recursive */
    NODE_SET,          /* a (target) = b */
    NODE_SET_BLOCK,    /* a (target), b (filters, may be NULL), body */
    NODE_MACRO,        /* name, list of parameters (NODE_ARGUMENT: name, a = default or NULL), body, specials */
    NODE_CALL_BLOCK,   /* a (the call), and the caller: list, body, specials */
    NODE_FILTER_BLOCK, /* b (filters), body */
    NODE_WITH,         /* list of NODE_SET, body */
    NODE_GENERATION,   /* body */
    NODE_BREAK,
    NODE_CONTINUE,
    NODE_KINDS,
} NodeKind;

enum { SPECIAL_CALLER = 1, SPECIAL_KWARGS = 2, SPECIAL_VARARGS = 4 };   /* names a macro's body uses without declaring them */

typedef struct Node Node;
struct Node {
    uint8_t       kind, op, specials;
    bool          flag;
    uint32_t      at;
    Value         name, value;
    const Native *native;                /* NULL: no such filter or test */
    Node         *a, *b, *c, *d, *list, *body, *orelse, *next;
};

/* Reading the tokens: shared by the two halves of the parser. */
typedef struct {
    Work  *w;
    Token *token;                        /* the next one */
    bool   soft;                         /* in an `if`: an unknown filter is an error only when it is reached, as in Jinja */
    bool   in_loop, marks_generation;
    int    specials;
    Node  *unknown;                      /* the first unknown filter or test that is an error now */
} Parser;

Node *syntax_parse(Work *, bool *marks_generation);      /* the whole template */

Node *syntax_node(Parser *, NodeKind);                   /* at the next token */
bool  syntax_is(const Parser *, const char *);           /* the next token is this name or operator */
bool  syntax_skip(Parser *, const char *);               /* if so, steps over it */
void  syntax_expect(Parser *, const char *);
void  syntax_expect_kind(Parser *, TokenKind);
Value syntax_expect_name(Parser *);
void  syntax_unexpected(Parser *, const char *expected) __attribute__((noreturn));

Node *syntax_expression(Parser *);
Node *syntax_tuple(Parser *, bool with_condition, const char *end);   /* `a` or `a, b`; `end`: a name that ends it, or NULL */
Node *syntax_target(Parser *, bool with_member, const char *end);     /* what can be assigned to */
Node *syntax_filters(Parser *, Node *first, bool inline_name);
Node *syntax_parameters(Parser *);                                    /* (a, b=1) of a macro */

#endif
