/* JSON documents: read by cJSON, printed as Python's json.dumps prints. cJSON stays in json.c.
 *
 * A Json is a node; a document is its root. Reading functions accept NULL and the wrong kind and then give NULL, 0 or
 * false, so a chain of lookups needs one check at its end. Strings are UTF-8, NUL-terminated; \u0000 is refused.
 * Integers and reals are told apart as Python does (1 and 1.0); integers are printed with all the digits that
 * they were read or built with. NaN and Infinity are read and written, as Python does.
 * When a key stands twice, json_get gives the last, as Python does. */
#ifndef DATA_FILE_JSON_H
#define DATA_FILE_JSON_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/buffer.h"
#include "kernels/status.h"

typedef struct Json Json;
typedef enum { JSON_NULL, JSON_BOOL, JSON_INTEGER, JSON_REAL, JSON_STRING, JSON_ARRAY, JSON_OBJECT } JsonKind;

/* Reading. `name` is what messages call the document (a path, "train.jsonl:17"); line and column are added. Refuses
 * anything behind the value, invalid UTF-8 and nesting deeper than 1000. */
Status json_parse(Json **, const char *name, const char *bytes, size_t n);
Status json_read(Json **, const char *path);
void   json_free(Json *);                                  /* a whole document; accepts NULL */

JsonKind    json_kind(const Json *);                       /* NULL gives JSON_NULL */
bool        json_is_number(const Json *);                  /* integer or real */
const char *json_kind_name(const Json *);                  /* "a string", "an object", …, for messages */
const Json *json_get(const Json *object, const char *key); /* NULL when absent */
const Json *json_at(const Json *array, int64_t i);         /* O(i); NULL outside */
int64_t     json_count(const Json *);                      /* items of an array, members of an object */
const Json *json_first(const Json *);                      /* for (item = json_first(x); item; item = json_next(item)) */
const Json *json_next(const Json *);
const char *json_key(const Json *member);                  /* NULL for an array's item */
const char *json_string(const Json *);                     /* NULL unless a string */
double      json_number(const Json *);
bool        json_fits_int64(const Json *);                 /* json_integer is exact */
int64_t     json_integer(const Json *);                    /* a number, truncated and clamped to int64; NaN gives 0 */
bool        json_bool(const Json *);
bool        json_equal(const Json *, const Json *);        /* print the same: 1 is not 1.0, and the order of keys counts */

/* Building. Children belong to their parent from then on. */
Json *json_new_object(void);
Json *json_new_array(void);
Json *json_new_string(const char *);                       /* NULL gives null */
Json *json_new_real(double);
Json *json_new_integer(int64_t);
Json *json_new_unsigned(uint64_t);                         /* an integer; json_integer clamps it */
Json *json_new_bool(bool);
Json *json_new_null(void);
Json *json_copy(const Json *);
void  json_set(Json *object, const char *key, Json *value);    /* replaces in place, or appends */
void  json_append(Json *object, const char *key, Json *value); /* at the end, without looking whether the key is there: O(1) */
void  json_push(Json *array, Json *value);

/* Printing, as json.dumps(ensure_ascii=False, …). The zero style is compact Python: `{"a": 1, "b": [2]}`. */
typedef struct {
    int  indent;             /* spaces; 0: one line */
    bool sort_keys;          /* by code point */
    bool ascii;              /* escape everything above U+007F */
    bool newline;            /* one behind the document */
    const char *item_separator, *key_separator;    /* NULL: ", " ("," with indent) and ": " */
} JsonStyle;
void json_print(Buffer *, const Json *, JsonStyle);
Status json_save(const Json *, const char *dir, const char *name, JsonStyle);    /* the file dir/name, whole or not at all */
void json_format_real(char out[40], double);               /* Python's repr: shortest that reads back; NaN, Infinity */

#endif
