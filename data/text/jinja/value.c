#include "data/text/jinja/value.h"

#include <string.h>

#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

const ListFlavor list_flavors[FLAVOR_COUNT] = {
    [FLAVOR_LIST]      = { "list", "[", "]", true, true, true },
    [FLAVOR_TUPLE]     = { "tuple", "(", ")", true, true, true },
    [FLAVOR_RANGE]     = { "range", NULL, NULL, true, true, false },
    [FLAVOR_KEYS]      = { "dict_keys", "dict_keys([", "])", true, false, false },
    [FLAVOR_VALUES]    = { "dict_values", "dict_values([", "])", true, false, false },
    [FLAVOR_ITEMS]     = { "dict_items", "dict_items([", "])", true, false, false },
    [FLAVOR_GENERATOR] = { "generator", NULL, NULL, false, false, false },
};

Value value_string(const char *s, size_t n) { return (Value){ .kind = KIND_STRING, .n = (uint32_t)n, .s = s }; }
Value value_text(const char *s) { return value_string(s, strlen(s)); }
Value value_bool(bool truth) { return (Value){ .kind = KIND_BOOL, .truth = truth }; }
Value value_integer(int64_t integer) { return (Value){ .kind = KIND_INTEGER, .integer = integer }; }
Value value_real(double real) { return (Value){ .kind = KIND_REAL, .real = real }; }
Value value_none(void) { return (Value){ .kind = KIND_NONE }; }

static Value undefined(Work *w, Undefined why)
{
    Undefined *kept = jinja_new(w, 1, sizeof *kept);
    *kept = why;
    return (Value){ .kind = KIND_UNDEFINED, .undefined = kept };
}

Value value_undefined(Work *w, const char *hint) { return undefined(w, (Undefined){ .hint = hint }); }
Value value_unknown_name(Work *w, Value name) { return undefined(w, (Undefined){ .name = name }); }

Value value_no_attribute(Work *w, Value owner, Value name)
{
    return undefined(w, (Undefined){ .owner = value_owner(owner), .name = name });
}

void value_refuse_undefined(Work *w, Value x)
{
    if (!value_is(x, KIND_UNDEFINED)) return;
    const Undefined *why = x.undefined;
    if (why->hint) jinja_raise(w, "%s", why->hint);
    size_t mark = jinja_mark(w);
    text_write_repr(w, why->name);
    Value name = jinja_take(w, mark);
    if (!why->owner) jinja_raise(w, "%s is undefined", name.s);
    if (value_is(why->name, KIND_STRING)) jinja_raise(w, "'%s' has no attribute %s", why->owner, name.s);
    jinja_raise(w, "%s has no element %s", why->owner, name.s);
}

Value value_list(Work *w, Flavor flavor, size_t n)
{
    List *list = jinja_new(w, 1, sizeof *list);
    *list = (List){ .flavor = flavor, .n = (uint32_t)n, .item = jinja_new(w, n, sizeof(Value)) };
    return (Value){ .kind = KIND_LIST, .list = list };
}

Value value_pair(Work *w, Value a, Value b)
{
    Value pair = value_list(w, FLAVOR_TUPLE, 2);
    pair.list->item[0] = a;
    pair.list->item[1] = b;
    return pair;
}

Value value_dict(Work *w) { return (Value){ .kind = KIND_DICT, .dict = jinja_new(w, 1, sizeof(Dict)) }; }

Value value_copy_string(Work *w, const char *s, size_t n)
{
    char *copy = jinja_new(w, n + 1, 1);
    if (n) memcpy(copy, s, n);
    return value_string(copy, n);
}

static Value json_list(Work *w, const Json *json)
{
    Value list = value_list(w, FLAVOR_LIST, (size_t)json_count(json));
    size_t i = 0;
    for (const Json *item = json_first(json); item; item = json_next(item)) list.list->item[i++] = value_json(w, item);
    return list;
}

static Value json_dict(Work *w, const Json *json)
{
    Value dict = value_dict(w);
    for (const Json *item = json_first(json); item; item = json_next(item))
        dict_set(w, dict.dict, value_text(json_key(item)), value_json(w, item));
    return dict;
}

Value value_json(Work *w, const Json *json)
{
    Value value = value_none();
    jinja_enter(w);
    switch (json_kind(json)) {
    case JSON_NULL: break;
    case JSON_BOOL: value = value_bool(json_bool(json)); break;
    case JSON_INTEGER:
        if (!json_fits_int64(json)) jinja_raise(w, "an integer of more than 64 bits");
        value = value_integer(json_integer(json));
        break;
    case JSON_REAL: value = value_real(json_number(json)); break;
    case JSON_STRING: value = value_text(json_string(json)); break;
    case JSON_ARRAY: value = json_list(w, json); break;
    case JSON_OBJECT: value = json_dict(w, json); break;
    }
    jinja_leave(w);
    return value;
}

bool value_is(Value x, Kind kind) { return x.kind == kind; }
bool value_is_number(Value x) { return x.kind == KIND_BOOL || x.kind == KIND_INTEGER || x.kind == KIND_REAL; }
bool value_is_integral(Value x) { return x.kind == KIND_BOOL || x.kind == KIND_INTEGER; }
int64_t value_integral(Value x) { return x.kind == KIND_BOOL ? x.truth : x.integer; }
double value_number(Value x) { return x.kind == KIND_REAL ? x.real : (double)value_integral(x); }

bool value_is_text(Value x, const char *text)
{
    return x.kind == KIND_STRING && x.n == strlen(text) && !memcmp(x.s, text, x.n);
}

bool value_truth(Value x)
{
    switch ((Kind)x.kind) {
    case KIND_ABSENT: case KIND_UNDEFINED: case KIND_NONE: return false;
    case KIND_BOOL: return x.truth;
    case KIND_INTEGER: return x.integer != 0;
    case KIND_REAL: return x.real != 0;
    case KIND_STRING: return x.n > 0;
    case KIND_LIST: return x.list->n > 0 || !list_flavors[x.list->flavor].has_length;
    case KIND_DICT: return x.dict->n > 0;
    default: return true;
    }
}

const char *value_type(Value x)
{
    switch ((Kind)x.kind) {
    case KIND_ABSENT: case KIND_UNDEFINED: return "Undefined";
    case KIND_NONE: return "NoneType";
    case KIND_BOOL: return "bool";
    case KIND_INTEGER: return "int";
    case KIND_REAL: return "float";
    case KIND_STRING: return x.markup ? "Markup" : "str";
    case KIND_LIST: return list_flavors[x.list->flavor].type;
    case KIND_DICT: return "dict";
    case KIND_NAMESPACE: return "Namespace";
    case KIND_LOOP: return "LoopContext";
    case KIND_MACRO: return "Macro";
    case KIND_NATIVE: return "function";
    case KIND_METHOD: return "builtin_function_or_method";
    }
    return "";
}

const char *value_owner(Value x)
{
    static const char *const kinds[] = {
        [KIND_NONE] = "None", [KIND_BOOL] = "bool object", [KIND_INTEGER] = "int object", [KIND_REAL] = "float object", [KIND_STRING] = "str object",
        [KIND_DICT] = "dict object", [KIND_NAMESPACE] = "namespace object", [KIND_LOOP] = "loop object", [KIND_MACRO] = "macro object",
        [KIND_NATIVE] = "function object", [KIND_METHOD] = "method object",
    };
    static const char *const lists[FLAVOR_COUNT] = {
        "list object", "tuple object", "range object", "dict_keys object", "dict_values object", "dict_items object", "generator object",
    };
    return value_is(x, KIND_LIST) ? lists[x.list->flavor] : kinds[x.kind];
}

static bool lists_equal(Work *w, const List *a, const List *b)
{
    if (a->flavor != b->flavor || a->n != b->n) return false;
    jinja_spend(w, a->n / 8);
    for (uint32_t i = 0; i < a->n; i++)
        if (!value_equal(w, a->item[i], b->item[i])) return false;
    return true;
}

static bool dicts_equal(Work *w, const Dict *a, const Dict *b)
{
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        const Value *other = dict_find(w, b, a->entry[i].key);
        if (!other || !value_equal(w, a->entry[i].value, *other)) return false;
    }
    return true;
}

static bool numbers_equal(Value a, Value b)
{
    if (value_is_integral(a) && value_is_integral(b)) return value_integral(a) == value_integral(b);
    return value_number(a) == value_number(b);
}

static bool strings_equal(Work *w, Value a, Value b)
{
    if (a.n != b.n) return false;
    jinja_spend(w, a.n / 64);
    return !memcmp(a.s, b.s, a.n);
}

bool value_equal(Work *w, Value a, Value b)
{
    if (value_is_number(a) && value_is_number(b)) return numbers_equal(a, b);
    if (a.kind != b.kind) return false;
    if (value_is(a, KIND_STRING)) return strings_equal(w, a, b);
    if (value_is(a, KIND_UNDEFINED) || value_is(a, KIND_NONE)) return true;
    if (value_is(a, KIND_METHOD)) return a.method->native == b.method->native && a.method->self.s == b.method->self.s;
    if (a.s == b.s) return true;                           /* one and the same object */
    if (!value_is(a, KIND_LIST) && !value_is(a, KIND_DICT)) return false;
    jinja_enter(w);
    jinja_spend(w, 1);
    bool equal = value_is(a, KIND_LIST) ? lists_equal(w, a.list, b.list) : dicts_equal(w, a.dict, b.dict);
    jinja_leave(w);
    return equal;
}

static int order(double a, double b) { return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2; }

static int compare_strings(Work *w, Value a, Value b)
{
    jinja_spend(w, (a.n < b.n ? a.n : b.n) / 64);
    int d = memcmp(a.s, b.s, a.n < b.n ? a.n : b.n);      /* UTF-8 sorts as its code points do */
    if (d) return d < 0 ? -1 : 1;
    return (a.n > b.n) - (a.n < b.n);
}

static int compare_lists(Work *w, const List *a, const List *b, const char *op)
{
    jinja_spend(w, (a->n < b->n ? a->n : b->n) / 8);
    for (uint32_t i = 0; i < a->n && i < b->n; i++)
        if (!value_equal(w, a->item[i], b->item[i])) return value_compare(w, a->item[i], b->item[i], op);
    return (a->n > b->n) - (a->n < b->n);
}

int value_compare(Work *w, Value a, Value b, const char *op)
{
    value_refuse_undefined(w, a);
    value_refuse_undefined(w, b);
    if (value_is_integral(a) && value_is_integral(b)) {
        int64_t x = value_integral(a), y = value_integral(b);
        return (x > y) - (x < y);
    }
    if (value_is_number(a) && value_is_number(b)) return order(value_number(a), value_number(b));
    if (value_is(a, KIND_STRING) && value_is(b, KIND_STRING)) return compare_strings(w, a, b);
    bool lists = value_is(a, KIND_LIST) && value_is(b, KIND_LIST) && a.list->flavor == b.list->flavor && a.list->flavor <= FLAVOR_TUPLE;
    if (!lists) jinja_raise(w, "'%s' not supported between instances of '%s' and '%s'", op, value_type(a), value_type(b));
    jinja_enter(w);
    int result = compare_lists(w, a.list, b.list, op);
    jinja_leave(w);
    return result;
}

static List *characters(Work *w, Value x)
{
    Value list = value_list(w, FLAVOR_LIST, text_length(x));
    size_t at = 0;
    for (uint32_t i = 0; i < list.list->n; i++) {
        size_t n = text_step(x, at);
        list.list->item[i] = value_string(x.s + at, n);
        at += n;
    }
    return list.list;
}

static List *keys(Work *w, const Dict *dict)
{
    Value list = value_list(w, FLAVOR_LIST, dict->n);
    for (uint32_t i = 0; i < dict->n; i++) list.list->item[i] = dict->entry[i].key;
    return list.list;
}

List *value_items(Work *w, Value x)
{
    switch ((Kind)x.kind) {
    case KIND_UNDEFINED: return value_list(w, FLAVOR_LIST, 0).list;
    case KIND_STRING: return characters(w, x);
    case KIND_DICT: return keys(w, x.dict);
    case KIND_LIST: break;
    default: jinja_raise(w, "'%s' object is not iterable", value_type(x));
    }
    if (x.list->flavor != FLAVOR_GENERATOR) return x.list;
    List *rest = jinja_new(w, 1, sizeof *rest);
    *rest = *x.list;
    x.list->n = 0;
    return rest;
}

size_t value_length(Work *w, Value x)
{
    if (value_is(x, KIND_STRING)) {
        jinja_spend(w, x.n / 16);
        return text_length(x);
    }
    if (value_is(x, KIND_DICT)) return x.dict->n;
    if (value_is(x, KIND_UNDEFINED)) return 0;
    if (value_is(x, KIND_LIST) && list_flavors[x.list->flavor].has_length) return x.list->n;
    jinja_raise(w, "object of type '%s' has no len()", value_type(x));
}

void dict_require_hashable(Work *w, Value key)
{
    bool list = value_is(key, KIND_LIST) && key.list->flavor == FLAVOR_LIST;
    if (list || value_is(key, KIND_DICT)) jinja_raise(w, "unhashable type: '%s'", value_type(key));
    if (!value_is(key, KIND_LIST)) return;
    jinja_enter(w);
    for (uint32_t i = 0; i < key.list->n; i++) dict_require_hashable(w, key.list->item[i]);
    jinja_leave(w);
}

Value *dict_find(Work *w, const Dict *dict, Value key)
{
    jinja_spend(w, dict->n / 8);
    for (uint32_t i = 0; i < dict->n; i++)
        if (value_equal(w, dict->entry[i].key, key)) return &dict->entry[i].value;
    return NULL;
}

void dict_set(Work *w, Dict *dict, Value key, Value value)
{
    Value *old = dict_find(w, dict, key);
    if (old) {
        *old = value;
        return;
    }
    if (dict->n == dict->cap) {
        uint32_t cap = dict->cap ? 2 * dict->cap : 4;
        Entry *entry = jinja_new(w, cap, sizeof *entry);
        if (dict->n) memcpy(entry, dict->entry, dict->n * sizeof *entry);
        dict->entry = entry;
        dict->cap = cap;
    }
    dict->entry[dict->n++] = (Entry){ key, value };
}

void dict_update(Work *w, Dict *dict, const Dict *from)
{
    for (uint32_t i = 0; i < from->n; i++) dict_set(w, dict, from->entry[i].key, from->entry[i].value);
}

Scope *scope_new(Work *w, Scope *parent)
{
    Scope *scope = jinja_new(w, 1, sizeof *scope);
    scope->parent = parent;
    return scope;
}

Value *scope_find(Work *w, Scope *scope, Value name)
{
    for (; scope; scope = scope->parent) {
        Value *found = dict_find(w, &scope->names, name);
        if (found) return found;
    }
    return NULL;
}
