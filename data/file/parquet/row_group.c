#include "data/file/parquet/row_group.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

Status row_group_check(const Schema *schema, const Footer *footer, int i_group, const Mapped *file)
{
    const FooterGroup *group = &footer->group[i_group];
    if (group->n_chunks != schema->n_leaves)
        return fail(STATUS_INPUT, "row group %d has %d columns, the schema has %d", i_group, group->n_chunks, schema->n_leaves);
    for (int i = 0; i < schema->n_leaves; i++)
        TRY(chunk_check(&schema->leaf[i], &footer->chunk[group->first_chunk + i], file), "row group %d, column %s", i_group, schema->leaf[i].path);
    return STATUS_OK;
}

Status row_group_decode(RowGroup *group, const Schema *schema, const Footer *footer, int i_group, const Mapped *file, size_t limit)
{
    const FooterGroup *where = &footer->group[i_group];
    *group = (RowGroup){ .schema = schema, .n_rows = where->n_rows, .store.limit = limit };
    group->chunk = memory_new((size_t)schema->n_leaves, sizeof *group->chunk);
    for (int i = 0; i < schema->n_leaves; i++)
        TRY(chunk_decode(&group->chunk[i], &schema->leaf[i], &footer->chunk[where->first_chunk + i], where->n_rows, file, &group->store),
            "row group %d, column %s", i_group, schema->leaf[i].path);
    return STATUS_OK;
}

void row_group_free(RowGroup *group)
{
    for (int i = 0; group->chunk && i < group->schema->n_leaves; i++) chunk_free(&group->chunk[i]);
    free(group->chunk);
    store_free(&group->store);
    *group = (RowGroup){0};
}

/* One row ----------------------------------------------------------------------------------------------------------- */

/* Where reading stands in each column: the next entry, the end of the row, the next value. All columns below a node move together;
 * that they agree about what is there is checked on the way, the columns being separate claims. */
typedef struct { int64_t entry, end, value; } Cursor;
typedef struct { const RowGroup *group; Cursor *cursor; size_t left; } Row;

enum { NODE_BYTES = 96 };      /* what a node of a Json takes, roughly */

static Status spend(Row *row, size_t bytes)
{
    if (bytes > row->left) return fail(STATUS_INPUT, "a row of more than %zu MiB, the limit for a file of this size", row->group->store.limit / 2 >> 20);
    row->left -= bytes;
    return STATUS_OK;
}

/* The definition level of a column's next entry; there is one. */
static int level(const Row *row, int i_leaf)
{
    const Chunk *chunk = &row->group->chunk[i_leaf];
    return chunk->def ? chunk->def[row->cursor[i_leaf].entry] : 0;
}

static Status check_entry(const Row *row, int i_leaf)
{
    if (row->cursor[i_leaf].entry < row->cursor[i_leaf].end) return STATUS_OK;
    return fail(STATUS_INPUT, "column %s has fewer entries than the columns beside it", row->group->schema->leaf[i_leaf].path);
}

static void advance(Row *row, int i_leaf)
{
    row->cursor[i_leaf].value += level(row, i_leaf) == row->group->chunk[i_leaf].leaf->max_def;
    row->cursor[i_leaf].entry++;
}

/* Nothing is here: each column below has one entry that says so. */
static Status skip(Row *row, const SchemaNode *node, int below)
{
    for (int i = node->first_leaf; i < node->first_leaf + node->n_leaves; i++) {
        TRY(check_entry(row, i));
        if (level(row, i) >= below) return fail(STATUS_INPUT, "column %s has an entry where the columns beside it have none", row->group->schema->leaf[i].path);
        advance(row, i);
    }
    return STATUS_OK;
}

static Status get_node(Row *, const SchemaNode *, Json **);

static Status get_value(Row *row, const SchemaNode *node, Json **out)
{
    int i = node->first_leaf;
    const Chunk *chunk = &row->group->chunk[i];
    const uint8_t *value = chunk->value[row->cursor[i].value], *bytes;
    TRY(spend(row, (size_t)leaf_value_bytes(chunk->leaf, value, &bytes) * (chunk->leaf->logical ? 1 : 4)));      /* \x00 for a byte */
    TRY(leaf_json(chunk->leaf, value, out), "column %s", chunk->leaf->path);
    advance(row, i);
    return STATUS_OK;
}

/* The children as members of an object, or as items of a list. */
static Status get_children(Row *row, const SchemaNode *node, Json *parent)
{
    for (int i = 0; i < node->n_children; i++) {
        Json *value = NULL;
        TRY(get_node(row, &node->child[i], &value));
        if (node->kind == NODE_STRUCT) json_append(parent, node->child[i].name, value);
        else json_push(parent, value);
    }
    return STATUS_OK;
}

/* Key and value of a map are a list of two, as pyarrow's pairs print. */
static Status get_item(Row *row, const SchemaNode *node, Json *list)
{
    if (node->kind == NODE_LIST) return get_children(row, node, list);
    Json *pair = json_new_array();
    json_push(list, pair);
    TRY(spend(row, NODE_BYTES));
    return get_children(row, node, pair);
}

static bool more_items(const Row *row, const SchemaNode *node)
{
    const Cursor *first = &row->cursor[node->first_leaf];
    return first->entry < first->end && row->group->chunk[node->first_leaf].rep[first->entry] == node->rep;
}

static Status get_list(Row *row, const SchemaNode *node, Json **out)
{
    *out = json_new_array();
    if (level(row, node->first_leaf) < node->item_def) return skip(row, node, node->item_def);
    do TRY(get_item(row, node, *out));
    while (more_items(row, node));
    return STATUS_OK;
}

/* On error *out is NULL or to be freed. */
static Status build_node(Row *row, const SchemaNode *node, Json **out)
{
    if (node->kind == NODE_VALUE) return get_value(row, node, out);
    if (node->kind != NODE_STRUCT) return get_list(row, node, out);
    *out = json_new_object();
    return get_children(row, node, *out);
}

/* On error nothing is left in *out. */
static Status get_node(Row *row, const SchemaNode *node, Json **out)
{
    TRY(spend(row, NODE_BYTES + (node->name ? strlen(node->name) : 0)));
    TRY(check_entry(row, node->first_leaf));
    if (level(row, node->first_leaf) < node->def) {
        TRY(skip(row, node, node->def));
        *out = json_new_null();
        return STATUS_OK;
    }
    Status status = build_node(row, node, out);
    if (status == STATUS_OK) return STATUS_OK;
    json_free(*out);
    *out = NULL;
    return status;
}

static Status check_all_read(const Row *row)
{
    for (int i = 0; i < row->group->schema->n_leaves; i++)
        if (row->cursor[i].entry < row->cursor[i].end)
            return fail(STATUS_INPUT, "column %s has more entries than the columns beside it", row->group->schema->leaf[i].path);
    return STATUS_OK;
}

Status row_group_row(const RowGroup *group, int64_t i, Json **json)
{
    int n = group->schema->n_leaves;
    Row row = { .group = group, .cursor = memory_new((size_t)n, sizeof *row.cursor), .left = group->store.limit / 2 };
    Json *object = NULL;
    for (int k = 0; k < n; k++) {
        int64_t entry = chunk_row(&group->chunk[k], i);
        row.cursor[k] = (Cursor){ .entry = entry, .end = chunk_row(&group->chunk[k], i + 1), .value = chunk_value_index(&group->chunk[k], entry) };
    }
    Status status = get_node(&row, &group->schema->root, &object);
    if (status == STATUS_OK) status = check_all_read(&row);
    if (status == STATUS_OK) *json = object;
    else json_free(object);
    free(row.cursor);
    return status;
}
