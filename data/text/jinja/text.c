#include "data/text/jinja/text.h"

#include <string.h>
#include <utf8proc.h>

#include "data/text/jinja/work.h"

size_t text_step(Value x, size_t at)
{
    uint8_t c = (uint8_t)x.s[at];
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return n < x.n - at ? n : x.n - at;
}

int32_t text_point(Value x, size_t at)
{
    utf8proc_int32_t point = -1;
    utf8proc_iterate((const uint8_t *)x.s + at, (utf8proc_ssize_t)(x.n - at), &point);
    return point;
}

static size_t step_back(Value x, size_t at)
{
    size_t begin = at - 1;
    while (begin && (x.s[begin] & 0xC0) == 0x80) begin--;
    return at - begin;
}

size_t text_length(Value x)
{
    size_t n = 0;
    for (uint32_t i = 0; i < x.n; i++) n += (x.s[i] & 0xC0) != 0x80;
    return n;
}

size_t text_offset(Value x, size_t i)
{
    size_t at = 0;
    while (at < x.n && i--) at += text_step(x, at);
    return at;
}

Value text_part(Value x, size_t begin, size_t end)
{
    Value part = value_string(x.s + begin, end - begin);
    part.markup = x.markup;
    return part;
}

size_t text_find(Value x, Value part, size_t from)
{
    if (from > x.n) return SIZE_MAX;
    const char *found = memmem(x.s + from, x.n - from, part.s, part.n);
    return found ? (size_t)(found - x.s) : SIZE_MAX;
}

size_t text_find_last(Value x, Value part)
{
    for (size_t at = (size_t)x.n + 1; at-- > 0;)
        if (x.n - at >= part.n && !memcmp(x.s + at, part.s, part.n)) return at;
    return SIZE_MAX;
}

bool text_has_prefix(Value x, Value prefix) { return x.n >= prefix.n && !memcmp(x.s, prefix.s, prefix.n); }
bool text_has_suffix(Value x, Value suffix) { return x.n >= suffix.n && !memcmp(x.s + x.n - suffix.n, suffix.s, suffix.n); }

bool text_is_space(int32_t point)
{
    static const uint16_t spaces[] = { 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 };
    if (point <= 0x20) return point == 0x20 || (point >= 9 && point <= 13) || (point >= 0x1C && point <= 0x1F);
    if (point >= 0x2000 && point <= 0x200A) return true;
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        if (point == spaces[i]) return true;
    return false;
}

bool text_is_line_end(int32_t point)
{
    return (point >= 10 && point <= 13) || (point >= 0x1C && point <= 0x1E) || point == 0x85 || point == 0x2028 || point == 0x2029;
}

bool text_is_printable(int32_t point)
{
    if (point < 0x7F) return point >= 0x20;
    utf8proc_category_t category = utf8proc_category(point);
    return category != UTF8PROC_CATEGORY_CN && category < UTF8PROC_CATEGORY_ZS;
}

bool text_is_word(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
    return point == '_' || letter || (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

static bool strips(Value characters, Value x, size_t at)
{
    if (characters.kind != KIND_STRING) return text_is_space(text_point(x, at));
    return text_find(characters, text_part(x, at, at + text_step(x, at)), 0) != SIZE_MAX;
}

Value text_strip(Value x, StripSides sides, Value characters)
{
    size_t begin = 0, end = x.n;
    while ((sides & STRIP_LEFT) && begin < end && strips(characters, x, begin)) begin += text_step(x, begin);
    while ((sides & STRIP_RIGHT) && end > begin && strips(characters, x, end - step_back(x, end))) end -= step_back(x, end);
    return text_part(x, begin, end);
}

static void write_point(Work *w, int32_t point)
{
    uint8_t bytes[4];
    jinja_write(w, (char *)bytes, (size_t)utf8proc_encode_char(point, bytes));
}

/* Letters whose other case is more than one code point; the rest of Unicode's list is not met in templates. */
static bool write_long_case(Work *w, int32_t point, TextCase to)
{
    static const struct { int32_t point; const char *upper, *title; } long_cases[] = {
        { 0xDF, "SS", "Ss" }, { 0x149, "ʼN", "ʼN" }, { 0x1F0, "J̌", "J̌" }, { 0x587, "ԵՒ", "Եւ" }, { 0xFB00, "FF", "Ff" }, { 0xFB01, "FI", "Fi" },
        { 0xFB02, "FL", "Fl" }, { 0xFB03, "FFI", "Ffi" }, { 0xFB04, "FFL", "Ffl" }, { 0xFB05, "ST", "St" }, { 0xFB06, "ST", "St" },
    };
    if (to == CASE_LOWER && point == 0x130) {
        jinja_write_text(w, "i̇");
        return true;
    }
    for (size_t i = 0; to != CASE_LOWER && i < sizeof long_cases / sizeof *long_cases; i++)
        if (long_cases[i].point == point) {
            jinja_write_text(w, to == CASE_UPPER ? long_cases[i].upper : long_cases[i].title);
            return true;
        }
    return false;
}

static bool is_cased(int32_t point)
{
    utf8proc_category_t category = utf8proc_category(point);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL || category == UTF8PROC_CATEGORY_LT;
}

/* A capital sigma at the end of a word becomes the final one. */
static bool is_final_sigma(Value x, size_t at)
{
    size_t next = at + 2;
    bool before = at && is_cased(text_point(x, at - step_back(x, at)));
    return text_point(x, at) == 0x3A3 && before && (next >= x.n || !is_cased(text_point(x, next)));
}

static void write_case(Work *w, Value x, size_t at, TextCase to)
{
    int32_t point = text_point(x, at);
    if (write_long_case(w, point, to)) return;
    if (to == CASE_UPPER) write_point(w, utf8proc_toupper(point));
    else if (to == CASE_TITLE) write_point(w, utf8proc_totitle(point));
    else write_point(w, is_final_sigma(x, at) ? 0x3C2 : utf8proc_tolower(point));
}

Value text_case(Work *w, Value x, TextCase to)
{
    size_t mark = jinja_mark(w);
    bool inside = false;                 /* a word, for titles */
    for (size_t at = 0; at < x.n; at += text_step(x, at)) {
        TextCase here = to;
        if (to == CASE_CAPITAL) here = at ? CASE_LOWER : CASE_TITLE;
        if (to == CASE_TITLE) here = inside ? CASE_LOWER : CASE_TITLE;
        inside = is_cased(text_point(x, at));
        write_case(w, x, at, here);
    }
    Value result = jinja_take(w, mark);
    result.markup = x.markup;
    return result;
}

Value text_replace(Work *w, Value x, Value from, Value to, int64_t count)
{
    size_t mark = jinja_mark(w), at = 0;
    while (count != 0 && at <= x.n) {
        size_t found = text_find(x, from, at);
        if (found == SIZE_MAX) break;
        jinja_write(w, x.s + at, found - at);
        jinja_write(w, to.s, to.n);
        at = found + from.n;
        if (count > 0) count--;
        if (from.n) continue;
        if (at == x.n) break;                       /* an empty string stands before every code point and at the end */
        jinja_write(w, x.s + at, text_step(x, at));
        at += text_step(x, at);
    }
    jinja_write(w, x.s + at, x.n - at);
    Value result = jinja_take(w, mark);
    result.markup = x.markup;
    return result;
}

Value text_escape(Work *w, Value x)
{
    static const char special[] = "&<>'\"";
    static const char *const entity[] = { "&amp;", "&lt;", "&gt;", "&#39;", "&#34;" };
    Value text = text_of(w, x);
    if (text.markup) return text;
    size_t mark = jinja_mark(w);
    for (uint32_t i = 0; i < text.n; i++) {
        const char *known = text.s[i] ? strchr(special, text.s[i]) : NULL;
        if (known) jinja_write_text(w, entity[known - special]);
        else jinja_write(w, text.s + i, 1);
    }
    text = jinja_take(w, mark);
    text.markup = true;
    return text;
}

/* A list that grows: parts are gathered behind a mark in the text buffer, as values. */
static void add_part(Work *w, Value part) { jinja_write(w, (const char *)&part, sizeof part); }

static Value parts_taken(Work *w, size_t mark)
{
    size_t n = (w->text.len - mark) / sizeof(Value);
    Value list = value_list(w, FLAVOR_LIST, n);
    if (n) memcpy(list.list->item, w->text.data + mark, n * sizeof(Value));
    w->text.len = mark;
    return list;
}

static size_t skip(Value x, size_t at, bool spaces)
{
    while (at < x.n && text_is_space(text_point(x, at)) == spaces) at += text_step(x, at);
    return at;
}

static void split_spaces(Work *w, Value x, int64_t limit)
{
    for (size_t at = skip(x, 0, true); at < x.n;) {
        size_t end = limit-- == 0 ? x.n : skip(x, at, false);
        add_part(w, text_part(x, at, end));
        at = skip(x, end, true);
    }
}

static void split_at(Work *w, Value x, Value separator, int64_t limit)
{
    size_t at = 0;
    for (size_t found; limit != 0 && (found = text_find(x, separator, at)) != SIZE_MAX; limit--) {
        add_part(w, text_part(x, at, found));
        at = found + separator.n;
    }
    add_part(w, text_part(x, at, x.n));
}

Value text_split(Work *w, Value x, Value separator, int64_t limit)
{
    size_t mark = jinja_mark(w);
    if (separator.kind != KIND_STRING) jinja_spend_points(w, x.n);
    if (separator.kind != KIND_STRING) split_spaces(w, x, limit);
    else if (separator.n == 0) jinja_raise(w, "empty separator");
    else split_at(w, x, separator, limit);
    return parts_taken(w, mark);
}

static size_t skip_back(Value x, size_t end, bool spaces)
{
    while (end && text_is_space(text_point(x, end - step_back(x, end))) == spaces) end -= step_back(x, end);
    return end;
}

static void split_spaces_right(Work *w, Value x, int64_t limit)
{
    for (size_t end = skip_back(x, x.n, true); end > 0;) {
        size_t begin = limit-- == 0 ? 0 : skip_back(x, end, false);
        add_part(w, text_part(x, begin, end));
        end = skip_back(x, begin, true);
    }
}

static void split_at_right(Work *w, Value x, Value separator, int64_t limit)
{
    Value left = x;
    for (size_t found; limit != 0 && (found = text_find_last(left, separator)) != SIZE_MAX; limit--) {
        add_part(w, text_part(left, found + separator.n, left.n));
        left = text_part(left, 0, found);
    }
    add_part(w, left);
}

Value text_split_right(Work *w, Value x, Value separator, int64_t limit)
{
    size_t mark = jinja_mark(w);
    if (separator.kind != KIND_STRING) jinja_spend_points(w, x.n);
    if (separator.kind != KIND_STRING) split_spaces_right(w, x, limit);
    else if (separator.n == 0) jinja_raise(w, "empty separator");
    else split_at_right(w, x, separator, limit);
    Value parts = parts_taken(w, mark);
    for (uint32_t i = 0, n = parts.list->n; i < n / 2; i++) {
        Value first = parts.list->item[i];
        parts.list->item[i] = parts.list->item[n - 1 - i];
        parts.list->item[n - 1 - i] = first;
    }
    return parts;
}

Value text_lines(Work *w, Value x, bool keep_ends)
{
    size_t mark = jinja_mark(w);
    jinja_spend_points(w, x.n);
    for (size_t at = 0; at < x.n;) {
        size_t end = at;
        while (end < x.n && !text_is_line_end(text_point(x, end))) end += text_step(x, end);
        size_t next = end;
        if (end < x.n) next += x.s[end] == '\r' && end + 1 < x.n && x.s[end + 1] == '\n' ? 2 : text_step(x, end);
        add_part(w, text_part(x, at, keep_ends ? next : end));
        at = next;
    }
    return parts_taken(w, mark);
}
