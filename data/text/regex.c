#include "data/text/regex.h"

#include <oniguruma.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/unicode.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"

struct Regex { regex_t *compiled; char *pattern, *where; };

/* ---- Properties. The library takes at most 20, once per process, and looks among them first. These are all that changed since
 * the oldest library in use (Unicode 14), but for Cn. ---- */

static const struct { const char *name; unsigned categories; } properties[] = {
    { "L", CATEGORIES_L }, { "M", CATEGORIES_M }, { "N", CATEGORIES_N }, { "P", CATEGORIES_P }, { "S", CATEGORIES_S }, { "C", CATEGORIES_C },
    { "Lu", IN(LU) }, { "Ll", IN(LL) }, { "Lm", IN(LM) }, { "Lo", IN(LO) }, { "Mn", IN(MN) }, { "Mc", IN(MC) }, { "Nd", IN(ND) }, { "No", IN(NO) },
    { "Pd", IN(PD) }, { "Po", IN(PO) }, { "Sm", IN(SM) }, { "So", IN(SO) }, { "Cf", IN(CF) },
};

static void define(const char *name, const OnigCodePoint *numbers, int n)
{
    OnigCodePoint *ranges = memory_new((size_t)n + 1, sizeof *ranges);      /* the library keeps it */
    ranges[0] = (OnigCodePoint)n / 2;
    memcpy(ranges + 1, numbers, (size_t)n * sizeof *ranges);
    CHECK(onig_unicode_define_user_property(name, ranges) == ONIG_NORMAL, "property %s", name);
}

static void define_categories(const char *name, unsigned categories)
{
    OnigCodePoint *numbers = memory_new((size_t)unicode_category_runs_count * 2, sizeof *numbers);
    int n = 0;
    for (int i = 0; i < unicode_category_runs_count; i++) {
        uint32_t run = unicode_category_runs[i], first = run >> 5;
        if (!(categories >> (run & 31) & 1)) continue;
        uint32_t last = i + 1 < unicode_category_runs_count ? (unicode_category_runs[i + 1] >> 5) - 1 : 0x10FFFF;
        if (n && numbers[n - 1] == first - 1) numbers[n - 1] = last;
        else numbers[n++] = first, numbers[n++] = last;
    }
    define(name, numbers, n);
    free(numbers);
}

static void initialize(void)
{
    OnigEncoding encodings[] = { ONIG_ENCODING_UTF8 };
    CHECK(onig_initialize(encodings, 1) == ONIG_NORMAL);
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) define_categories(properties[i].name, properties[i].categories);
    define("Han", unicode_han, unicode_han_count);
}

/* ---- Compiling and searching ---- */

/* \d and \w with the new letters, marks and digits; NULL: another escape. A lone \w and one inside a class differ below U+0100
 * in the library (superscripts, fractions), so each keeps its own. */
static const char *property_of(char letter, bool in_class)
{
#define NEW "\\p{L}\\p{M}\\p{Nd}"
    switch (letter) {
    case 'd': return "\\p{Nd}";
    case 'D': return "\\P{Nd}";
    case 'w': return in_class ? "\\w" NEW : "(?:\\w|[" NEW "])";
    case 'W': return in_class ? "[^\\w" NEW "]" : "(?:(?![" NEW "])\\W)";
    default: return NULL;
    }
#undef NEW
}

static void rewrite(Buffer *out, const char *pattern)
{
    int depth = 0;      /* of classes */
    for (const char *s = pattern; *s; s++) {
        const char *property = *s == '\\' ? property_of(s[1], depth > 0) : NULL;
        if (property) {
            buffer_add_string(out, property);
            s++;
            continue;
        }
        depth += *s == '[' ? 1 : *s == ']' && depth ? -1 : 0;
        buffer_add_char(out, *s);
        if (*s == '\\' && s[1]) buffer_add_char(out, *++s);
    }
}

Status regex_open(Regex **out, const char *pattern, const char *where)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize);
    Buffer rewritten = {0};
    rewrite(&rewritten, pattern);
    buffer_add(&rewritten, "", 0);
    regex_t *compiled = NULL;
    OnigErrorInfo info = {0};
    const OnigUChar *s = (const OnigUChar *)rewritten.data;
    int code = onig_new(&compiled, s, s + rewritten.len, ONIG_OPTION_NONE, ONIG_ENCODING_UTF8, ONIG_SYNTAX_ONIGURUMA, &info);
    if (code != ONIG_NORMAL) {
        OnigUChar why[ONIG_MAX_ERROR_MESSAGE_LEN] = {0};
        onig_error_code_to_str(why, code, &info);
        buffer_free(&rewritten);
        return fail(STATUS_INPUT, "%s: the regex \"%s\" is not valid: %s", where, pattern, (const char *)why);
    }
    buffer_free(&rewritten);
    *out = memory_new(1, sizeof **out);
    **out = (Regex){ compiled, memory_string(pattern), memory_string(where) };
    return STATUS_OK;
}

void regex_close(Regex *regex)
{
    if (!regex) return;
    onig_free(regex->compiled);
    free(regex->pattern);
    free(regex->where);
    free(regex);
}

Status regex_search(const Regex *regex, const char *text, size_t n, size_t from, size_t *begin, size_t *end)
{
    OnigRegion region = {0};
    const OnigUChar *s = (const OnigUChar *)text;
    int code = onig_search(regex->compiled, s, s + n, s + from, s + n, &region, ONIG_OPTION_NONE);
    *begin = *end = n + 1;
    if (code >= 0) {
        *begin = (size_t)region.beg[0];
        *end = (size_t)region.end[0];
    }
    onig_region_free(&region, 0);
    if (code >= 0 || code == ONIG_MISMATCH) return STATUS_OK;
    OnigUChar why[ONIG_MAX_ERROR_MESSAGE_LEN] = {0};
    onig_error_code_to_str(why, code);
    return fail(STATUS_INPUT, "%s: the regex \"%s\" gives up on a text of %zu bytes: %s", regex->where, regex->pattern, n, (const char *)why);
}
