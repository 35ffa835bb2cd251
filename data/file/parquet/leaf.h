/* A leaf of the schema: what one value of a column is, and what JSON it becomes. The rows of the table in leaf.c say it.
 *
 * Values are those of json.dumps(pyarrow.parquet.read_table(path).to_pylist(), default=str), pyarrow 26 with pandas installed:
 *
 *   integers, signed and unsigned    integers, exact
 *   float16, float, double           numbers; NaN and Infinity as they are
 *   string, enum, JSON               strings; invalid UTF-8 is refused, as is U+0000, which a Json cannot hold
 *   binary, fixed-length, interval   a string as Python writes bytes: b'\x00ab'
 *   decimal                          a string as Python's Decimal prints: "1.50", "1E-7"
 *   date, time, timestamp            a string: "2024-01-31", "01:02:03.004000", "2024-01-31 01:02:03"; UTC ends in "+00:00"
 *   INT96                            a timestamp of nanoseconds
 *   UUID                             a string of 36 characters
 *
 * What only the Arrow schema in the file's metadata knows is not used: a timestamp's time zone (it is given in UTC), and that an
 * integer is a duration. */
#ifndef DATA_FILE_PARQUET_LEAF_H
#define DATA_FILE_PARQUET_LEAF_H
#include <stdbool.h>
#include <stdint.h>

#include "data/file/json.h"
#include "kernels/status.h"

/* Physical types, as the file numbers them. */
enum { TYPE_BOOLEAN, TYPE_INT32, TYPE_INT64, TYPE_INT96, TYPE_FLOAT, TYPE_DOUBLE, TYPE_BYTE_ARRAY, TYPE_FIXED, TYPE_COUNT };

/* What a value means, as the file numbers logical types; those that are not here change nothing. */
typedef enum { LOGICAL_NONE, LOGICAL_STRING, LOGICAL_MAP, LOGICAL_LIST, LOGICAL_ENUM, LOGICAL_DECIMAL, LOGICAL_DATE, LOGICAL_TIME, LOGICAL_TIMESTAMP,
               LOGICAL_INTEGER = 10, LOGICAL_NULL, LOGICAL_JSON, LOGICAL_BSON, LOGICAL_UUID, LOGICAL_FLOAT16 } Logical;
typedef enum { UNIT_MILLISECOND = 1, UNIT_MICROSECOND, UNIT_NANOSECOND } TimeUnit;

typedef struct {
    int  physical, length;             /* of TYPE_FIXED: bytes */
    Logical logical;
    int  bits, scale, precision, unit;
    bool is_signed, utc;
    int  max_def, max_rep;
    char path[200];                    /* "messages.element.role", for messages; cut when longer */
} Leaf;

Status leaf_check(const Leaf *);                     /* physical and logical type go together */
int    leaf_width(const Leaf *);                     /* bytes of a plain value (a boolean's byte); 0: four bytes of length, then that many */
uint32_t leaf_value_bytes(const Leaf *, const uint8_t *value, const uint8_t **bytes);      /* of a plain value, without its length */
Status leaf_json(const Leaf *, const uint8_t *value, Json **out);                    /* a plain value */
const char *leaf_type_name(int physical);            /* "INT32"; "unknown" */

#endif
