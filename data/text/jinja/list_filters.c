/* Filters on sequences. What is a generator in Jinja is one here: always true, walked once, without a length. */
#include <string.h>

#include "data/text/jinja/natives.h"
#include "data/text/jinja/operators.h"
#include "data/text/jinja/syntax.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

static Value list_of(Work *w, Flavor flavor, const List *from)
{
    Value list = value_list(w, flavor, from->n);
    if (from->n) memcpy(list.list->item, from->item, from->n * sizeof(Value));
    return list;
}

static bool given(Value x) { return !value_is(x, KIND_ABSENT) && !value_is(x, KIND_NONE); }

/* A part of digits is a number. */
static Value path_part(Value part)
{
    int64_t index = 0;
    if (!value_is(part, KIND_STRING) || !part.n || part.n > 9) return part;
    for (uint32_t k = 0; k < part.n; k++) {
        if (part.s[k] < '0' || part.s[k] > '9') return part;
        index = 10 * index + (part.s[k] - '0');
    }
    return value_integer(index);
}

/* `a.b.0` as sort, map and their kin take it: item by item. */
static Value item_by_path(Work *w, Value x, Value path, Value otherwise)
{
    Value parts = value_list(w, FLAVOR_LIST, 1);
    parts.list->item[0] = path;
    if (value_is(path, KIND_STRING)) parts = text_split(w, path, value_string(".", 1), -1);
    for (uint32_t i = 0; i < parts.list->n; i++) {
        x = operator_item(w, x, path_part(parts.list->item[i]));
        if (value_is(x, KIND_UNDEFINED) && given(otherwise)) x = otherwise;
    }
    return x;
}

static Value sort_key(Work *w, Value x, Value path, bool case_sensitive)
{
    if (given(path)) x = item_by_path(w, x, path, value_none());
    return value_is(x, KIND_STRING) && !case_sensitive ? text_case(w, x, CASE_LOWER) : x;
}

static Value length(Work *w, Value x, const Arguments *a) { (void)a; return value_integer((int64_t)value_length(w, x)); }

static Value list(Work *w, Value x, const Arguments *a) { (void)a; return list_of(w, FLAVOR_LIST, value_items(w, x)); }

static Value first(Work *w, Value x, const Arguments *a)
{
    (void)a;
    if (value_is(x, KIND_LIST) && x.list->flavor == FLAVOR_GENERATOR && x.list->n) {
        x.list->n--;
        return *x.list->item++;
    }
    const List *items = value_items(w, x);
    return items->n ? items->item[0] : value_undefined(w, "No first item, sequence was empty.");
}

static Value last(Work *w, Value x, const Arguments *a)
{
    (void)a;
    value_length(w, x);
    const List *items = value_items(w, x);
    return items->n ? items->item[items->n - 1] : value_undefined(w, "No last item, sequence was empty.");
}

static Value join(Work *w, Value x, const Arguments *a)
{
    Value separator = value_is(a->value[0], KIND_ABSENT) ? value_string("", 0) : text_of(w, a->value[0]);
    const List *items = value_items(w, x);
    Value *item = jinja_new(w, items->n, sizeof *item);
    for (uint32_t i = 0; i < items->n; i++) item[i] = given(a->value[1]) ? item_by_path(w, items->item[i], a->value[1], value_none()) : items->item[i];
    size_t mark = jinja_mark(w);
    for (uint32_t i = 0; i < items->n; i++) {
        if (i) text_write(w, separator);
        text_write(w, item[i]);
    }
    return jinja_take(w, mark);
}

static Value pairs(Work *w, Value x, Flavor flavor)
{
    Value list_value = value_list(w, flavor, x.dict->n);
    for (uint32_t i = 0; i < x.dict->n; i++) list_value.list->item[i] = value_pair(w, x.dict->entry[i].key, x.dict->entry[i].value);
    return list_value;
}

static Value items(Work *w, Value x, const Arguments *a)
{
    (void)a;
    if (value_is(x, KIND_UNDEFINED)) return value_list(w, FLAVOR_GENERATOR, 0);
    if (!value_is(x, KIND_DICT)) jinja_raise(w, "Can only get item pairs from a mapping.");
    return pairs(w, x, FLAVOR_GENERATOR);
}

/* Merge sort of items by key, stable; `sign` -1 sorts downwards and keeps equal items in order, as Python does. */
typedef struct { Value key, item; } Sortable;

static void sort(Work *w, Sortable *x, Sortable *room, size_t n, int sign)
{
    if (n < 2) return;
    size_t half = n / 2, a = 0, b = half, k = 0;
    sort(w, x, room, half, sign);
    sort(w, x + half, room, n - half, sign);
    while (a < half && b < n) {
        Value right = x[b].key, left = x[a].key;
        int order = sign > 0 ? value_compare(w, right, left, "<") : value_compare(w, left, right, "<");
        room[k++] = order == -1 ? x[b++] : x[a++];
    }
    while (a < half) room[k++] = x[a++];
    jinja_spend(w, k);
    memcpy(x, room, k * sizeof *x);
}

/* The items in order of `key`, which is overwritten. */
static Value sorted(Work *w, Sortable *x, size_t n, bool reverse)
{
    sort(w, x, jinja_new(w, n, sizeof *x), n, reverse ? -1 : 1);
    Value list_value = value_list(w, FLAVOR_LIST, n);
    for (size_t i = 0; i < n; i++) list_value.list->item[i] = x[i].item;
    return list_value;
}

static Value dictsort(Work *w, Value x, const Arguments *a)
{
    value_refuse_undefined(w, x);
    Value by = native_string(w, a->value[1], value_text("key"));
    if (!value_is(x, KIND_DICT)) jinja_raise(w, "'%s' has no attribute 'items'", value_owner(x));
    if (!value_is_text(by, "key") && !value_is_text(by, "value")) jinja_raise(w, "You can only sort by either \"key\" or \"value\"");
    Sortable *entry = jinja_new(w, x.dict->n, sizeof *entry);
    const List *pair = pairs(w, x, FLAVOR_LIST).list;
    for (uint32_t i = 0; i < pair->n; i++) {
        Value key = pair->item[i].list->item[value_is_text(by, "value")];
        entry[i] = (Sortable){ sort_key(w, key, value_none(), native_truth(a->value[0], false)), pair->item[i] };
    }
    return sorted(w, entry, pair->n, native_truth(a->value[2], false));
}

static Sortable *keyed(Work *w, const List *from, Value path, bool case_sensitive)
{
    Sortable *x = jinja_new(w, from->n, sizeof *x);
    for (uint32_t i = 0; i < from->n; i++) x[i] = (Sortable){ sort_key(w, from->item[i], path, case_sensitive), from->item[i] };
    return x;
}

/* Jinja sorts by a list of keys, one for each attribute of "a,b": equal keys are never asked which is less. */
static Value sort_filter(Work *w, Value x, const Arguments *a)
{
    bool case_sensitive = native_truth(a->value[1], false);
    const List *from = value_items(w, x);
    Value path = a->value[2], paths = value_list(w, FLAVOR_LIST, 1);
    paths.list->item[0] = path;
    if (value_is(path, KIND_STRING)) paths = text_split(w, path, value_string(",", 1), -1);
    Sortable *entry = jinja_new(w, from->n, sizeof *entry);
    for (uint32_t i = 0; i < from->n; i++) {
        Value key = value_list(w, FLAVOR_LIST, paths.list->n);
        for (uint32_t k = 0; k < paths.list->n; k++) key.list->item[k] = sort_key(w, from->item[i], paths.list->item[k], case_sensitive);
        entry[i] = (Sortable){ key, from->item[i] };
    }
    return sorted(w, entry, from->n, native_truth(a->value[0], false));
}

static Value unique(Work *w, Value x, const Arguments *a)
{
    const List *from = value_items(w, x);
    const Sortable *entry = keyed(w, from, a->value[1], native_truth(a->value[0], false));
    Value seen = value_dict(w), result = value_list(w, FLAVOR_GENERATOR, from->n);
    result.list->n = 0;
    for (uint32_t i = 0; i < from->n; i++) {
        dict_require_hashable(w, entry[i].key);
        if (dict_find(w, seen.dict, entry[i].key)) continue;
        dict_set(w, seen.dict, entry[i].key, value_none());
        result.list->item[result.list->n++] = entry[i].item;
    }
    return result;
}

static Value extreme(Work *w, Value x, const Arguments *a, int sign)
{
    const List *from = value_items(w, x);
    const Sortable *entry = keyed(w, from, a->value[1], native_truth(a->value[0], false));
    if (!from->n) return value_undefined(w, "No aggregated item, sequence was empty.");
    uint32_t best = 0;
    for (uint32_t i = 1; i < from->n; i++)
        if (value_compare(w, entry[i].key, entry[best].key, sign < 0 ? "<" : ">") == sign) best = i;
    return from->item[best];
}

static Value min(Work *w, Value x, const Arguments *a) { return extreme(w, x, a, -1); }
static Value max(Work *w, Value x, const Arguments *a) { return extreme(w, x, a, 1); }

static Value sum(Work *w, Value x, const Arguments *a)
{
    const List *from = value_items(w, x);
    Value total = value_is(a->value[1], KIND_ABSENT) ? value_integer(0) : a->value[1];
    if (value_is(total, KIND_STRING)) jinja_raise(w, "sum() can't sum strings [use ''.join(seq) instead]");
    jinja_spend(w, from->n);
    for (uint32_t i = 0; i < from->n; i++)
        total = operator_binary(w, OP_ADD, total, given(a->value[0]) ? item_by_path(w, from->item[i], a->value[0], value_none()) : from->item[i]);
    return total;
}

static Value reverse(Work *w, Value x, const Arguments *a)
{
    (void)a;
    if (value_is(x, KIND_STRING)) return operator_slice(w, x, value_none(), value_none(), value_integer(-1));
    bool reversible = value_is(x, KIND_LIST) && list_flavors[x.list->flavor].has_length;
    const List *from = value_items(w, x);
    Value result = value_list(w, reversible || value_is(x, KIND_DICT) ? FLAVOR_GENERATOR : FLAVOR_LIST, from->n);
    for (uint32_t i = 0; i < from->n; i++) result.list->item[i] = from->item[from->n - 1 - i];
    return result;
}

static Value batch(Work *w, Value x, const Arguments *a)
{
    const List *from = value_items(w, x);
    int64_t per = native_integer(w, a->value[0], 0);
    if (per < 1) jinja_raise(w, "batch: expected a positive number of items");
    size_t n = per > (int64_t)from->n ? 1 : (size_t)per, rows = per > (int64_t)from->n ? from->n > 0 : (from->n + n - 1) / n;
    if (per > (int64_t)from->n) n = from->n;
    Value result = value_list(w, FLAVOR_GENERATOR, rows);
    for (size_t r = 0; r < rows; r++) {
        size_t begin = r * n, have = begin + n > from->n ? from->n - begin : n;
        size_t width = given(a->value[1]) ? (size_t)per : have;
        Value row = value_list(w, FLAVOR_LIST, width);
        for (size_t i = 0; i < width; i++) row.list->item[i] = i < have ? from->item[begin + i] : a->value[1];
        result.list->item[r] = row;
    }
    return result;
}

static Value slice(Work *w, Value x, const Arguments *a)
{
    const List *from = value_items(w, x);
    int64_t columns = native_integer(w, a->value[0], 0);
    if (columns == 0) jinja_raise(w, "integer division or modulo by zero");
    size_t n = columns > 0 ? (size_t)columns : 0, at = 0;
    Value result = value_list(w, FLAVOR_GENERATOR, n);
    for (size_t c = 0; c < n; c++) {
        size_t have = from->n / n + (c < from->n % n);
        bool fill = given(a->value[1]) && c >= from->n % n;
        Value column = value_list(w, FLAVOR_LIST, have + fill);
        for (size_t i = 0; i < have; i++) column.list->item[i] = from->item[at++];
        if (fill) column.list->item[have] = a->value[1];
        result.list->item[c] = column;
    }
    return result;
}

static Value groupby(Work *w, Value x, const Arguments *a)
{
    bool case_sensitive = native_truth(a->value[2], false);
    const List *from = value_items(w, x);
    Sortable *entry = jinja_new(w, from->n, sizeof *entry);
    for (uint32_t i = 0; i < from->n; i++) {
        Value key = item_by_path(w, from->item[i], a->value[0], a->value[1]);
        entry[i] = (Sortable){ sort_key(w, key, value_none(), case_sensitive), value_pair(w, key, from->item[i]) };
    }
    const List *ordered = sorted(w, entry, from->n, false).list;
    Value result = value_list(w, FLAVOR_LIST, from->n);
    result.list->n = 0;
    for (uint32_t i = 0; i < ordered->n;) {
        uint32_t end = i;
        while (end < ordered->n && value_equal(w, entry[i].key, entry[end].key)) end++;
        Value group = value_list(w, FLAVOR_LIST, end - i);
        for (uint32_t k = i; k < end; k++) group.list->item[k - i] = ordered->item[k].list->item[1];
        result.list->item[result.list->n++] = value_pair(w, ordered->item[i].list->item[0], group);
        i = end;
    }
    return result;
}

static const Keyword *keyword(const Arguments *a, const char *name)
{
    for (size_t i = 0; i < a->n_keywords; i++)
        if (value_is_text(a->keyword[i].name, name)) return &a->keyword[i];
    return NULL;
}

/* The filter or test named by the first argument, and the arguments that are left for it. */
static const Native *named(Work *w, const Arguments *a, size_t skip, const char *what, Arguments *rest)
{
    *rest = (Arguments){ a->value + skip + 1, a->n - skip - 1, a->keyword, a->n_keywords };
    Value name = native_string(w, a->value[skip], value_none());
    const Native *native = what[0] == 'f' ? native_filter(name) : native_test(name);
    if (!native) jinja_raise(w, "no %s named '%.*s'", what, (int)name.n, name.s);
    return native;
}

static Value map(Work *w, Value x, const Arguments *a)
{
    const Keyword *path = a->n ? NULL : keyword(a, "attribute"), *otherwise = keyword(a, "default");
    Arguments rest;
    if (!value_truth(x)) return value_list(w, FLAVOR_GENERATOR, 0);
    if (!a->n && !path) jinja_raise(w, "map requires a filter argument");
    const Native *filter = path ? NULL : named(w, a, 0, "filter", &rest);
    const List *from = value_items(w, x);
    Value result = value_list(w, FLAVOR_GENERATOR, from->n);
    for (uint32_t i = 0; i < from->n; i++)
        result.list->item[i] = path ? item_by_path(w, from->item[i], path->value, otherwise ? otherwise->value : value_none())
                                    : native_call(w, filter, from->item[i], &rest);
    return result;
}

static Value chosen(Work *w, Value x, const Arguments *a, bool by_attribute, bool keep)
{
    Arguments rest;
    size_t skip = by_attribute;
    if (!value_truth(x)) return value_list(w, FLAVOR_GENERATOR, 0);
    if (a->n < skip) jinja_raise(w, "Missing parameter for attribute name");
    const Native *test = a->n > skip ? named(w, a, skip, "test", &rest) : NULL;
    const List *from = value_items(w, x);
    Value result = value_list(w, FLAVOR_GENERATOR, from->n);
    result.list->n = 0;
    for (uint32_t i = 0; i < from->n; i++) {
        Value subject = by_attribute ? item_by_path(w, from->item[i], a->value[0], value_none()) : from->item[i];
        if (value_truth(test ? native_call(w, test, subject, &rest) : subject) == keep) result.list->item[result.list->n++] = from->item[i];
    }
    return result;
}

static Value select(Work *w, Value x, const Arguments *a) { return chosen(w, x, a, false, true); }
static Value reject(Work *w, Value x, const Arguments *a) { return chosen(w, x, a, false, false); }
static Value selectattr(Work *w, Value x, const Arguments *a) { return chosen(w, x, a, true, true); }
static Value rejectattr(Work *w, Value x, const Arguments *a) { return chosen(w, x, a, true, false); }

const Native native_list_filters[] = {
    { "length", length, 0, {0} }, { "count", length, 0, {0} }, { "list", list, 0, {0} }, { "first", first, 0, {0} }, { "last", last, 0, {0} },
    { "join", join, 0, { "d", "attribute" } }, { "items", items, 0, {0} }, { "dictsort", dictsort, 0, { "case_sensitive", "by", "reverse" } },
    { "sort", sort_filter, 0, { "reverse", "case_sensitive", "attribute" } }, { "unique", unique, 0, { "case_sensitive", "attribute" } },
    { "min", min, 0, { "case_sensitive", "attribute" } }, { "max", max, 0, { "case_sensitive", "attribute" } },
    { "sum", sum, 0, { "attribute", "start" } }, { "reverse", reverse, 0, {0} }, { "batch", batch, 1, { "linecount", "fill_with" } },
    { "slice", slice, 1, { "slices", "fill_with" } }, { "groupby", groupby, 1, { "attribute", "default", "case_sensitive" } },
    { "map", map, 0, { "*" } }, { "select", select, 0, { "*" } }, { "reject", reject, 0, { "*" } },
    { "selectattr", selectattr, 0, { "*" } }, { "rejectattr", rejectattr, 0, { "*" } },
    { 0 },
};
