/* A template as a whole: read once, rendered many times. This is where a piece of work begins and where it comes back to
 * when something raises. */
#ifndef DATA_TEXT_JINJA_JINJA_H
#define DATA_TEXT_JINJA_JINJA_H
#include "data/text/jinja/syntax.h"
#include "data/text/jinja/work.h"

typedef struct {
    char *name, *source;                 /* newlines are "\n", and the last one is gone */
    Work  work;                          /* the arena that holds the tree */
    Node *body;
    bool  marks_generation;
} Jinja;

/* Puts what the template may see into a scope. Runs inside the render, so it may raise. */
typedef void JinjaBind(Work *, Scope *, const void *ctx);

Status jinja_open(Jinja *, const char *name, const char *source);      /* {0} before; on failure nothing is left to close */
void   jinja_close(Jinja *);
Status jinja_render(const Jinja *, JinjaBind *, const void *ctx, const char *date, ChatText *);

#endif
