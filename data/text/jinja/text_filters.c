/* Filters on one value: strings, numbers, and how things are printed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/jinja/format.h"
#include "data/text/jinja/natives.h"
#include "data/text/jinja/operators.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

static Value upper(Work *w, Value x, const Arguments *a) { (void)a; return text_case(w, text_of(w, x), CASE_UPPER); }
static Value lower(Work *w, Value x, const Arguments *a) { (void)a; return text_case(w, text_of(w, x), CASE_LOWER); }
static Value capitalize(Work *w, Value x, const Arguments *a) { (void)a; return text_case(w, text_of(w, x), CASE_CAPITAL); }
static Value string(Work *w, Value x, const Arguments *a) { (void)a; return text_of(w, x); }
static Value escape(Work *w, Value x, const Arguments *a) { (void)a; return text_escape(w, x); }

static Value safe(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value text = text_of(w, x);
    text.markup = true;
    return text;
}

static Value force_escape(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value text = text_of(w, x);
    text.markup = false;
    return text_escape(w, text);
}

static Value trim(Work *w, Value x, const Arguments *a)
{
    return native_strip(w, text_of(w, x), STRIP_BOTH, a->value[0]);
}

static Value replace(Work *w, Value x, const Arguments *a)
{
    Value text = text_of(w, x);
    text.markup = false;
    return text_replace(w, text, text_of(w, a->value[0]), text_of(w, a->value[1]), native_integer(w, native_given(a->value[2]), -1));
}

/* Jinja's own title: a word begins behind white space and any of -({[< */
static Value title(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value text = text_of(w, x);
    size_t mark = jinja_mark(w);
    bool inside = false;
    for (size_t at = 0; at < text.n; at += text_step(text, at)) {
        Value point = text_part(text, at, at + text_step(text, at));
        bool breaks = text_is_space(text_point(text, at)) || memchr("-({[<", point.s[0], 5);
        text_write(w, text_case(w, point, inside ? CASE_LOWER : CASE_UPPER));
        inside = !breaks;
    }
    return jinja_take(w, mark);
}

static Value default_value(Work *w, Value x, const Arguments *a)
{
    (void)w;
    bool empty = value_is(x, KIND_UNDEFINED) || (native_truth(a->value[1], false) && !value_truth(x));
    return !empty ? x : value_is(a->value[0], KIND_ABSENT) ? value_string("", 0) : a->value[0];
}

static Value indent_text(Work *w, Value width, int64_t otherwise)
{
    if (value_is(width, KIND_STRING)) return width;
    int64_t n = native_integer(w, width, otherwise);
    size_t mark = jinja_mark(w);
    for (int64_t i = 0; i < n; i++) jinja_write_text(w, " ");
    return jinja_take(w, mark);
}

static Value indent(Work *w, Value x, const Arguments *a)
{
    Value text = native_string(w, x, x), by = indent_text(w, a->value[0], 4);
    bool first = native_truth(a->value[1], false), blank = native_truth(a->value[2], false);
    Value with_end = operator_binary(w, OP_ADD, text, value_string("\n", 1));
    const List *lines = text_lines(w, with_end, false).list;
    size_t mark = jinja_mark(w);
    for (uint32_t i = 0; i < lines->n; i++) {
        if (i) jinja_write_text(w, "\n");
        if (i ? lines->item[i].n || blank : first) text_write(w, by);
        text_write(w, lines->item[i]);
    }
    Value result = jinja_take(w, mark);
    result.markup = text.markup;
    return result;
}

static Value center(Work *w, Value x, const Arguments *a)
{
    Value text = text_of(w, x);
    int64_t width = native_integer(w, a->value[0], 80), room = width - (int64_t)value_length(w, text);
    if (room <= 0) return text;
    int64_t left = room / 2 + (room & width & 1);
    size_t mark = jinja_mark(w);
    text_write(w, indent_text(w, value_integer(left), 0));
    text_write(w, text);
    text_write(w, indent_text(w, value_integer(room - left), 0));
    return jinja_take(w, mark);
}

static Value truncate(Work *w, Value x, const Arguments *a)
{
    Value end = native_string(w, a->value[2], value_text("..."));
    int64_t length = native_integer(w, a->value[0], 255), leeway = native_integer(w, native_given(a->value[3]), 5), tail = (int64_t)text_length(end);
    if (length < tail || leeway < 0) jinja_raise(w, "truncate: expected length >= %lld and leeway >= 0", (long long)tail);
    if ((int64_t)value_length(w, x) <= length + leeway) return x;
    Value text = native_string(w, x, x);
    Value kept = text_part(text, 0, text_offset(text, (size_t)(length - tail)));
    size_t space = text_find_last(kept, value_string(" ", 1));
    if (!native_truth(a->value[1], false) && space != SIZE_MAX) kept = text_part(kept, 0, space);
    return operator_binary(w, OP_ADD, kept, end);
}

static Value wordcount(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value text = text_of(w, x);
    int64_t n = 0;
    bool inside = false;
    jinja_spend_points(w, text.n);
    for (size_t at = 0; at < text.n; at += text_step(text, at)) {
        bool word = text_is_word(text_point(text, at));
        n += word && !inside;
        inside = word;
    }
    return value_integer(n);
}

static Value format(Work *w, Value x, const Arguments *a)
{
    if (a->n && a->n_keywords) jinja_raise(w, "format: positional and keyword arguments cannot be given at the same time");
    Value dict = value_dict(w), tuple = value_list(w, FLAVOR_TUPLE, a->n);
    for (size_t i = 0; i < a->n_keywords; i++) dict_set(w, dict.dict, a->keyword[i].name, a->keyword[i].value);
    for (size_t i = 0; i < a->n; i++) tuple.list->item[i] = a->value[i];
    return format_percent(w, text_of(w, x), a->n_keywords ? dict : tuple);
}

/* The number that a whole string spells in Python, with single `_` between digits. */
static bool parse_integer(Value text, int base, int64_t *x)
{
    char digits[72];
    size_t n = 0;
    text = text_strip(text, STRIP_BOTH, value_none());
    for (uint32_t i = 0; i < text.n && n < sizeof digits - 1; i++) {
        bool between = text.s[i] == '_' && i && i + 1 < text.n && text.s[i - 1] != '_' && text.s[i + 1] != '_';
        if (!between) digits[n++] = text.s[i];
    }
    digits[n] = 0;
    size_t sign = digits[0] == '-' || digits[0] == '+';
    const char *letters = base == 2 ? "bB" : base == 8 ? "oO" : base == 16 ? "xX" : "";
    bool prefixed = digits[sign] == '0' && digits[sign + 1] && strchr(letters, digits[sign + 1]);
    if (prefixed) memmove(digits + sign, digits + sign + 2, n - sign - 1);
    char *end = digits;
    if (strchr(" \t_", digits[sign]) || digits[sign] == '-' || digits[sign] == '+') return false;
    *x = strtoll(digits, &end, base);
    return !*end && end > digits + sign;
}

static bool parse_real(Value text, double *x)
{
    char digits[400];
    text = text_strip(text, STRIP_BOTH, value_none());
    if (!text.n || text.n >= sizeof digits || memchr(text.s, 'x', text.n) || memchr(text.s, 'X', text.n) || memchr(text.s, '(', text.n)) return false;
    size_t n = 0;
    for (uint32_t i = 0; i < text.n; i++)
        if (text.s[i] != '_') digits[n++] = text.s[i];
    digits[n] = 0;
    char *end;
    *x = strtod(digits, &end);
    return !*end && end > digits;
}

static bool to_integer(Work *w, double x, int64_t *to)
{
    if (!isfinite(x)) return false;
    if (fabs(x) >= 9223372036854775808.0) jinja_raise(w, "an integer becomes larger than 64 bits");
    *to = (int64_t)x;
    return true;
}

static Value int_filter(Work *w, Value x, const Arguments *a)
{
    int64_t integer;
    double real;
    Value otherwise = value_is(a->value[0], KIND_ABSENT) ? value_integer(0) : a->value[0];
    value_refuse_undefined(w, x);
    jinja_spend(w, x.n / 16);
    if (value_is_integral(x)) return value_integer(value_integral(x));
    if (value_is(x, KIND_REAL) && isinf(x.real)) jinja_raise(w, "cannot convert float infinity to integer");
    if (value_is(x, KIND_REAL)) return to_integer(w, x.real, &integer) ? value_integer(integer) : otherwise;
    if (!value_is(x, KIND_STRING)) return otherwise;
    int64_t base = native_integer(w, a->value[1], 10);
    if (base >= 2 && base <= 36 && parse_integer(x, (int)base, &integer)) return value_integer(integer);
    return parse_real(x, &real) && to_integer(w, real, &integer) ? value_integer(integer) : otherwise;
}

static Value float_filter(Work *w, Value x, const Arguments *a)
{
    double real;
    value_refuse_undefined(w, x);
    jinja_spend(w, x.n / 16);
    if (value_is_number(x)) return value_real(value_number(x));
    if (value_is(x, KIND_STRING) && parse_real(x, &real)) return value_real(real);
    return value_is(a->value[0], KIND_ABSENT) ? value_real(0) : a->value[0];
}

static Value abs_filter(Work *w, Value x, const Arguments *a)
{
    (void)a;
    value_refuse_undefined(w, x);
    if (!value_is_number(x)) jinja_raise(w, "bad operand type for abs(): '%s'", value_type(x));
    if (value_is(x, KIND_REAL)) return value_real(fabs(x.real));
    return value_number(x) < 0 ? operator_sign(w, OP_NEG, x) : operator_sign(w, OP_POS, x);
}

/* round() as Python does it: to the nearest decimal text, ties to even. */
static double round_to(double x, int64_t precision)
{
    char text[400];
    if (precision > 300 || !isfinite(x)) return x;
    if (precision < 0) {
        double scale = pow(10, (double)-precision);
        return isinf(scale) ? 0 : nearbyint(x / scale) * scale;
    }
    snprintf(text, sizeof text, "%.*f", (int)precision, x);
    return strtod(text, NULL);
}

static Value round_filter(Work *w, Value x, const Arguments *a)
{
    Value method = native_string(w, a->value[1], value_text("common"));
    int64_t precision = native_integer(w, a->value[0], 0);
    value_refuse_undefined(w, x);
    if (!value_is_number(x)) jinja_raise(w, "type %s doesn't define __round__ method", value_type(x));
    if (value_is_text(method, "common")) {
        if (value_is_integral(x) && precision >= 0) return value_integer(value_integral(x));
        double rounded = round_to(value_number(x), precision);
        return value_is_integral(x) ? value_integer((int64_t)rounded) : value_real(rounded);
    }
    bool up = value_is_text(method, "ceil");
    if (!up && !value_is_text(method, "floor")) jinja_raise(w, "method must be common, ceil or floor");
    double scale = pow(10, (double)precision), scaled = value_number(x) * scale;
    return value_real((up ? ceil(scaled) : floor(scaled)) / scale);
}

static Value tojson(Work *w, Value x, const Arguments *a)
{
    TextJson style = { .ascii = native_truth(a->value[0], false), .sort_keys = native_truth(a->value[3], false) };
    bool lines = !value_is(a->value[1], KIND_ABSENT) && !value_is(a->value[1], KIND_NONE);
    if (lines) style.indent = indent_text(w, a->value[1], 0);
    style.item_separator = value_text(lines ? "," : ", ");
    style.key_separator = value_text(": ");
    if (!value_is(a->value[2], KIND_ABSENT) && !value_is(a->value[2], KIND_NONE)) {
        const List *pair = value_items(w, a->value[2]);
        if (pair->n != 2) jinja_raise(w, "tojson: separators must be two strings");
        style.item_separator = native_string(w, pair->item[0], value_none());
        style.key_separator = native_string(w, pair->item[1], value_none());
    }
    size_t mark = jinja_mark(w);
    text_write_json(w, x, &style);
    return jinja_take(w, mark);
}

static Value attribute(Work *w, Value x, const Arguments *a)
{
    Value name = native_string(w, a->value[0], value_none());
    if (value_is(x, KIND_DICT) && !native_method(x, name)) return value_no_attribute(w, x, name);
    return operator_attribute(w, x, name);
}

const Native native_text_filters[] = {
    { "upper", upper, 0, {0} }, { "lower", lower, 0, {0} }, { "capitalize", capitalize, 0, {0} }, { "title", title, 0, {0} },
    { "string", string, 0, {0} }, { "safe", safe, 0, {0} }, { "escape", escape, 0, {0} }, { "e", escape, 0, {0} },
    { "forceescape", force_escape, 0, {0} }, { "trim", trim, 0, { "chars" } }, { "replace", replace, 2, { "old", "new", "count" } },
    { "default", default_value, 0, { "default_value", "boolean" } }, { "d", default_value, 0, { "default_value", "boolean" } },
    { "indent", indent, 0, { "width", "first", "blank" } }, { "center", center, 0, { "width" } },
    { "truncate", truncate, 0, { "length", "killwords", "end", "leeway" } }, { "wordcount", wordcount, 0, {0} },
    { "format", format, 0, { "*" } }, { "int", int_filter, 0, { "default", "base" } }, { "float", float_filter, 0, { "default" } },
    { "abs", abs_filter, 0, {0} }, { "round", round_filter, 0, { "precision", "method" } },
    { "tojson", tojson, 0, { "ensure_ascii", "indent", "separators", "sort_keys" } }, { "attr", attribute, 1, { "name" } },
    { 0 },
};
