/* What may stand behind `is`: Jinja's tests. */
#include "data/text/jinja/natives.h"
#include "data/text/jinja/operators.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

static Value is_defined(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(!value_is(x, KIND_UNDEFINED)); }
static Value is_undefined(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_UNDEFINED)); }
static Value is_none(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_NONE)); }
static Value is_boolean(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_BOOL)); }
static Value is_true(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_BOOL) && x.truth); }
static Value is_false(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_BOOL) && !x.truth); }
static Value is_integer(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_INTEGER)); }
static Value is_float(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_REAL)); }
static Value is_number(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is_number(x)); }
static Value is_string(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_STRING)); }
static Value is_mapping(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_DICT)); }
static Value is_escaped(Work *w, Value x, const Arguments *a) { (void)w; (void)a; return value_bool(value_is(x, KIND_STRING) && x.markup); }

static Value is_iterable(Work *w, Value x, const Arguments *a)
{
    (void)w; (void)a;
    return value_bool(value_is(x, KIND_STRING) || value_is(x, KIND_LIST) || value_is(x, KIND_DICT) || value_is(x, KIND_UNDEFINED) || value_is(x, KIND_LOOP));
}

static Value is_sequence(Work *w, Value x, const Arguments *a)
{
    (void)w; (void)a;
    bool list = value_is(x, KIND_LIST) && list_flavors[x.list->flavor].has_items;
    return value_bool(value_is(x, KIND_STRING) || list || value_is(x, KIND_DICT) || value_is(x, KIND_UNDEFINED));
}

static Value is_callable(Work *w, Value x, const Arguments *a)
{
    (void)w; (void)a;
    return value_bool(x.kind >= KIND_LOOP || value_is(x, KIND_UNDEFINED));
}

static Value remainder_is(Work *w, Value x, Value divisor, Value expected)
{
    return value_bool(value_equal(w, operator_binary(w, OP_MOD, x, divisor), expected));
}

static Value is_odd(Work *w, Value x, const Arguments *a) { (void)a; return remainder_is(w, x, value_integer(2), value_integer(1)); }
static Value is_even(Work *w, Value x, const Arguments *a) { (void)a; return remainder_is(w, x, value_integer(2), value_integer(0)); }
static Value is_divisible(Work *w, Value x, const Arguments *a) { return remainder_is(w, x, a->value[0], value_integer(0)); }

/* All cased letters are of one case, and there is one. */
static Value has_case(Work *w, Value x, TextCase wanted, TextCase other)
{
    Value text = text_of(w, x);
    bool same = value_equal(w, text, text_case(w, text, wanted)), cased = !value_equal(w, text, text_case(w, text, other));
    return value_bool(same && cased);
}

static Value is_lower(Work *w, Value x, const Arguments *a) { (void)a; return has_case(w, x, CASE_LOWER, CASE_UPPER); }
static Value is_upper(Work *w, Value x, const Arguments *a) { (void)a; return has_case(w, x, CASE_UPPER, CASE_LOWER); }

static Value is_same(Work *w, Value x, const Arguments *a)
{
    return value_bool(x.kind == a->value[0].kind && value_equal(w, x, a->value[0]));
}

static Value is_equal(Work *w, Value x, const Arguments *a) { return value_bool(operator_compare(w, OP_EQ, x, a->value[0])); }
static Value is_unequal(Work *w, Value x, const Arguments *a) { return value_bool(operator_compare(w, OP_NE, x, a->value[0])); }
static Value is_less(Work *w, Value x, const Arguments *a) { return value_bool(operator_compare(w, OP_LT, x, a->value[0])); }
static Value is_at_most(Work *w, Value x, const Arguments *a) { return value_bool(operator_compare(w, OP_LE, x, a->value[0])); }
static Value is_greater(Work *w, Value x, const Arguments *a) { return value_bool(operator_compare(w, OP_GT, x, a->value[0])); }
static Value is_at_least(Work *w, Value x, const Arguments *a) { return value_bool(operator_compare(w, OP_GE, x, a->value[0])); }
static Value is_in(Work *w, Value x, const Arguments *a) { return value_bool(operator_contains(w, a->value[0], x)); }

static Value is_filter(Work *w, Value x, const Arguments *a)
{
    (void)a;
    dict_require_hashable(w, x);
    return value_bool(value_is(x, KIND_STRING) && native_filter(x));
}

static Value is_test(Work *w, Value x, const Arguments *a)
{
    (void)a;
    dict_require_hashable(w, x);
    return value_bool(value_is(x, KIND_STRING) && native_test(x));
}

const Native *native_test(Value name)
{
    static const Native tests[] = {
        { "defined", is_defined, 0, {0} }, { "undefined", is_undefined, 0, {0} }, { "none", is_none, 0, {0} }, { "boolean", is_boolean, 0, {0} },
        { "true", is_true, 0, {0} }, { "false", is_false, 0, {0} }, { "integer", is_integer, 0, {0} }, { "float", is_float, 0, {0} },
        { "number", is_number, 0, {0} }, { "string", is_string, 0, {0} }, { "mapping", is_mapping, 0, {0} }, { "escaped", is_escaped, 0, {0} },
        { "iterable", is_iterable, 0, {0} }, { "sequence", is_sequence, 0, {0} }, { "callable", is_callable, 0, {0} },
        { "odd", is_odd, 0, {0} }, { "even", is_even, 0, {0} }, { "divisibleby", is_divisible, 1, { "num" } },
        { "lower", is_lower, 0, {0} }, { "upper", is_upper, 0, {0} }, { "sameas", is_same, 1, { "other" } }, { "in", is_in, 1, { "seq" } },
        { "==", is_equal, 1, { "b" } }, { "eq", is_equal, 1, { "b" } }, { "equalto", is_equal, 1, { "b" } },
        { "!=", is_unequal, 1, { "b" } }, { "ne", is_unequal, 1, { "b" } }, { "<", is_less, 1, { "b" } }, { "lt", is_less, 1, { "b" } },
        { "lessthan", is_less, 1, { "b" } }, { "<=", is_at_most, 1, { "b" } }, { "le", is_at_most, 1, { "b" } },
        { ">", is_greater, 1, { "b" } }, { "gt", is_greater, 1, { "b" } }, { "greaterthan", is_greater, 1, { "b" } },
        { ">=", is_at_least, 1, { "b" } }, { "ge", is_at_least, 1, { "b" } }, { "filter", is_filter, 0, {0} }, { "test", is_test, 0, {0} },
        { 0 },
    };
    return native_find(tests, name);
}
