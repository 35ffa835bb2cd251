#include "data/file/parquet/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/utf8.h"
#include "kernels/memory.h"

enum { MAX_DEPTH = 64 };      /* levels fit in a byte, recursion in the stack */

typedef struct { const SchemaElement *element; int n, at; Schema *schema; } Builder;

/* Where a node stands: the levels of what is around it, and the way to it. */
typedef struct { int def, rep, depth; const char *path; } Place;

static Status build_node(Builder *, Place, SchemaNode *);
static Status build_content(Builder *, const SchemaElement *, Place, SchemaNode *);

static bool is_group(const SchemaElement *e) { return e->leaf.physical < 0; }

/* Names become keys of a Json: text without U+0000. */
static Status take_name(const SchemaElement *e, Place place, char **name)
{
    size_t broken, n = e->name.n;
    if (utf8_valid(e->name.bytes, n, &broken) < n || memchr(e->name.bytes, 0, n))
        return fail(STATUS_INPUT, "a column with a name that is not text%s%s", *place.path ? ", inside of " : "", place.path);
    *name = memory_new(n + 1, 1);
    memcpy(*name, e->name.bytes, n);
    return STATUS_OK;
}

static Status next_element(Builder *b, Place place, const SchemaElement **e)
{
    if (b->at == b->n) return fail(STATUS_INPUT, "column %s: the schema ends inside of it", place.path);
    if (place.depth > MAX_DEPTH) return fail(STATUS_INPUT, "column %s: more than %d levels of nesting", place.path, MAX_DEPTH);
    *e = &b->element[b->at++];
    return STATUS_OK;
}

/* Room for the children and the path of one; the caller fills them. */
static void add_children(SchemaNode *node, int n)
{
    node->child = memory_new((size_t)n, sizeof *node->child);
    node->n_children = n;
}

static Status build_value(Builder *b, const SchemaElement *e, Place place, SchemaNode *node)
{
    node->kind = NODE_VALUE;
    Leaf *leaf = &MEMORY_PUSH(b->schema->leaf, b->schema->n_leaves, b->schema->cap_leaves);
    *leaf = e->leaf;
    leaf->max_def = place.def;
    leaf->max_rep = place.rep;
    snprintf(leaf->path, sizeof leaf->path, "%s", place.path);
    TRY(leaf_check(leaf), "column %s", place.path);
    return STATUS_OK;
}

static Status build_struct(Builder *b, const SchemaElement *e, Place place, SchemaNode *node)
{
    node->kind = NODE_STRUCT;
    add_children(node, e->n_children);
    for (int i = 0; i < e->n_children; i++) TRY(build_node(b, place, &node->child[i]));
    return STATUS_OK;
}

/* The repeated child that a list or map consists of. */
static Status next_repeated(Builder *b, const SchemaElement *outer, Place place, const SchemaElement **repeated)
{
    TRY(next_element(b, place, repeated));
    if (outer->n_children == 1 && (*repeated)->repetition == REPETITION_REPEATED) return STATUS_OK;
    return fail(STATUS_INPUT, "column %s: a list or map with %d children, expected one that is repeated", place.path, outer->n_children);
}

/* Of the older two-level lists, whose repeated child is the item itself, a group of one is told by its name, or by what it holds. */
static bool is_item(const Builder *b, const SchemaElement *list, const SchemaElement *repeated)
{
    static const char tuple[] = "_tuple";
    size_t n = list->name.n, more = sizeof tuple - 1;
    if (!is_group(repeated) || repeated->n_children != 1) return true;
    if (b->at < b->n && b->element[b->at].repetition == REPETITION_REPEATED) return true;
    if (repeated->name.n == 5 && !memcmp(repeated->name.bytes, "array", 5)) return true;
    return repeated->name.n == n + more && !memcmp(repeated->name.bytes, list->name.bytes, n) && !memcmp(repeated->name.bytes + n, tuple, more);
}

static void begin_list(SchemaNode *node, Place *place)
{
    node->kind = NODE_LIST;
    node->item_def = ++place->def;
    node->rep = ++place->rep;
    place->depth++;
}

static Status build_list(Builder *b, const SchemaElement *e, Place place, SchemaNode *node)
{
    const SchemaElement *repeated = NULL;
    TRY(next_repeated(b, e, place, &repeated));
    begin_list(node, &place);
    add_children(node, 1);
    node->child->def = place.def;
    return is_item(b, e, repeated) ? build_content(b, repeated, place, node->child) : build_node(b, place, node->child);
}

/* Without a value a map is the list of its keys. */
static Status build_map(Builder *b, const SchemaElement *e, Place place, SchemaNode *node)
{
    const SchemaElement *repeated = NULL;
    TRY(next_repeated(b, e, place, &repeated));
    if (repeated->n_children < 1 || repeated->n_children > 2)
        return fail(STATUS_INPUT, "column %s: a map with %d children, expected key and value", place.path, repeated->n_children);
    begin_list(node, &place);
    if (repeated->n_children == 2) node->kind = NODE_MAP;
    add_children(node, repeated->n_children);
    for (int i = 0; i < repeated->n_children; i++) TRY(build_node(b, place, &node->child[i]));
    return STATUS_OK;
}

/* What stands under the element's name, now that its own repetition is in the place's levels. */
static Status build_content(Builder *b, const SchemaElement *e, Place place, SchemaNode *node)
{
    place.depth++;
    node->def = place.def;
    node->first_leaf = b->schema->n_leaves;
    Status status;
    if (!is_group(e)) status = build_value(b, e, place, node);
    else if (e->n_children < 1 || e->n_children > b->n - b->at)
        status = fail(STATUS_INPUT, "column %s: a group of %d columns, %d are left", place.path, e->n_children, b->n - b->at);
    else if (e->leaf.logical == LOGICAL_LIST) status = build_list(b, e, place, node);
    else if (e->leaf.logical == LOGICAL_MAP) status = build_map(b, e, place, node);
    else status = build_struct(b, e, place, node);
    node->n_leaves = b->schema->n_leaves - node->first_leaf;
    return status;
}

/* The next element, whatever its repetition: one that is repeated by itself is a list that is never null. */
static Status build_node(Builder *b, Place place, SchemaNode *node)
{
    const SchemaElement *e = NULL;
    char path[sizeof ((Leaf *)0)->path];
    TRY(next_element(b, place, &e));
    TRY(take_name(e, place, &node->name));
    snprintf(path, sizeof path, "%s%s%s", place.path, *place.path ? "." : "", node->name);
    place.path = path;
    if (e->repetition != REPETITION_REPEATED) {
        place.def += e->repetition == REPETITION_OPTIONAL;
        return build_content(b, e, place, node);
    }
    node->def = place.def;
    node->first_leaf = b->schema->n_leaves;
    begin_list(node, &place);
    add_children(node, 1);
    TRY(build_content(b, e, place, node->child));
    node->n_leaves = b->schema->n_leaves - node->first_leaf;
    return STATUS_OK;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Of two fields with one name a dict would keep only the last. */
static Status check_names(const SchemaNode *node)
{
    char **name = memory_new((size_t)node->n_children, sizeof *name);
    Status status = STATUS_OK;
    for (int i = 0; i < node->n_children; i++) name[i] = node->child[i].name;
    if (node->kind == NODE_STRUCT) {
        qsort(name, (size_t)node->n_children, sizeof *name, by_name);
        for (int i = 1; i < node->n_children && status == STATUS_OK; i++)
            if (!by_name(&name[i - 1], &name[i])) status = fail(STATUS_INPUT, "two columns with the name %s", name[i]);
    }
    free(name);
    for (int i = 0; i < node->n_children && status == STATUS_OK; i++) status = check_names(&node->child[i]);
    return status;
}

Status schema_build(Schema *schema, const SchemaElement *element, int n)
{
    Builder b = { .element = element, .n = n, .schema = schema };
    const SchemaElement *root = element;
    *schema = (Schema){0};
    if (n < 2 || !is_group(root) || root->n_children < 1 || root->n_children >= n) return fail(STATUS_INPUT, "a schema of no columns, or of more than it lists");
    b.at = 1;
    TRY(build_struct(&b, root, (Place){ .path = "" }, &schema->root));
    schema->root.n_leaves = schema->n_leaves;
    if (b.at < n) return fail(STATUS_INPUT, "the schema lists %d more columns than it has places for", n - b.at);
    return check_names(&schema->root);
}

static void free_node(SchemaNode *node)
{
    for (int i = 0; i < node->n_children; i++) free_node(&node->child[i]);
    free(node->child);
    free(node->name);
}

void schema_free(Schema *schema)
{
    free_node(&schema->root);
    free(schema->leaf);
    *schema = (Schema){0};
}
