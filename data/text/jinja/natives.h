/* What a template can call: filters, tests, functions and methods, all in tables of one row type. A row names its
 * parameters, so positional and keyword arguments are bound in one place and the function gets one value per parameter,
 * KIND_ABSENT where none was given. A row whose only parameter is "*" gets the arguments as they stand. A row without
 * function is a name that Python has and the sandbox refuses (list.append). */
#ifndef DATA_TEXT_JINJA_NATIVES_H
#define DATA_TEXT_JINJA_NATIVES_H
#include <stddef.h>

#include "data/text/jinja/text.h"
#include "data/text/jinja/value.h"

typedef struct { Value name, value; } Keyword;
typedef struct { Value *value; size_t n; Keyword *keyword; size_t n_keywords; } Arguments;

enum { NATIVE_PARAMETERS = 6 };
struct Native {
    const char *name;
    Value     (*call)(Work *, Value self, const Arguments *);
    int         required;
    const char *parameter[NATIVE_PARAMETERS];
};

const Native *native_filter(Value name);                 /* NULL: no such filter */
const Native *native_test(Value name);
const Native *native_function(Value name);               /* a global */
const Native *native_method(Value self, Value name);

extern const Native native_text_filters[], native_list_filters[];     /* tables end with an empty row */
const Native *native_find(const Native *table, Value name);

Value native_bind(Work *, const Native *, Value self);     /* a method of a value, to be called later */
Value native_call(Work *, const Native *, Value self, const Arguments *);

void  native_require_public(Work *, Value name);         /* a namespace refuses names that begin with an underscore */

/* Arguments of a native function. */
Value   native_given(Value);                                         /* None counts as absent */
int64_t native_integer(Work *, Value, int64_t otherwise);            /* absent: otherwise; raises unless an integer */
bool    native_truth(Value, bool otherwise);
Value   native_strip(Work *, Value text, StripSides, Value characters);
Value   native_string(Work *, Value, Value otherwise);               /* raises unless a string */

#endif
