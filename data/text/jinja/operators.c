#include "data/text/jinja/operators.h"

#include <math.h>
#include <string.h>

#include "data/text/jinja/evaluate.h"
#include "data/text/jinja/format.h"
#include "data/text/jinja/natives.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

static const char *const symbols[] = {
    [OP_EQ] = "==", [OP_NE] = "!=", [OP_LT] = "<", [OP_LE] = "<=", [OP_GT] = ">", [OP_GE] = ">=", [OP_ADD] = "+", [OP_SUB] = "-",
    [OP_MUL] = "*", [OP_DIV] = "/", [OP_FLOORDIV] = "//", [OP_MOD] = "%", [OP_POW] = "** or pow()", [OP_POS] = "+", [OP_NEG] = "-",
};

static Value fitting(Work *w, bool overflow, int64_t x)
{
    if (overflow) jinja_raise(w, "an integer becomes larger than 64 bits");
    return value_integer(x);
}

static int64_t floor_division(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

/* The sign of the divisor, as in Python. */
static int64_t floor_remainder(int64_t a, int64_t b)
{
    int64_t remainder = a % b;
    return remainder && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

static Value integer_power(Work *w, int64_t base, int64_t exponent)
{
    if (exponent < 0 && base == 0) jinja_raise(w, "0.0 cannot be raised to a negative power");
    if (exponent < 0) return value_real(pow((double)base, (double)exponent));
    if (base == 0 || base == 1) return value_integer(exponent ? base : 1);
    if (base == -1) return value_integer(exponent % 2 ? -1 : 1);
    int64_t x = 1;
    bool overflow = false;
    for (; exponent > 0 && !overflow; exponent--) overflow = __builtin_mul_overflow(x, base, &x);
    return fitting(w, overflow, x);
}

static Value integer_operator(Work *w, Operator op, int64_t a, int64_t b)
{
    int64_t x = 0;
    bool overflow, divides = op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD;
    if (divides && b == 0) jinja_raise(w, op == OP_DIV ? "division by zero" : "integer division or modulo by zero");
    switch (op) {
    case OP_ADD: overflow = __builtin_add_overflow(a, b, &x); return fitting(w, overflow, x);
    case OP_SUB: overflow = __builtin_sub_overflow(a, b, &x); return fitting(w, overflow, x);
    case OP_MUL: overflow = __builtin_mul_overflow(a, b, &x); return fitting(w, overflow, x);
    case OP_DIV: return value_real((double)a / (double)b);
    case OP_FLOORDIV: return b == -1 ? integer_operator(w, OP_SUB, 0, a) : value_integer(floor_division(a, b));
    case OP_MOD: return value_integer(b == -1 ? 0 : floor_remainder(a, b));
    default: return integer_power(w, a, b);
    }
}

/* Python's float modulo: the sign of the divisor; `quotient` is then a whole number. */
static double real_modulo(double a, double b, double *quotient)
{
    double mod = fmod(a, b), div = (a - mod) / b;
    if (mod != 0 && (b < 0) != (mod < 0)) {
        mod += b;
        div -= 1;
    }
    *quotient = div != 0 ? floor(div) : copysign(0, a / b);
    if (div - *quotient > 0.5) *quotient += 1;
    return mod != 0 ? mod : copysign(0, b);
}

static Value real_operator(Work *w, Operator op, double a, double b)
{
    double quotient = 0, mod;
    bool divides = op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD;
    if (divides && b == 0) jinja_raise(w, op == OP_MOD ? "float modulo" : "float division by zero");
    switch (op) {
    case OP_ADD: return value_real(a + b);
    case OP_SUB: return value_real(a - b);
    case OP_MUL: return value_real(a * b);
    case OP_DIV: return value_real(a / b);
    case OP_FLOORDIV: real_modulo(a, b, &quotient); return value_real(quotient);
    case OP_MOD: mod = real_modulo(a, b, &quotient); return value_real(mod);
    default: break;
    }
    if (a == 0 && b < 0) jinja_raise(w, "0.0 cannot be raised to a negative power");
    if (a < 0 && b != floor(b)) jinja_raise(w, "a complex number is not supported");
    return value_real(pow(a, b));
}

static Value joined(Work *w, Value a, Value b)
{
    bool markup = a.markup || b.markup;
    if (markup) {
        a = text_escape(w, a);
        b = text_escape(w, b);
    }
    size_t mark = jinja_mark(w);
    jinja_write(w, a.s, a.n);
    jinja_write(w, b.s, b.n);
    Value result = jinja_take(w, mark);
    result.markup = markup;
    return result;
}

static Value lists_joined(Work *w, const List *a, const List *b)
{
    Value list = value_list(w, a->flavor, (size_t)a->n + b->n);
    if (a->n) memcpy(list.list->item, a->item, a->n * sizeof(Value));
    if (b->n) memcpy(list.list->item + a->n, b->item, b->n * sizeof(Value));
    return list;
}

static bool is_plain_list(Value x) { return value_is(x, KIND_LIST) && x.list->flavor <= FLAVOR_TUPLE; }

static Value repeated_list(Work *w, const List *list, int64_t count)
{
    size_t n = count > 0 ? (size_t)count : 0, total;
    if (__builtin_mul_overflow(n, (size_t)list->n, &total) || total > UINT32_MAX) total = UINT32_MAX;
    Value result = value_list(w, list->flavor, total);
    for (size_t i = 0; i < total; i++) result.list->item[i] = list->item[i % list->n];
    return result;
}

static Value repeated(Work *w, Value x, int64_t count)
{
    if (value_is(x, KIND_LIST)) return repeated_list(w, x.list, count);
    size_t mark = jinja_mark(w);
    for (int64_t i = 0; i < count && x.n; i++) {
        jinja_spend(w, 1);
        jinja_write(w, x.s, x.n);
    }
    Value result = jinja_take(w, mark);
    result.markup = x.markup;
    return result;
}

static Value concatenated(Work *w, Value a, Value b)
{
    size_t mark = jinja_mark(w);
    text_write(w, a);
    text_write(w, b);
    return jinja_take(w, mark);
}

Value operator_binary(Work *w, Operator op, Value a, Value b)
{
    if (op == OP_CONCAT) return concatenated(w, a, b);
    if (op == OP_MOD && value_is(a, KIND_STRING)) return format_percent(w, a, b);
    value_refuse_undefined(w, a);
    value_refuse_undefined(w, b);
    if (value_is_integral(a) && value_is_integral(b)) return integer_operator(w, op, value_integral(a), value_integral(b));
    if (value_is_number(a) && value_is_number(b)) return real_operator(w, op, value_number(a), value_number(b));
    if (op == OP_ADD && value_is(a, KIND_STRING) && value_is(b, KIND_STRING)) return joined(w, a, b);
    if (op == OP_ADD && is_plain_list(a) && is_plain_list(b) && a.list->flavor == b.list->flavor) return lists_joined(w, a.list, b.list);
    bool sequence_a = value_is(a, KIND_STRING) || is_plain_list(a), sequence_b = value_is(b, KIND_STRING) || is_plain_list(b);
    if (op == OP_MUL && sequence_a && value_is_integral(b)) return repeated(w, a, value_integral(b));
    if (op == OP_MUL && sequence_b && value_is_integral(a)) return repeated(w, b, value_integral(a));
    if (op == OP_ADD && value_is(a, KIND_STRING)) jinja_raise(w, "can only concatenate str (not \"%s\") to str", value_type(b));
    jinja_raise(w, "unsupported operand type(s) for %s: '%s' and '%s'", symbols[op], value_type(a), value_type(b));
}

Value operator_sign(Work *w, Operator op, Value x)
{
    value_refuse_undefined(w, x);
    if (value_is(x, KIND_REAL)) return value_real(op == OP_NEG ? -x.real : x.real);
    if (!value_is_integral(x)) jinja_raise(w, "bad operand type for unary %s: '%s'", symbols[op], value_type(x));
    return op == OP_POS ? value_integer(value_integral(x)) : integer_operator(w, OP_SUB, 0, value_integral(x));
}

bool operator_contains(Work *w, Value owner, Value item)
{
    if (value_is(owner, KIND_STRING)) {
        if (!value_is(item, KIND_STRING)) jinja_raise(w, "'in <string>' requires string as left operand, not %s", value_type(item));
        jinja_spend(w, owner.n / 16);
        return text_find(owner, item, 0) != SIZE_MAX;
    }
    if (value_is(owner, KIND_DICT)) {
        dict_require_hashable(w, item);
        return dict_find(w, owner.dict, item) != NULL;
    }
    if (!value_is(owner, KIND_LIST) && !value_is(owner, KIND_UNDEFINED))
        jinja_raise(w, "argument of type '%s' is not iterable", value_type(owner));
    const List *list = value_items(w, owner);
    jinja_spend(w, list->n / 8);
    for (uint32_t i = 0; i < list->n; i++)
        if (value_equal(w, list->item[i], item)) return true;
    return false;
}

bool operator_compare(Work *w, Operator op, Value a, Value b)
{
    if (op == OP_EQ) return value_equal(w, a, b);
    if (op == OP_NE) return !value_equal(w, a, b);
    if (op == OP_IN) return operator_contains(w, b, a);
    if (op == OP_NOT_IN) return !operator_contains(w, b, a);
    int order = value_compare(w, a, b, symbols[op]);
    if (order == 2) return false;
    return op == OP_LT ? order < 0 : op == OP_LE ? order <= 0 : op == OP_GT ? order > 0 : order >= 0;
}

static bool has_items(Value x) { return value_is(x, KIND_LIST) && list_flavors[x.list->flavor].has_items; }

/* Python's owner[key] where it gives something. */
static bool find_item(Work *w, Value owner, Value key, Value *item)
{
    if (value_is(owner, KIND_DICT)) {
        const Value *found = dict_find(w, owner.dict, key);
        if (found) *item = *found;
        return found != NULL;
    }
    if (!value_is_integral(key) || (!has_items(owner) && !value_is(owner, KIND_STRING))) return false;
    int64_t i = value_integral(key), n = (int64_t)value_length(w, owner);
    if (i < 0) i += n;
    if (i < 0 || i >= n) return false;
    if (has_items(owner)) {
        *item = owner.list->item[i];
        return true;
    }
    size_t at = text_offset(owner, (size_t)i);
    *item = text_part(owner, at, at + text_step(owner, at));
    return true;
}

/* Python's owner.name where there is such an attribute: a method, a part of a loop, a member of a namespace. */
static bool find_attribute(Work *w, Value owner, Value name, Value *item)
{
    if (value_is(owner, KIND_NAMESPACE)) {
        const Value *found = dict_find(w, owner.dict, name);
        if (found) *item = *found;
        return found != NULL;
    }
    if (value_is(owner, KIND_LOOP)) return loop_attribute(w, owner.loop, name, item);
    const Native *native = native_method(owner, name);
    if (!native) return false;
    if (!native->call) {
        size_t mark = jinja_mark(w);
        jinja_write_text(w, "access to attribute '");
        jinja_write_text(w, native->name);
        jinja_write_text(w, "' of '");
        jinja_write_text(w, value_type(owner));
        jinja_write_text(w, "' object is unsafe");
        *item = value_undefined(w, jinja_take(w, mark).s);
        return true;
    }
    *item = native_bind(w, native, owner);
    return true;
}

Value operator_item(Work *w, Value owner, Value key)
{
    Value item;
    value_refuse_undefined(w, owner);
    if (find_item(w, owner, key, &item)) return item;
    if (value_is(key, KIND_STRING) && find_attribute(w, owner, key, &item)) return item;
    return value_no_attribute(w, owner, key);
}

Value operator_attribute(Work *w, Value owner, Value name)
{
    Value item;
    value_refuse_undefined(w, owner);
    if (name.n > 1 && name.s[0] == '_' && name.s[1] == '_') return value_no_attribute(w, owner, name);
    if (find_attribute(w, owner, name, &item)) return item;
    if (find_item(w, owner, name, &item)) return item;
    return value_no_attribute(w, owner, name);
}

static int64_t slice_index(Work *w, Value x, int64_t otherwise)
{
    if (value_is(x, KIND_NONE)) return otherwise;
    value_refuse_undefined(w, x);
    if (!value_is_integral(x)) jinja_raise(w, "slice indices must be integers or None or have an __index__ method");
    return value_integral(x);
}

/* A begin or end as a place in 0..n-1, or one beyond on the side that `least` and `most` allow. */
static int64_t bound(Work *w, Value x, int64_t otherwise, int64_t n, int64_t least, int64_t most)
{
    int64_t i = slice_index(w, x, otherwise);
    if (value_is(x, KIND_NONE)) return otherwise;
    if (i < 0) i = i < -n ? least : i + n;
    return i < least ? least : i > most ? most : i;
}

static size_t slice_count(int64_t from, int64_t to, int64_t by)
{
    if (by > 0) return to > from ? (size_t)((to - from - 1) / by + 1) : 0;
    return from > to ? (size_t)((from - to - 1) / -by + 1) : 0;
}

/* Every `by`-th code point of a string; one run is a part of it, anything else is copied. */
static Value text_slice(Work *w, Value x, int64_t from, int64_t by, size_t count)
{
    if (!count) return text_part(x, 0, 0);
    if (by == 1) {
        size_t begin = text_offset(x, (size_t)from), end = begin;
        for (size_t i = 0; i < count; i++) end += text_step(x, end);
        return text_part(x, begin, end);
    }
    const List *points = value_items(w, x);
    size_t mark = jinja_mark(w);
    for (size_t i = 0; i < count; i++) {
        Value point = points->item[from + (int64_t)i * by];
        jinja_write(w, point.s, point.n);
    }
    Value result = jinja_take(w, mark);
    result.markup = x.markup;
    return result;
}

Value operator_slice(Work *w, Value owner, Value begin, Value end, Value step)
{
    value_refuse_undefined(w, owner);
    if (value_is(owner, KIND_DICT)) jinja_raise(w, "unhashable type: 'slice'");
    if (!has_items(owner) && !value_is(owner, KIND_STRING)) jinja_raise(w, "'%s' object is not subscriptable", value_type(owner));
    int64_t n = (int64_t)value_length(w, owner), by = slice_index(w, step, 1);
    if (by == INT64_MIN) by++;                             /* so that -by exists */
    if (by == 0) jinja_raise(w, "slice step cannot be zero");
    int64_t from = by > 0 ? bound(w, begin, 0, n, 0, n) : bound(w, begin, n - 1, n, -1, n - 1);
    int64_t to = by > 0 ? bound(w, end, n, n, 0, n) : bound(w, end, -1, n, -1, n - 1);
    size_t count = slice_count(from, to, by);
    if (value_is(owner, KIND_STRING)) return text_slice(w, owner, from, by, count);
    Value list = value_list(w, owner.list->flavor, count);
    for (size_t i = 0; i < count; i++) list.list->item[i] = owner.list->item[from + (int64_t)i * by];
    return list;
}
