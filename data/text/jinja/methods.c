/* Methods of strings, dicts and lists. A row without function is a method that changes its object; the sandbox refuses
 * it, and naming it hides a key of that name, as in Python. */
#include <string.h>
#include <utf8proc.h>

#include "data/text/jinja/format.h"
#include "data/text/jinja/natives.h"
#include "data/text/jinja/operators.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

/* Looking from the end may compare the whole of `wanted` at every place. */
static void spend_search(Work *w, Value x, Value wanted) { jinja_spend(w, (x.n / 16 + 1) * (wanted.n / 64 + 1)); }

static Value strip(Work *w, Value x, const Arguments *a) { return native_strip(w, x, STRIP_BOTH, a->value[0]); }
static Value lstrip(Work *w, Value x, const Arguments *a) { return native_strip(w, x, STRIP_LEFT, a->value[0]); }
static Value rstrip(Work *w, Value x, const Arguments *a) { return native_strip(w, x, STRIP_RIGHT, a->value[0]); }
static Value upper(Work *w, Value x, const Arguments *a) { (void)a; return text_case(w, x, CASE_UPPER); }
static Value lower(Work *w, Value x, const Arguments *a) { (void)a; return text_case(w, x, CASE_LOWER); }
static Value capitalize(Work *w, Value x, const Arguments *a) { (void)a; return text_case(w, x, CASE_CAPITAL); }
static Value title(Work *w, Value x, const Arguments *a) { (void)a; return text_case(w, x, CASE_TITLE); }

static Value split(Work *w, Value x, const Arguments *a)
{
    return text_split(w, x, native_string(w, native_given(a->value[0]), value_none()), native_integer(w, a->value[1], -1));
}

static Value rsplit(Work *w, Value x, const Arguments *a)
{
    Value separator = native_string(w, native_given(a->value[0]), value_none());
    spend_search(w, x, separator);
    return text_split_right(w, x, separator, native_integer(w, a->value[1], -1));
}

static Value splitlines(Work *w, Value x, const Arguments *a) { return text_lines(w, x, native_truth(a->value[0], false)); }

static Value replace(Work *w, Value x, const Arguments *a)
{
    Value to = native_string(w, a->value[1], value_none());
    Value from = native_string(w, a->value[0], value_none());
    return text_replace(w, x, from, x.markup ? text_escape(w, to) : to, native_integer(w, a->value[2], -1));
}

/* The part of x between two optional bounds, as str.find and its kin take them; false when begin lies behind the end. */
static bool bounded(Work *w, Value x, const Arguments *a, Value *part, size_t *begin)
{
    int64_t n = (int64_t)value_length(w, x), from = native_integer(w, native_given(a->value[1]), 0);
    int64_t to = native_integer(w, native_given(a->value[2]), n);
    if (from < 0) from = from < -n ? 0 : from + n;
    if (to < 0) to = to < -n ? 0 : to + n;
    if (to > n) to = n;
    *begin = text_offset(x, (size_t)from);
    if (from > to) return false;
    *part = text_part(x, *begin, text_offset(x, (size_t)to));
    return true;
}

static bool any_matches(Work *w, Value x, const Arguments *a, bool (*matches)(Value, Value))
{
    Value part;
    size_t begin;
    if (value_is(a->value[0], KIND_LIST) && a->value[0].list->flavor == FLAVOR_TUPLE) {
        const List *choices = a->value[0].list;
        for (uint32_t i = 0; i < choices->n; i++)
            if (bounded(w, x, a, &part, &begin) && matches(part, native_string(w, choices->item[i], value_none()))) return true;
        return false;
    }
    Value wanted = native_string(w, a->value[0], value_none());
    return bounded(w, x, a, &part, &begin) && matches(part, wanted);
}

static Value startswith(Work *w, Value x, const Arguments *a) { return value_bool(any_matches(w, x, a, text_has_prefix)); }
static Value endswith(Work *w, Value x, const Arguments *a) { return value_bool(any_matches(w, x, a, text_has_suffix)); }

static int64_t position(Work *w, Value x, const Arguments *a, bool last)
{
    Value part, wanted = native_string(w, a->value[0], value_none());
    size_t begin;
    if (!bounded(w, x, a, &part, &begin)) return -1;
    if (last) spend_search(w, part, wanted);
    size_t at = last ? text_find_last(part, wanted) : text_find(part, wanted, 0);
    return at == SIZE_MAX ? -1 : (int64_t)text_length(text_part(x, 0, begin + at));
}

static Value found(Work *w, int64_t at)
{
    if (at < 0) jinja_raise(w, "substring not found");
    return value_integer(at);
}

static Value find(Work *w, Value x, const Arguments *a) { return value_integer(position(w, x, a, false)); }
static Value rfind(Work *w, Value x, const Arguments *a) { return value_integer(position(w, x, a, true)); }
static Value index_of(Work *w, Value x, const Arguments *a) { return found(w, position(w, x, a, false)); }
static Value rindex_of(Work *w, Value x, const Arguments *a) { return found(w, position(w, x, a, true)); }

static Value count(Work *w, Value x, const Arguments *a)
{
    Value part, wanted = native_string(w, a->value[0], value_none());
    size_t begin;
    int64_t n = 0;
    if (!bounded(w, x, a, &part, &begin)) return value_integer(0);
    if (!wanted.n) return value_integer((int64_t)text_length(part) + 1);
    for (size_t at = 0; (at = text_find(part, wanted, at)) != SIZE_MAX; at += wanted.n) n++;
    return value_integer(n);
}

static Value join(Work *w, Value x, const Arguments *a)
{
    const List *items = value_items(w, a->value[0]);
    for (uint32_t i = 0; i < items->n; i++)
        if (!value_is(items->item[i], KIND_STRING)) jinja_raise(w, "sequence item %u: expected str instance, %s found", i, value_type(items->item[i]));
    size_t mark = jinja_mark(w);
    for (uint32_t i = 0; i < items->n; i++) {
        if (i) text_write(w, x);
        text_write(w, x.markup ? text_escape(w, items->item[i]) : items->item[i]);
    }
    Value result = jinja_take(w, mark);
    result.markup = x.markup;
    return result;
}

static Value removeprefix(Work *w, Value x, const Arguments *a)
{
    Value prefix = native_string(w, a->value[0], value_none());
    return text_has_prefix(x, prefix) ? text_part(x, prefix.n, x.n) : x;
}

static Value removesuffix(Work *w, Value x, const Arguments *a)
{
    Value suffix = native_string(w, a->value[0], value_none());
    return text_has_suffix(x, suffix) ? text_part(x, 0, x.n - suffix.n) : x;
}

static Value three(Work *w, Value a, Value b, Value c)
{
    Value tuple = value_list(w, FLAVOR_TUPLE, 3);
    tuple.list->item[0] = a;
    tuple.list->item[1] = b;
    tuple.list->item[2] = c;
    return tuple;
}

static Value partition(Work *w, Value x, const Arguments *a)
{
    Value separator = native_string(w, a->value[0], value_none()), none = text_part(x, 0, 0);
    if (!separator.n) jinja_raise(w, "empty separator");
    jinja_spend(w, x.n / 16);
    size_t at = text_find(x, separator, 0);
    if (at == SIZE_MAX) return three(w, x, none, none);
    return three(w, text_part(x, 0, at), text_part(x, at, at + separator.n), text_part(x, at + separator.n, x.n));
}

static Value rpartition(Work *w, Value x, const Arguments *a)
{
    Value separator = native_string(w, a->value[0], value_none()), none = text_part(x, 0, 0);
    if (!separator.n) jinja_raise(w, "empty separator");
    spend_search(w, x, separator);
    size_t at = text_find_last(x, separator);
    if (at == SIZE_MAX) return three(w, none, none, x);
    return three(w, text_part(x, 0, at), text_part(x, at, at + separator.n), text_part(x, at + separator.n, x.n));
}

static Value padded(Work *w, Value x, const Arguments *a, bool left)
{
    Value fill = native_string(w, a->value[1], value_string(" ", 1));
    int64_t room = native_integer(w, a->value[0], 0) - (int64_t)value_length(w, x);
    if (text_length(fill) != 1) jinja_raise(w, "The fill character must be exactly one character long");
    if (room <= 0) return x;
    Value padding = operator_binary(w, OP_MUL, fill, value_integer(room));
    return left ? operator_binary(w, OP_ADD, padding, x) : operator_binary(w, OP_ADD, x, padding);
}

static Value ljust(Work *w, Value x, const Arguments *a) { return padded(w, x, a, false); }
static Value rjust(Work *w, Value x, const Arguments *a) { return padded(w, x, a, true); }

static Value zfill(Work *w, Value x, const Arguments *a)
{
    int64_t room = native_integer(w, a->value[0], 0) - (int64_t)value_length(w, x);
    size_t sign = x.n && (x.s[0] == '-' || x.s[0] == '+');
    if (room <= 0) return x;
    Value zeros = operator_binary(w, OP_MUL, value_string("0", 1), value_integer(room));
    return operator_binary(w, OP_CONCAT, operator_binary(w, OP_CONCAT, text_part(x, 0, sign), zeros), text_part(x, sign, x.n));
}

static Value all_points(Work *w, Value x, bool (*test)(int32_t))
{
    jinja_spend_points(w, x.n);
    for (size_t at = 0; at < x.n; at += text_step(x, at))
        if (!test(text_point(x, at))) return value_bool(false);
    return value_bool(x.n > 0);
}

static bool is_letter(int32_t point) { return point != '_' && text_is_word(point) && utf8proc_category(point) <= UTF8PROC_CATEGORY_LO; }
static bool is_digit(int32_t point) { return utf8proc_category(point) == UTF8PROC_CATEGORY_ND || point == 0xB2 || point == 0xB3 || point == 0xB9; }
static bool is_alphanumeric(int32_t point) { return point != '_' && text_is_word(point); }

static Value isalpha_method(Work *w, Value x, const Arguments *a) { (void)a; return all_points(w, x, is_letter); }
static Value isdigit_method(Work *w, Value x, const Arguments *a) { (void)a; return all_points(w, x, is_digit); }
static Value isalnum_method(Work *w, Value x, const Arguments *a) { (void)a; return all_points(w, x, is_alphanumeric); }
static Value isspace_method(Work *w, Value x, const Arguments *a) { (void)a; return all_points(w, x, text_is_space); }

static Value islower_method(Work *w, Value x, const Arguments *a) { (void)a; return native_call(w, native_test(value_text("lower")), x, &(Arguments){0}); }
static Value isupper_method(Work *w, Value x, const Arguments *a) { (void)a; return native_call(w, native_test(value_text("upper")), x, &(Arguments){0}); }

static const Native string_methods[] = {
    { "strip", strip, 0, { "chars" } }, { "lstrip", lstrip, 0, { "chars" } }, { "rstrip", rstrip, 0, { "chars" } }, { "upper", upper, 0, {0} },
    { "lower", lower, 0, {0} }, { "casefold", lower, 0, {0} }, { "capitalize", capitalize, 0, {0} }, { "title", title, 0, {0} },
    { "split", split, 0, { "sep", "maxsplit" } }, { "rsplit", rsplit, 0, { "sep", "maxsplit" } }, { "splitlines", splitlines, 0, { "keepends" } },
    { "replace", replace, 2, { "old", "new", "count" } }, { "startswith", startswith, 1, { "prefix", "start", "end" } },
    { "endswith", endswith, 1, { "suffix", "start", "end" } }, { "find", find, 1, { "sub", "start", "end" } }, { "rfind", rfind, 1, { "sub", "start", "end" } },
    { "index", index_of, 1, { "sub", "start", "end" } }, { "rindex", rindex_of, 1, { "sub", "start", "end" } }, { "count", count, 1, { "sub", "start", "end" } },
    { "join", join, 1, { "iterable" } }, { "removeprefix", removeprefix, 1, { "prefix" } }, { "removesuffix", removesuffix, 1, { "suffix" } },
    { "partition", partition, 1, { "sep" } }, { "rpartition", rpartition, 1, { "sep" } }, { "format", format_braces, 0, { "*" } },
    { "ljust", ljust, 1, { "width", "fillchar" } }, { "rjust", rjust, 1, { "width", "fillchar" } }, { "zfill", zfill, 1, { "width" } }, { "isalpha", isalpha_method, 0, {0} },
    { "isdigit", isdigit_method, 0, {0} }, { "isalnum", isalnum_method, 0, {0} }, { "isspace", isspace_method, 0, {0} },
    { "islower", islower_method, 0, {0} }, { "isupper", isupper_method, 0, {0} }, { 0 },
};

static Value get(Work *w, Value x, const Arguments *a)
{
    dict_require_hashable(w, a->value[0]);
    const Value *value = dict_find(w, x.dict, a->value[0]);
    return value ? *value : value_is(a->value[1], KIND_ABSENT) ? value_none() : a->value[1];
}

static Value keys(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value list = value_list(w, FLAVOR_KEYS, x.dict->n);
    for (uint32_t i = 0; i < x.dict->n; i++) list.list->item[i] = x.dict->entry[i].key;
    return list;
}

static Value values(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value list = value_list(w, FLAVOR_VALUES, x.dict->n);
    for (uint32_t i = 0; i < x.dict->n; i++) list.list->item[i] = x.dict->entry[i].value;
    return list;
}

static Value items(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value list = value_list(w, FLAVOR_ITEMS, x.dict->n);
    for (uint32_t i = 0; i < x.dict->n; i++) list.list->item[i] = value_pair(w, x.dict->entry[i].key, x.dict->entry[i].value);
    return list;
}

static Value copy_dict(Work *w, Value x, const Arguments *a)
{
    (void)a;
    Value copy = value_dict(w);
    dict_update(w, copy.dict, x.dict);
    return copy;
}

static const Native dict_methods[] = {
    { "get", get, 1, { "key", "default" } }, { "keys", keys, 0, {0} }, { "values", values, 0, {0} }, { "items", items, 0, {0} },
    { "copy", copy_dict, 0, {0} }, { "pop", NULL, 0, {0} }, { "popitem", NULL, 0, {0} }, { "setdefault", NULL, 0, {0} },
    { "update", NULL, 0, {0} }, { "clear", NULL, 0, {0} }, { "fromkeys", NULL, 0, {0} }, { 0 },
};

static Value list_index(Work *w, Value x, const Arguments *a)
{
    int64_t n = x.list->n, from = native_integer(w, a->value[1], 0), to = native_integer(w, a->value[2], n);
    if (from < 0) from = from < -n ? 0 : from + n;
    if (to < 0) to = to < -n ? 0 : to + n;
    for (int64_t i = from; i < n && i < to; i++)
        if (value_equal(w, x.list->item[i], a->value[0])) return value_integer(i);
    jinja_raise(w, "the value is not in the %s", value_type(x));
}

static Value list_count(Work *w, Value x, const Arguments *a)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < x.list->n; i++) n += value_equal(w, x.list->item[i], a->value[0]);
    return value_integer(n);
}

static Value copy_list(Work *w, Value x, const Arguments *a)
{
    (void)a;
    return operator_slice(w, x, value_none(), value_none(), value_none());
}

static const Native tuple_methods[] = { { "index", list_index, 1, { "value", "start", "stop" } }, { "count", list_count, 1, { "value" } }, { 0 } };
static const Native list_methods[] = {
    { "index", list_index, 1, { "value", "start", "stop" } }, { "count", list_count, 1, { "value" } }, { "copy", copy_list, 0, {0} },
    { "append", NULL, 0, {0} }, { "pop", NULL, 0, {0} }, { "extend", NULL, 0, {0} }, { "insert", NULL, 0, {0} }, { "remove", NULL, 0, {0} },
    { "reverse", NULL, 0, {0} }, { "sort", NULL, 0, {0} }, { "clear", NULL, 0, {0} }, { 0 },
};

const Native *native_method(Value self, Value name)
{
    if (value_is(self, KIND_STRING)) return native_find(string_methods, name);
    if (value_is(self, KIND_DICT)) return native_find(dict_methods, name);
    if (!value_is(self, KIND_LIST) || self.list->flavor > FLAVOR_RANGE) return NULL;
    return native_find(self.list->flavor == FLAVOR_LIST ? list_methods : tuple_methods, name);
}
