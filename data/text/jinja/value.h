/* The values of a template, as Python would hold them: 16 bytes, passed by value.
 *
 * A string is a slice of UTF-8 that lives as long as the work (in the arena, in the parsed template or in the caller's
 * JSON), so taking a part of a string copies nothing. Lists and dicts never change once made; only a namespace does. What
 * Python gives as tuple, range, dict view or generator is a list of that flavor: `list_flavors` says how it differs.
 * Integers are 64-bit where Python's are unbounded; leaving that range is an error, never a wrong number. */
#ifndef DATA_TEXT_JINJA_VALUE_H
#define DATA_TEXT_JINJA_VALUE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/file/json.h"

typedef struct Work Work;
typedef struct List List;
typedef struct Dict Dict;
typedef struct Loop Loop;
typedef struct Macro Macro;
typedef struct Native Native;
typedef struct Method Method;
typedef struct Undefined Undefined;

typedef enum {
    KIND_ABSENT,                         /* an argument that was not given */
    KIND_UNDEFINED, KIND_NONE, KIND_BOOL, KIND_INTEGER, KIND_REAL, KIND_STRING, KIND_LIST, KIND_DICT, KIND_NAMESPACE,
    KIND_LOOP, KIND_MACRO, KIND_NATIVE, KIND_METHOD,
} Kind;

typedef struct {
    uint8_t  kind;
    bool     markup;                     /* a string that `safe` or `escape` made: + escapes what is added to it */
    uint32_t n;                          /* bytes of a string */
    union {
        bool             truth;
        int64_t          integer;
        double           real;
        const char      *s;
        List            *list;
        Dict            *dict;           /* of a namespace too */
        Loop            *loop;
        const Macro     *macro;
        const Native    *native;
        const Method    *method;
        const Undefined *undefined;
    };
} Value;

typedef enum { FLAVOR_LIST, FLAVOR_TUPLE, FLAVOR_RANGE, FLAVOR_KEYS, FLAVOR_VALUES, FLAVOR_ITEMS, FLAVOR_GENERATOR, FLAVOR_COUNT } Flavor;
typedef struct {
    const char *type;                    /* Python's name */
    const char *open, *close;            /* as str() prints it; NULL: it cannot be printed */
    bool has_length, has_items;          /* len() and [] work */
    bool json;                           /* json.dumps takes it */
} ListFlavor;
extern const ListFlavor list_flavors[FLAVOR_COUNT];

struct List { Flavor flavor; uint32_t n; Value *item; };     /* a generator that was walked has n = 0 */

typedef struct { Value key, value; } Entry;
struct Dict { uint32_t n, cap; Entry *entry; };              /* in order of insertion; looked up by walking */

struct Undefined { const char *hint; const char *owner; Value name; };   /* hint, or what had no such name; see value_undefined_message */
struct Method { const Native *native; Value self; };

typedef struct Scope Scope;
struct Scope { Scope *parent; Dict names; bool captured; };  /* captured: a macro refers to it, so a loop may not reuse it */

/* Making. */
Value value_string(const char *, size_t n);
Value value_text(const char *);                              /* a C string that outlives the work */
Value value_bool(bool);
Value value_integer(int64_t);
Value value_real(double);
Value value_none(void);
Value value_undefined(Work *, const char *hint);
Value value_unknown_name(Work *, Value name);
Value value_no_attribute(Work *, Value owner, Value name);
Value value_list(Work *, Flavor, size_t n);                  /* n empty places in .list->item */
Value value_pair(Work *, Value, Value);                      /* a tuple */
Value value_dict(Work *);
Value value_json(Work *, const Json *);                      /* strings stay in the JSON; NULL: None */
Value value_copy_string(Work *, const char *, size_t n);

/* Asking. */
bool        value_is(Value, Kind);
bool        value_is_text(Value, const char *);
bool        value_is_number(Value);                          /* bool, integer or real, as in Python */
bool        value_is_integral(Value);                        /* bool or integer */
double      value_number(Value);
int64_t     value_integral(Value);
bool        value_truth(Value);
bool        value_equal(Work *, Value, Value);
int         value_compare(Work *, Value, Value, const char *op);   /* -1, 0, 1; 2: not ordered (NaN); raises as Python */
const char *value_type(Value);                               /* "str", "NoneType", … */
const char *value_owner(Value);                              /* "str object", "None": as messages about attributes say it */
List       *value_items(Work *, Value);                      /* what iterating gives; ends a generator */
size_t      value_length(Work *, Value);                     /* len() */
void        value_refuse_undefined(Work *, Value);           /* raises if it is undefined */

/* Dicts and scopes. */
Value *dict_find(Work *, const Dict *, Value key);           /* NULL: no such key */
void   dict_set(Work *, Dict *, Value key, Value value);
void   dict_update(Work *, Dict *, const Dict *from);
void   dict_require_hashable(Work *, Value key);
Scope *scope_new(Work *, Scope *parent);
Value *scope_find(Work *, Scope *, Value name);

#endif
