/* The functions a template finds without being given them. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "data/text/jinja/natives.h"
#include "data/text/jinja/text.h"
#include "data/text/jinja/work.h"

enum { MAX_RANGE = 100000 };             /* Jinja's sandbox */

static Value range(Work *w, Value self, const Arguments *a)
{
    (void)self;
    bool one = value_is(a->value[1], KIND_ABSENT);
    int64_t first = one ? 0 : native_integer(w, a->value[0], 0), end = native_integer(w, a->value[one ? 0 : 1], 0);
    int64_t step = native_integer(w, a->value[2], 1);
    if (step == 0) jinja_raise(w, "range() arg 3 must not be zero");
    bool empty = step > 0 ? end <= first : end >= first;
    uint64_t span = step > 0 ? (uint64_t)end - (uint64_t)first : (uint64_t)first - (uint64_t)end;
    uint64_t by = step > 0 ? (uint64_t)step : -(uint64_t)step, n = empty ? 0 : (span - 1) / by + 1;
    if (n > MAX_RANGE) jinja_raise(w, "Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", MAX_RANGE);
    Value list = value_list(w, FLAVOR_RANGE, (size_t)n);
    for (uint64_t i = 0; i < n; i++) list.list->item[i] = value_integer((int64_t)((uint64_t)first + i * (uint64_t)step));
    return list;
}

/* dict(mapping or pairs, **more), the one argument list of dict and namespace. */
static Value mapping(Work *w, const Arguments *a, const char *name)
{
    Value dict = value_dict(w);
    if (a->n > 1) jinja_raise(w, "%s expected at most 1 argument, got %zu", name, a->n);
    if (a->n && value_is(a->value[0], KIND_DICT)) {
        dict_update(w, dict.dict, a->value[0].dict);
    } else if (a->n) {
        const List *pairs = value_items(w, a->value[0]);
        for (uint32_t i = 0; i < pairs->n; i++) {
            const List *pair = value_items(w, pairs->item[i]);
            if (pair->n != 2) jinja_raise(w, "%s update sequence element #%u has length %u; 2 is required", name, i, pair->n);
            dict_require_hashable(w, pair->item[0]);
            dict_set(w, dict.dict, pair->item[0], pair->item[1]);
        }
    }
    for (size_t i = 0; i < a->n_keywords; i++) dict_set(w, dict.dict, a->keyword[i].name, a->keyword[i].value);
    return dict;
}

static Value dict_function(Work *w, Value self, const Arguments *a)
{
    (void)self;
    return mapping(w, a, "dict");
}

static Value namespace(Work *w, Value self, const Arguments *a)
{
    (void)self;
    Value space = mapping(w, a, "namespace");
    space.kind = KIND_NAMESPACE;
    for (uint32_t i = 0; i < space.dict->n; i++) native_require_public(w, space.dict->entry[i].key);
    return space;
}

static Value raise_exception(Work *w, Value self, const Arguments *a)
{
    (void)self;
    Value message = text_of(w, a->value[0]);
    jinja_raise(w, "the template refuses: %.*s", (int)message.n, message.s);
}

typedef struct { struct tm day; long microseconds; } Moment;

/* A pinned date is midnight of that day; otherwise it is now. It knows of no time zone, as Python's datetime.now(). */
static Moment moment(Work *w)
{
    Moment at = {0};
    struct timespec now;
    if (!w->date) {
        clock_gettime(CLOCK_REALTIME, &now);
        localtime_r(&now.tv_sec, &at.day);
        at.microseconds = now.tv_nsec / 1000;
    } else if (!chat_date(w->date, &at.day)) {
        jinja_raise(w, "date '%s' is no day of the form YYYY-MM-DD", w->date);
    }
    at.day.tm_isdst = -1;
    at.day.tm_zone = "";
    return at;
}

enum { MAX_FORMAT = 256 };

/* C's strftime but for %f, the microseconds, which is Python's alone. */
static Value strftime_now(Work *w, Value self, const Arguments *a)
{
    (void)self;
    Value format = native_string(w, a->value[0], value_none());
    Moment at = moment(w);
    char copy[3 * MAX_FORMAT + 2], text[16 << 10];
    size_t n = 0;
    if (format.n >= MAX_FORMAT) jinja_raise(w, "strftime_now: the format has more than %d bytes", MAX_FORMAT - 1);
    copy[n++] = ' ';                     /* strftime answers 0 for no text and for too much of it */
    for (size_t i = 0; i < format.n; i++) {
        bool fraction = format.s[i] == '%' && i + 1 < format.n && format.s[i + 1] == 'f';
        if (fraction) n += (size_t)sprintf(copy + n, "%06ld", at.microseconds);
        else copy[n++] = format.s[i];
        if (format.s[i] == '%' && i + 1 < format.n && !fraction) copy[n++] = format.s[i + 1];
        i += format.s[i] == '%';
    }
    copy[n] = 0;
    n = strftime(text, sizeof text, copy, &at.day);
    if (!n) jinja_raise(w, "strftime_now: the text becomes longer than %zu bytes", sizeof text - 2);
    return value_copy_string(w, text + 1, n - 1);
}

const Native *native_function(Value name)
{
    static const Native functions[] = {
        { "range", range, 1, { "start", "stop", "step" } }, { "dict", dict_function, 0, { "*" } }, { "namespace", namespace, 0, { "*" } },
        { "raise_exception", raise_exception, 1, { "message" } }, { "strftime_now", strftime_now, 1, { "format" } }, { 0 },
    };
    return native_find(functions, name);
}
