/* Walking the tree. Expressions give values; statements write to the work's text and say how the sequence goes on. */
#ifndef DATA_TEXT_JINJA_EVALUATE_H
#define DATA_TEXT_JINJA_EVALUATE_H
#include "data/text/jinja/natives.h"
#include "data/text/jinja/syntax.h"
#include "data/text/jinja/value.h"

typedef enum { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE } Flow;

struct Macro { const Node *node; Scope *scope; };        /* where it was made: the names its body sees */

Value evaluate(Work *, const Node *);
Value evaluate_call(Work *, Value callee, const Arguments *);
Value evaluate_call_block(Work *, const Node *);         /* {% call %}: the call, with the body as `caller` */
Value evaluate_filters(Work *, const Node *filters, Value first);
Value evaluate_macro(Work *, const Node *);              /* a macro or a caller as a value */

Flow  execute(Work *, const Node *first);                /* a chain of statements */
void  execute_target(Work *, const Node *target, Value);

/* Text that is not output yet. */
size_t execute_capture(Work *);
Value  execute_captured(Work *, size_t mark);

Flow  loop_run(Work *, const Node *);
Value loop_again(Work *, Loop *, Value items);           /* loop(items) of a recursive loop */
bool  loop_attribute(Work *, Loop *, Value name, Value *);

#endif
