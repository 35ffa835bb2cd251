#include "data/text/jinja/format.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/jinja/operators.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

enum { MAX_WIDTH = 10000 };

/* One field, in either syntax: [fill][align][sign][#][0][width][,][.precision][type]. */
typedef struct {
    Value fill;                          /* one code point */
    char  align;                         /* < > ^ =, 0: the type's own */
    char  sign;                          /* + or space, 0: only minus */
    bool  alternate, thousands;
    int   width, precision;              /* -1: none */
    char  type;                          /* 0: the value's own */
} Field;

static void write_fill(Work *w, const Field *field, int64_t n)
{
    for (int64_t i = 0; i < n; i++) text_write(w, field->fill);
}

/* `text` in the field's width; `sign_bytes` of it stay in front of the filling when align is '='. */
static void write_aligned(Work *w, const Field *field, Value text, char own_align, size_t sign_bytes)
{
    int64_t room = field->width - (int64_t)text_length(text);
    char align = field->align ? field->align : own_align;
    int64_t before = room <= 0 || align == '<' ? 0 : align == '^' ? room / 2 : room;
    size_t split = align == '=' ? sign_bytes : 0;
    jinja_write(w, text.s, split);
    write_fill(w, field, before);
    jinja_write(w, text.s + split, text.n - split);
    write_fill(w, field, room - before);
}

static void write_sign(Work *w, const Field *field, bool negative)
{
    if (negative) jinja_write_text(w, "-");
    else if (field->sign) jinja_write(w, &field->sign, 1);
}

static void write_thousands(Work *w, const char *digits)
{
    size_t whole = strspn(digits, "0123456789");
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0) jinja_write_text(w, ",");
        jinja_write(w, digits + i, 1);
    }
    jinja_write_text(w, digits + whole);
}

static void write_number(Work *w, const Field *field, bool negative, const char *prefix, const char *digits)
{
    size_t mark = jinja_mark(w);
    write_sign(w, field, negative);
    jinja_write_text(w, prefix);
    size_t sign_bytes = jinja_mark(w) - mark;
    if (field->thousands) write_thousands(w, digits);
    else jinja_write_text(w, digits);
    write_aligned(w, field, jinja_take(w, mark), '>', sign_bytes);
}

static void write_integer_field(Work *w, const Field *field, int64_t x)
{
    char digits[80];
    uint64_t size = x < 0 ? -(uint64_t)x : (uint64_t)x;
    const char prefix[] = { '0', field->type, 0 };
    bool prefixed = field->alternate && field->type && strchr("xXob", field->type);
    if (field->type == 'b') {
        char *end = digits + sizeof digits, *p = end;
        *--p = 0;
        do *--p = (char)('0' + (size & 1)); while (size >>= 1);
        memmove(digits, p, (size_t)(end - p));
    } else {
        const char *format = field->type == 'x' ? "%llx" : field->type == 'X' ? "%llX" : field->type == 'o' ? "%llo" : "%llu";
        snprintf(digits, sizeof digits, format, (unsigned long long)size);
    }
    write_number(w, field, x < 0, prefixed ? prefix : "", digits);
}

static void write_real_field(Work *w, const Field *field, double x)
{
    char digits[800], format[8] = "%.*f";
    bool percent = field->type == '%';
    double size = fabs(percent ? x * 100 : x);
    int precision = field->precision < 0 ? 6 : field->precision < 300 ? field->precision : 300;
    if (!field->type && field->precision < 0) {
        json_format_real(digits, size);
        if (isnan(x)) strcpy(digits, "nan");
        if (isinf(x)) strcpy(digits, "inf");
    } else {
        format[3] = percent ? 'f' : field->type ? field->type : 'g';
        snprintf(digits, sizeof digits - 1, format, precision, size);
    }
    if (percent) strcat(digits, "%");
    write_number(w, field, signbit(x) && !isnan(x), "", digits);
}

static void write_text_field(Work *w, const Field *field, Value text, char own_align)
{
    if (field->precision >= 0) text = text_part(text, 0, text_offset(text, (size_t)field->precision));
    write_aligned(w, field, text, own_align, 0);
}

static int64_t whole(Work *w, Value x, char type)
{
    if (value_is_integral(x)) return value_integral(x);
    if (!value_is(x, KIND_REAL)) jinja_raise(w, "%%%c format: a real number is required, not %s", type, value_type(x));
    if (!(fabs(x.real) < 9223372036854775808.0)) jinja_raise(w, "an integer becomes larger than 64 bits");
    return (int64_t)x.real;
}

static int read_number(Work *w, Value format, size_t *at)
{
    int n = 0;
    while (*at < format.n && isdigit((uint8_t)format.s[*at])) {
        n = 10 * n + (format.s[(*at)++] - '0');
        if (n > MAX_WIDTH) jinja_raise(w, "a width of more than %d in a format", MAX_WIDTH);
    }
    return n;
}

/* --- % --- */

typedef struct { Value all; const List *list; uint32_t next; bool by_name; } PercentArguments;

static Value next_argument(Work *w, PercentArguments *from)
{
    if (from->by_name) return from->all;
    if (from->next >= from->list->n) jinja_raise(w, "not enough arguments for format string");
    return from->list->item[from->next++];
}

static int read_width(Work *w, Value format, size_t *at, PercentArguments *from)
{
    if (*at >= format.n || format.s[*at] != '*') return read_number(w, format, at);
    ++*at;
    int64_t n = native_integer(w, next_argument(w, from), 0);
    if (n > MAX_WIDTH || n < -MAX_WIDTH) jinja_raise(w, "a width of more than %d in a format", MAX_WIDTH);
    return (int)n;
}

static void read_flags(Value format, size_t *at, Field *field)
{
    for (; *at < format.n && format.s[*at] && strchr("-+ 0#", format.s[*at]); ++*at) {
        char flag = format.s[*at];
        if (flag == '-') field->align = '<';
        if (flag == '+' || (flag == ' ' && !field->sign)) field->sign = flag;
        if (flag == '#') field->alternate = true;
        if (flag == '0' && field->align != '<') {
            field->align = '=';
            field->fill = value_string("0", 1);
        }
    }
    if (field->align == '<') field->fill = value_string(" ", 1);
}

static void write_percent_value(Work *w, Field *field, Value x)
{
    switch (field->type) {
    case 's': case 'r': case 'a': {
        size_t mark = jinja_mark(w);
        if (field->type == 's') text_write(w, x);
        else text_write_repr(w, x);
        if (field->align == '=') field->align = '>';
        field->fill = value_string(" ", 1);
        write_text_field(w, field, jinja_take(w, mark), '>');
        break;
    }
    case 'd': case 'i': case 'u': case 'x': case 'X': case 'o':
        if (value_is(x, KIND_REAL) && strchr("xXo", field->type)) jinja_raise(w, "%%%c format: an integer is required, not float", field->type);
        if (!value_is_number(x)) jinja_raise(w, "%%%c format: a real number is required, not %s", field->type, value_type(x));
        write_integer_field(w, field, whole(w, x, field->type));
        break;
    case 'e': case 'E': case 'f': case 'F': case 'g': case 'G':
        value_refuse_undefined(w, x);
        if (!value_is_number(x)) jinja_raise(w, "must be real number, not %s", value_type(x));
        write_real_field(w, field, value_number(x));
        break;
    case 'c':
        if (!value_is(x, KIND_STRING) || text_length(x) != 1) jinja_raise(w, "%%c requires a character");
        write_text_field(w, field, x, '>');
        break;
    default: jinja_raise(w, "unsupported format character '%c'", field->type);
    }
}

static Value named_argument(Work *w, Value format, size_t *at, const PercentArguments *from)
{
    size_t end = text_find(format, value_string(")", 1), *at);
    if (end == SIZE_MAX) jinja_raise(w, "incomplete format key");
    if (!value_is(from->all, KIND_DICT)) jinja_raise(w, "format requires a mapping");
    Value name = text_part(format, *at + 1, end);
    const Value *found = dict_find(w, from->all.dict, name);
    if (!found) jinja_raise(w, "format: no key '%.*s'", (int)name.n, name.s);
    *at = end + 1;
    return *found;
}

static size_t write_percent_field(Work *w, Value format, size_t at, PercentArguments *from)
{
    Field field = { .fill = value_string(" ", 1), .precision = -1 };
    PercentArguments one = { .by_name = false };
    bool named = at < format.n && format.s[at] == '(';
    if (named) {
        one = (PercentArguments){ .all = named_argument(w, format, &at, from), .by_name = true };
        from->by_name = true;
    }
    read_flags(format, &at, &field);
    field.width = read_width(w, format, &at, from);
    if (field.width < 0) {
        field.align = '<';
        field.width = -field.width;
    }
    if (at < format.n && format.s[at] == '.') {
        at++;
        field.precision = read_width(w, format, &at, from);
    }
    while (at < format.n && strchr("hlL", format.s[at])) at++;
    if (at >= format.n) jinja_raise(w, "incomplete format");
    field.type = format.s[at];
    if (field.type == '%') jinja_write_text(w, "%");
    else write_percent_value(w, &field, named ? one.all : next_argument(w, from));
    return at + 1;
}

Value format_percent(Work *w, Value format, Value arguments)
{
    bool tuple = value_is(arguments, KIND_LIST) && arguments.list->flavor == FLAVOR_TUPLE;
    Value single = value_list(w, FLAVOR_TUPLE, 1);
    single.list->item[0] = arguments;
    PercentArguments from = { .all = arguments, .list = tuple ? arguments.list : single.list };
    size_t mark = jinja_mark(w);
    for (size_t at = 0; at < format.n;) {
        if (format.s[at] == '%') at = write_percent_field(w, format, at + 1, &from);
        else jinja_write(w, format.s + at++, 1);
    }
    bool mapping = value_is(arguments, KIND_DICT) || value_is(arguments, KIND_UNDEFINED) || (value_is(arguments, KIND_LIST) && !tuple);
    if (!mapping && !from.by_name && from.next < from.list->n) jinja_raise(w, "not all arguments converted during string formatting");
    Value result = jinja_take(w, mark);
    result.markup = format.markup;
    return result;
}

/* --- {} --- */

static Field read_spec(Work *w, Value spec)
{
    Field field = { .fill = value_string(" ", 1), .precision = -1 };
    size_t at = 0, step = spec.n ? text_step(spec, 0) : 0;
    if (step && step < spec.n && strchr("<>^=", spec.s[step])) {
        field.fill = text_part(spec, 0, step);
        field.align = spec.s[step];
        at = step + 1;
    } else if (spec.n && spec.s[0] && strchr("<>^=", spec.s[0])) {
        field.align = spec.s[at++];
    }
    if (at < spec.n && strchr("+- ", spec.s[at])) field.sign = spec.s[at] == '-' ? 0 : spec.s[at], at++;
    if (at < spec.n && spec.s[at] == '#') field.alternate = true, at++;
    if (at < spec.n && spec.s[at] == '0') {
        if (!field.align) {
            field.fill = value_string("0", 1);
            field.align = '=';
        }
        at++;
    }
    field.width = read_number(w, spec, &at);
    if (at < spec.n && spec.s[at] == ',') field.thousands = true, at++;
    if (at < spec.n && spec.s[at] == '.') {
        at++;
        field.precision = read_number(w, spec, &at);
    }
    if (at < spec.n) field.type = spec.s[at++];
    if (at < spec.n || (field.type && !strchr("sdxXobeEfFgG%n", field.type)))
        jinja_raise(w, "Invalid format specifier '%.*s'", (int)spec.n, spec.s);
    return field;
}

static void write_braces_value(Work *w, Value x, Value spec)
{
    if (!spec.n) {
        text_write(w, x);
        return;
    }
    Field field = read_spec(w, spec);
    bool integer = value_is_integral(x) && !(field.type && strchr("eEfFgG%", field.type));
    if (value_is(x, KIND_STRING)) {
        if (field.type && field.type != 's') jinja_raise(w, "Unknown format code '%c' for object of type 'str'", field.type);
        if (field.align == '=') jinja_raise(w, "'=' alignment not allowed in string format specifier");
        write_text_field(w, &field, x, '<');
    } else if (integer) {
        if (field.type == 's') jinja_raise(w, "Unknown format code 's' for object of type 'int'");
        if (field.precision >= 0) jinja_raise(w, "Precision not allowed in integer format specifier");
        write_integer_field(w, &field, value_integral(x));
    } else if (value_is_number(x)) {
        if (field.type && strchr("sdxXob", field.type)) jinja_raise(w, "Unknown format code '%c' for object of type 'float'", field.type);
        write_real_field(w, &field, value_number(x));
    } else {
        jinja_raise(w, "unsupported format string passed to %s.__format__", value_type(x));
    }
}

/* {0.name[key]}: the argument, then what follows it. */
static Value field_value(Work *w, Value path, const Arguments *a, size_t *automatic)
{
    size_t end = 0;
    while (end < path.n && path.s[end] != '.' && path.s[end] != '[') end++;
    Value name = text_part(path, 0, end), x = { .kind = KIND_ABSENT };
    if (!name.n || isdigit((uint8_t)name.s[0])) {
        size_t at = 0, i = name.n ? (size_t)read_number(w, name, &at) : (*automatic)++;
        if (i < a->n) x = a->value[i];
    }
    for (size_t i = 0; i < a->n_keywords; i++)
        if (name.n && value_equal(w, a->keyword[i].name, name)) x = a->keyword[i].value;
    if (value_is(x, KIND_ABSENT)) jinja_raise(w, "format: no argument for '{%.*s}'", (int)path.n, path.s);
    while (end < path.n) {
        bool item = path.s[end] == '[';
        size_t begin = ++end;
        while (end < path.n && (item ? path.s[end] != ']' : path.s[end] != '.' && path.s[end] != '[')) end++;
        Value part = text_part(path, begin, end);
        size_t at = 0;
        bool number = item && part.n && isdigit((uint8_t)part.s[0]);
        x = !item ? operator_attribute(w, x, part) : operator_item(w, x, number ? value_integer(read_number(w, part, &at)) : part);
        end += item;
    }
    return x;
}

static size_t write_braces_field(Work *w, Value format, size_t at, const Arguments *a, size_t *automatic)
{
    size_t end = text_find(format, value_string("}", 1), at);
    if (end == SIZE_MAX) jinja_raise(w, "expected '}' before end of string");
    Value field = text_part(format, at, end), spec = value_string("", 0);
    size_t colon = text_find(field, value_string(":", 1), 0);
    if (colon != SIZE_MAX) {
        spec = text_part(field, colon + 1, field.n);
        field = text_part(field, 0, colon);
    }
    if (memchr(spec.s, '{', spec.n)) jinja_raise(w, "nested fields in a format are not supported");
    size_t bang = text_find(field, value_string("!", 1), 0);
    Value x = field_value(w, bang == SIZE_MAX ? field : text_part(field, 0, bang), a, automatic);
    if (bang != SIZE_MAX) {
        size_t mark = jinja_mark(w);
        if (field.s[field.n - 1] == 's') text_write(w, x);
        else text_write_repr(w, x);
        x = jinja_take(w, mark);
    }
    write_braces_value(w, x, spec);
    return end + 1;
}

Value format_braces(Work *w, Value format, const Arguments *a)
{
    size_t mark = jinja_mark(w), automatic = 0;
    for (size_t at = 0; at < format.n;) {
        char c = format.s[at];
        bool doubled = at + 1 < format.n && format.s[at + 1] == c;
        if (c == '}' && !doubled) jinja_raise(w, "Single '}' encountered in format string");
        if (c == '{' && !doubled) {
            at = write_braces_field(w, format, at + 1, a, &automatic);
            continue;
        }
        jinja_write(w, &c, 1);
        at += c == '{' || c == '}' ? 2 : 1;
    }
    Value result = jinja_take(w, mark);
    result.markup = format.markup;
    return result;
}
