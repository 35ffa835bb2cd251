/* The tree of columns. The file has it as a list in preorder; how its repeated groups are lists and maps is decided as pyarrow does.
 *
 * A column's values stand beside two levels each. The definition level says how much of the path is there: a node is null where it
 * is below `def`, a list has an item where it is at least `item_def`. The repetition level says what goes on: an entry whose level is
 * a list's `rep` is its next item, 0 begins a row. Source: the Dremel paper; LogicalTypes.md of apache/parquet-format for the shapes
 * of lists and maps. */
#ifndef DATA_FILE_PARQUET_SCHEMA_H
#define DATA_FILE_PARQUET_SCHEMA_H
#include <stdbool.h>

#include "data/file/parquet/leaf.h"
#include "data/file/parquet/thrift.h"
#include "kernels/status.h"

typedef enum { REPETITION_REQUIRED, REPETITION_OPTIONAL, REPETITION_REPEATED } Repetition;

/* One entry of the file's list. */
typedef struct {
    ThriftBytes name;
    int repetition, n_children;
    Leaf leaf;                     /* physical -1 for a group */
} SchemaElement;

typedef enum { NODE_VALUE, NODE_STRUCT, NODE_LIST, NODE_MAP } NodeKind;

/* A list's child is its item, a map's two are key and value. */
typedef struct SchemaNode {
    char    *name;
    NodeKind kind;
    int      def, item_def, rep;
    struct SchemaNode *child;
    int      n_children;
    int      first_leaf, n_leaves;     /* the columns below */
} SchemaNode;

typedef struct { SchemaNode root; Leaf *leaf; int n_leaves, cap_leaves; } Schema;

Status schema_build(Schema *, const SchemaElement *, int n);      /* freeable also on error */
void   schema_free(Schema *);                                     /* accepts {0} */

#endif
