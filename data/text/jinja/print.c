/* str(), repr() and json.dumps(): three ways to print one tree of values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

static void write_real(Work *w, double x)
{
    char number[40];
    json_format_real(number, x);
    if (isnan(x)) strcpy(number, "nan");
    if (isinf(x)) strcpy(number, x > 0 ? "inf" : "-inf");
    jinja_write_text(w, number);
}

static void write_integer(Work *w, int64_t x)
{
    char number[32];
    snprintf(number, sizeof number, "%lld", (long long)x);
    jinja_write_text(w, number);
}

static void write_escape(Work *w, int32_t point)
{
    char escape[16];
    snprintf(escape, sizeof escape, point < 0x100 ? "\\x%02x" : point < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)point);
    jinja_write_text(w, escape);
}

static void write_quoted(Work *w, Value x)
{
    static const char named[] = "\n\r\t\\", letters[] = "nrt\\";
    char quote = memchr(x.s, '\'', x.n) && !memchr(x.s, '"', x.n) ? '"' : '\'';
    jinja_write(w, &quote, 1);
    for (size_t at = 0; at < x.n; at += text_step(x, at)) {
        const char *known = x.s[at] ? strchr(named, x.s[at]) : NULL;
        if (known || x.s[at] == quote) {
            const char escape[2] = { '\\', known ? letters[known - named] : quote };
            jinja_write(w, escape, 2);
        } else if (text_is_printable(text_point(x, at))) {
            jinja_write(w, x.s + at, text_step(x, at));
        } else {
            write_escape(w, text_point(x, at));
        }
    }
    jinja_write(w, &quote, 1);
}

static void write_list(Work *w, const List *list)
{
    const ListFlavor *flavor = &list_flavors[list->flavor];
    if (!flavor->open) jinja_raise(w, "a %s cannot be printed; make a list of it", flavor->type);
    jinja_write_text(w, flavor->open);
    for (uint32_t i = 0; i < list->n; i++) {
        if (i) jinja_write_text(w, ", ");
        text_write_repr(w, list->item[i]);
    }
    if (list->flavor == FLAVOR_TUPLE && list->n == 1) jinja_write_text(w, ",");
    jinja_write_text(w, flavor->close);
}

static void write_dict(Work *w, const Dict *dict)
{
    jinja_write_text(w, "{");
    for (uint32_t i = 0; i < dict->n; i++) {
        if (i) jinja_write_text(w, ", ");
        text_write_repr(w, dict->entry[i].key);
        jinja_write_text(w, ": ");
        text_write_repr(w, dict->entry[i].value);
    }
    jinja_write_text(w, "}");
}

static void write_namespace(Work *w, const Dict *dict)
{
    jinja_write_text(w, "<Namespace ");
    write_dict(w, dict);
    jinja_write_text(w, ">");
}

void text_write_repr(Work *w, Value x)
{
    jinja_enter(w);
    jinja_spend(w, 1);
    switch ((Kind)x.kind) {
    case KIND_ABSENT: case KIND_UNDEFINED: jinja_write_text(w, "Undefined"); break;
    case KIND_NONE: jinja_write_text(w, "None"); break;
    case KIND_BOOL: jinja_write_text(w, x.truth ? "True" : "False"); break;
    case KIND_INTEGER: write_integer(w, x.integer); break;
    case KIND_REAL: write_real(w, x.real); break;
    case KIND_STRING:
        if (x.markup) jinja_write_text(w, "Markup(");
        write_quoted(w, x);
        if (x.markup) jinja_write_text(w, ")");
        break;
    case KIND_LIST: write_list(w, x.list); break;
    case KIND_DICT: write_dict(w, x.dict); break;
    case KIND_NAMESPACE: write_namespace(w, x.dict); break;
    default: jinja_raise(w, "a %s cannot be printed", value_type(x));
    }
    jinja_leave(w);
}

void text_write(Work *w, Value x)
{
    if (value_is(x, KIND_STRING)) jinja_write(w, x.s, x.n);
    else if (!value_is(x, KIND_UNDEFINED)) text_write_repr(w, x);
}

Value text_of(Work *w, Value x)
{
    if (value_is(x, KIND_STRING)) return x;
    size_t mark = jinja_mark(w);
    text_write(w, x);
    return jinja_take(w, mark);
}

static void write_json_unit(Work *w, unsigned unit)
{
    char escape[8];
    snprintf(escape, sizeof escape, "\\u%04x", unit);
    jinja_write_text(w, escape);
}

static void write_json_point(Work *w, Value x, size_t at, bool ascii)
{
    static const char named[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    unsigned point = (unsigned)text_point(x, at);
    const char *known = point && point < 0x80 ? strchr(named, (int)point) : NULL;
    if (known) {
        const char escape[2] = { '\\', letters[known - named] };
        jinja_write(w, escape, 2);
    } else if (point < 0x20 || (ascii && point > 0x7E && point < 0x10000 && point != 0x7F)) {
        write_json_unit(w, point);
    } else if (ascii && point >= 0x10000) {
        write_json_unit(w, 0xD7C0 + (point >> 10));
        write_json_unit(w, 0xDC00 + (point & 0x3FF));
    } else {
        jinja_write(w, x.s + at, text_step(x, at));
    }
}

static void write_json_string(Work *w, Value x, const TextJson *style)
{
    jinja_write_text(w, "\"");
    for (size_t at = 0; at < x.n; at += text_step(x, at)) write_json_point(w, x, at, style->ascii);
    jinja_write_text(w, "\"");
}

static void write_json(Work *w, Value x, const TextJson *style, int level);

static void new_line(Work *w, const TextJson *style, int level)
{
    if (!value_is(style->indent, KIND_STRING)) return;
    jinja_write_text(w, "\n");
    for (int i = 0; i < level; i++) jinja_write(w, style->indent.s, style->indent.n);
}

static void write_json_key(Work *w, Value key, const TextJson *style)
{
    if (value_is(key, KIND_STRING)) {
        write_json_string(w, key, style);
        return;
    }
    if (!value_is_number(key) && !value_is(key, KIND_NONE))
        jinja_raise(w, "keys must be str, int, float, bool or None, not %s", value_type(key));
    jinja_write_text(w, "\"");
    write_json(w, key, style, 0);
    jinja_write_text(w, "\"");
}

/* Merge sort, stable as Python's: entries by key. */
static void sort_entries(Work *w, Entry *entry, Entry *room, size_t n)
{
    if (n < 2) return;
    size_t half = n / 2, a = 0, b = half, k = 0;
    sort_entries(w, entry, room, half);
    sort_entries(w, entry + half, room, n - half);
    while (a < half && b < n) room[k++] = value_compare(w, entry[b].key, entry[a].key, "<") < 0 ? entry[b++] : entry[a++];
    while (a < half) room[k++] = entry[a++];
    memcpy(entry, room, k * sizeof *entry);
}

static void write_json_dict(Work *w, const Dict *dict, const TextJson *style, int level)
{
    Entry *entry = jinja_new(w, dict->n, sizeof *entry);
    if (dict->n) memcpy(entry, dict->entry, dict->n * sizeof *entry);
    if (style->sort_keys) sort_entries(w, entry, jinja_new(w, dict->n, sizeof *entry), dict->n);
    jinja_write_text(w, "{");
    for (uint32_t i = 0; i < dict->n; i++) {
        if (i) jinja_write(w, style->item_separator.s, style->item_separator.n);
        new_line(w, style, level + 1);
        write_json_key(w, entry[i].key, style);
        jinja_write(w, style->key_separator.s, style->key_separator.n);
        write_json(w, entry[i].value, style, level + 1);
    }
    if (dict->n) new_line(w, style, level);
    jinja_write_text(w, "}");
}

static void write_json_list(Work *w, const List *list, const TextJson *style, int level)
{
    jinja_write_text(w, "[");
    for (uint32_t i = 0; i < list->n; i++) {
        if (i) jinja_write(w, style->item_separator.s, style->item_separator.n);
        new_line(w, style, level + 1);
        write_json(w, list->item[i], style, level + 1);
    }
    if (list->n) new_line(w, style, level);
    jinja_write_text(w, "]");
}

static void write_json_real(Work *w, double x)
{
    char number[40];
    json_format_real(number, x);
    jinja_write_text(w, number);
}

static void write_json(Work *w, Value x, const TextJson *style, int level)
{
    jinja_enter(w);
    jinja_spend(w, 1);
    bool list = value_is(x, KIND_LIST) && list_flavors[x.list->flavor].json;
    if (value_is(x, KIND_NONE)) jinja_write_text(w, "null");
    else if (value_is(x, KIND_BOOL)) jinja_write_text(w, x.truth ? "true" : "false");
    else if (value_is(x, KIND_INTEGER)) write_integer(w, x.integer);
    else if (value_is(x, KIND_REAL)) write_json_real(w, x.real);
    else if (value_is(x, KIND_STRING)) write_json_string(w, x, style);
    else if (value_is(x, KIND_DICT)) write_json_dict(w, x.dict, style, level);
    else if (list) write_json_list(w, x.list, style, level);
    else jinja_raise(w, "Object of type %s is not JSON serializable", value_type(x));
    jinja_leave(w);
}

void text_write_json(Work *w, Value x, const TextJson *style) { write_json(w, x, style, 0); }
