#include "data/text/jinja/natives.h"

#include <string.h>

#include "data/text/jinja/work.h"

const Native *native_find(const Native *table, Value name)
{
    for (; table->name; table++)
        if (value_is_text(name, table->name)) return table;
    return NULL;
}

const Native *native_filter(Value name)
{
    const Native *native = native_find(native_text_filters, name);
    return native ? native : native_find(native_list_filters, name);
}

Value native_bind(Work *w, const Native *native, Value self)
{
    Method *method = jinja_new(w, 1, sizeof *method);
    *method = (Method){ native, self };
    return (Value){ .kind = KIND_METHOD, .method = method };
}

static int parameter_index(const Native *native, Value name)
{
    for (int i = 0; i < NATIVE_PARAMETERS && native->parameter[i]; i++)
        if (value_is_text(name, native->parameter[i])) return i;
    return -1;
}

static void bind_keyword(Work *w, const Native *native, Value bound[], const Keyword *keyword)
{
    int i = parameter_index(native, keyword->name);
    if (i < 0) jinja_raise(w, "%s() got an unexpected keyword argument '%.*s'", native->name, (int)keyword->name.n, keyword->name.s);
    if (!value_is(bound[i], KIND_ABSENT)) jinja_raise(w, "%s() got multiple values for argument '%s'", native->name, native->parameter[i]);
    bound[i] = keyword->value;
}

Value native_call(Work *w, const Native *native, Value self, const Arguments *arguments)
{
    Value bound[NATIVE_PARAMETERS] = {0};
    jinja_enter(w);
    bool raw = native->parameter[0] && !strcmp(native->parameter[0], "*");
    if (!raw) {
        size_t n = 0;
        while (n < NATIVE_PARAMETERS && native->parameter[n]) n++;
        if (arguments->n > n) jinja_raise(w, "%s() takes at most %zu argument(s), %zu given", native->name, n, arguments->n);
        if (arguments->n) memcpy(bound, arguments->value, arguments->n * sizeof *bound);
        for (size_t i = 0; i < arguments->n_keywords; i++) bind_keyword(w, native, bound, &arguments->keyword[i]);
        for (int i = 0; i < native->required; i++)
            if (value_is(bound[i], KIND_ABSENT)) jinja_raise(w, "%s() misses the argument '%s'", native->name, native->parameter[i]);
    }
    const Arguments by_parameter = { .value = bound, .n = NATIVE_PARAMETERS };
    Value result = native->call(w, self, raw ? arguments : &by_parameter);
    jinja_leave(w);
    return result;
}

Value native_given(Value x) { return value_is(x, KIND_NONE) ? (Value){ .kind = KIND_ABSENT } : x; }

void native_require_public(Work *w, Value name)
{
    if (value_is(name, KIND_STRING) && name.n && name.s[0] == '_')
        jinja_raise(w, "a namespace cannot store '%.*s': it begins with an underscore", (int)name.n, name.s);
}

int64_t native_integer(Work *w, Value x, int64_t otherwise)
{
    if (value_is(x, KIND_ABSENT)) return otherwise;
    value_refuse_undefined(w, x);
    if (!value_is_integral(x)) jinja_raise(w, "'%s' object cannot be interpreted as an integer", value_type(x));
    return value_integral(x);
}

bool native_truth(Value x, bool otherwise) { return value_is(x, KIND_ABSENT) ? otherwise : value_truth(x); }

Value native_string(Work *w, Value x, Value otherwise)
{
    if (value_is(x, KIND_ABSENT)) return otherwise;
    value_refuse_undefined(w, x);
    if (!value_is(x, KIND_STRING)) jinja_raise(w, "expected a string, found '%s'", value_type(x));
    return x;
}

Value native_strip(Work *w, Value text, StripSides sides, Value characters)
{
    Value set = native_string(w, native_given(characters), value_none());
    jinja_spend_points(w, text.n * (set.n / 64 + 1));
    return text_strip(text, sides, set);
}
