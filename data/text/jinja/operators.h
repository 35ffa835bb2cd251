/* Python's operators on values. Integers that leave 64 bits are an error. */
#ifndef DATA_TEXT_JINJA_OPERATORS_H
#define DATA_TEXT_JINJA_OPERATORS_H
#include "data/text/jinja/syntax.h"
#include "data/text/jinja/value.h"

Value operator_binary(Work *, Operator, Value, Value);       /* + - * / // % ** ~ */
Value operator_sign(Work *, Operator, Value);                /* +x -x */
bool  operator_compare(Work *, Operator, Value, Value);      /* == != < <= > >= in, not in */
bool  operator_contains(Work *, Value owner, Value item);

Value operator_item(Work *, Value owner, Value key);         /* owner[key], then owner.key; undefined when there is neither */
Value operator_attribute(Work *, Value owner, Value name);   /* owner.name, then owner[name] */
Value operator_slice(Work *, Value owner, Value begin, Value end, Value step);     /* None: not given */

#endif
