/* {% for %} and what `loop` says inside it. The items that pass the loop's `if` are looked for one at a time, as in
 * Jinja: the condition of a later item sees what the body has done before, and only loop.last, loop.nextitem and
 * loop.length look ahead. */
#include "data/text/jinja/evaluate.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

struct Loop {
    const Node *node;
    Scope      *outer;
    const List *items;
    uint32_t    next;                    /* the item to look at next */
    bool        tested;                  /* what is left in `items` has passed the condition */
    bool        ahead;                   /* `after` was fetched already */
    bool        has_before;
    Value       before, current, after, changed;
    int64_t     index0, length, depth0;  /* length -1: not known yet */
};

static bool passes(Work *w, const Loop *loop, Value item)
{
    if (loop->tested) return true;
    Scope *inside = w->scope;
    w->scope = scope_new(w, loop->outer);
    execute_target(w, loop->node->a, item);
    bool pass = value_truth(evaluate(w, loop->node->c));
    w->scope = inside;
    return pass;
}

static bool fetch(Work *w, Loop *loop, Value *item)
{
    while (loop->next < loop->items->n) {
        *item = loop->items->item[loop->next++];
        if (passes(w, loop, *item)) return true;
    }
    return false;
}

static bool peek(Work *w, Loop *loop)
{
    if (!loop->ahead) loop->ahead = fetch(w, loop, &loop->after);
    return loop->ahead;
}

static bool advance(Work *w, Loop *loop)
{
    Value item;
    if (!peek(w, loop)) return false;
    item = loop->after;
    loop->ahead = false;
    loop->has_before = ++loop->index0 > 0;
    loop->before = loop->current;
    loop->current = item;
    return true;
}

/* The number of items; with a condition, all that are left are tested now. */
static int64_t length(Work *w, Loop *loop)
{
    if (loop->length >= 0) return loop->length;
    Value left = value_list(w, FLAVOR_LIST, loop->items->n - loop->next);
    uint32_t n = 0;
    while (fetch(w, loop, &left.list->item[n])) n++;
    left.list->n = n;
    loop->items = left.list;
    loop->next = 0;
    loop->tested = true;
    return loop->length = n + loop->index0 + 1 + loop->ahead;
}

static Flow run(Work *w, const Node *node, Scope *outer, Value items, int64_t depth0)
{
    Scope *back = w->scope;
    Loop *loop = jinja_new(w, 1, sizeof *loop);
    *loop = (Loop){ .node = node, .outer = outer, .items = value_items(w, items), .tested = !node->c, .index0 = -1, .depth0 = depth0 };
    loop->length = node->c ? -1 : (int64_t)loop->items->n;
    Value self = { .kind = KIND_LOOP, .loop = loop }, name = value_text("loop");
    Flow flow = FLOW_ON;
    Scope *inside = scope_new(w, outer);
    while (flow != FLOW_BREAK && advance(w, loop)) {
        jinja_spend(w, 1);
        if (inside->captured) inside = scope_new(w, outer);
        inside->names.n = 0;
        w->scope = inside;
        dict_set(w, &inside->names, name, self);
        execute_target(w, node->a, loop->current);
        flow = execute(w, node->body);
    }
    w->scope = scope_new(w, outer);
    flow = loop->index0 < 0 ? execute(w, node->orelse) : FLOW_ON;
    w->scope = back;
    return flow;
}

Flow loop_run(Work *w, const Node *node)
{
    Value items = evaluate(w, node->b);
    w->at = node->at;
    return run(w, node, w->scope, items, 0);
}

Value loop_again(Work *w, Loop *loop, Value items)
{
    if (!loop->node->flag) jinja_raise(w, "the loop must have the 'recursive' marker to be called recursively");
    size_t mark = execute_capture(w);
    run(w, loop->node, loop->outer, items, loop->depth0 + 1);
    return execute_captured(w, mark);
}

static Value get_index(Work *w, Loop *loop) { (void)w; return value_integer(loop->index0 + 1); }
static Value get_index0(Work *w, Loop *loop) { (void)w; return value_integer(loop->index0); }
static Value get_first(Work *w, Loop *loop) { (void)w; return value_bool(loop->index0 == 0); }
static Value get_last(Work *w, Loop *loop) { return value_bool(!peek(w, loop)); }
static Value get_length(Work *w, Loop *loop) { return value_integer(length(w, loop)); }
static Value get_revindex(Work *w, Loop *loop) { return value_integer(length(w, loop) - loop->index0); }
static Value get_revindex0(Work *w, Loop *loop) { return value_integer(length(w, loop) - loop->index0 - 1); }
static Value get_depth(Work *w, Loop *loop) { (void)w; return value_integer(loop->depth0 + 1); }
static Value get_depth0(Work *w, Loop *loop) { (void)w; return value_integer(loop->depth0); }
static Value get_previtem(Work *w, Loop *loop) { return loop->has_before ? loop->before : value_undefined(w, "there is no previous item"); }
static Value get_nextitem(Work *w, Loop *loop) { return peek(w, loop) ? loop->after : value_undefined(w, "there is no next item"); }

static Value call_cycle(Work *w, Value self, const Arguments *arguments)
{
    if (!arguments->n) jinja_raise(w, "no items for cycling given");
    return arguments->value[(size_t)self.loop->index0 % arguments->n];
}

static Value call_changed(Work *w, Value self, const Arguments *arguments)
{
    Value now = value_list(w, FLAVOR_TUPLE, arguments->n);
    for (size_t i = 0; i < arguments->n; i++) now.list->item[i] = arguments->value[i];
    bool changed = !value_equal(w, now, self.loop->changed);
    if (changed) self.loop->changed = now;
    return value_bool(changed);
}

static const Native methods[] = { { "cycle", call_cycle, 0, { "*" } }, { "changed", call_changed, 0, { "*" } }, { 0 } };
static const struct { const char *name; Value (*get)(Work *, Loop *); } attributes[] = {
    { "index", get_index }, { "index0", get_index0 }, { "first", get_first }, { "last", get_last }, { "length", get_length },
    { "revindex", get_revindex }, { "revindex0", get_revindex0 }, { "depth", get_depth }, { "depth0", get_depth0 },
    { "previtem", get_previtem }, { "nextitem", get_nextitem },
};

bool loop_attribute(Work *w, Loop *loop, Value name, Value *x)
{
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++)
        if (value_is_text(name, attributes[i].name)) {
            *x = attributes[i].get(w, loop);
            return true;
        }
    const Native *method = native_find(methods, name);
    if (method) *x = native_bind(w, method, (Value){ .kind = KIND_LOOP, .loop = loop });
    return method != NULL;
}
