/* Thrift's compact protocol, as much as Parquet's headers need: a cursor over bytes that may lie.
 *
 * A structure is a list of fields (id, type), read in a loop; what is not wanted is skipped:
 *
 *     for (ThriftField field = {0}; thrift_next(t, &field);)
 *         switch (field.id) {
 *         case 1: x = thrift_integer(t, field); break;
 *         default: thrift_skip(t, field);
 *         }
 *
 * Errors are sticky: after the first one `failed` is set, every read gives 0 and every loop ends, so one look at `failed`
 * behind the outermost loop is enough. Source: thrift/doc/specs/thrift-compact-protocol.md. */
#ifndef DATA_FILE_PARQUET_THRIFT_H
#define DATA_FILE_PARQUET_THRIFT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { THRIFT_TRUE = 1, THRIFT_FALSE, THRIFT_BYTE, THRIFT_I16, THRIFT_I32, THRIFT_I64, THRIFT_DOUBLE, THRIFT_BINARY, THRIFT_LIST, THRIFT_SET,
       THRIFT_MAP, THRIFT_STRUCT };

typedef struct { const uint8_t *bytes; size_t n, at; bool failed; } Thrift;
typedef struct { int id, type; } ThriftField;
typedef struct { const char *bytes; size_t n; } ThriftBytes;             /* they lie in the cursor's bytes */

bool        thrift_next(Thrift *, ThriftField *);         /* false at the end of the structure; `field` starts as {0} */
int64_t     thrift_integer(Thrift *, ThriftField);        /* any width */
int         thrift_int(Thrift *, ThriftField);            /* the same, and must fit in an int */
bool        thrift_bool(Thrift *, ThriftField);
ThriftBytes thrift_bytes(Thrift *, ThriftField);
bool        thrift_enter(Thrift *, ThriftField);          /* before a loop over a nested structure */
int64_t     thrift_list(Thrift *, ThriftField, int type); /* number of elements of that type, at most the bytes that are left */
void        thrift_skip(Thrift *, ThriftField);

#endif
