#include "data/text/unicode.h"

#include <utf8proc.h>

/* Index of the last of `n` ascending numbers that is <= x; -1 if none. */
static int last_below(const uint32_t *list, int n, uint32_t x)
{
    int low = -1, high = n;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (list[middle] <= x) low = middle;
        else high = middle;
    }
    return low;
}

/* Firsts stand at even places, lasts at odd ones: inside a range the last number <= x is a first, or is x itself. */
static bool in_ranges(const uint32_t *ranges, int n, uint32_t x)
{
    if (x < ranges[0]) return false;
    int i = last_below(ranges, n, x);
    return i >= 0 && (i % 2 == 0 || ranges[i] == x);
}

Category unicode_category(uint32_t code)
{
    int i = last_below(unicode_category_runs, unicode_category_runs_count, code << 5 | 31);
    return (Category)(unicode_category_runs[i] & 31);
}

bool unicode_is_space(uint32_t c)
{
    if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

bool unicode_is_word(uint32_t code) { return in_ranges(unicode_word, unicode_word_count, code); }
bool unicode_is_numeric(uint32_t code) { return in_ranges(unicode_numeric, unicode_numeric_count, code); }
bool unicode_is_punctuation(uint32_t code) { return in_ranges(unicode_punctuation, unicode_punctuation_count, code); }
bool unicode_is_normalizing(uint32_t code) { return in_ranges(unicode_normalizing, unicode_normalizing_count, code); }
bool unicode_is_accent(uint32_t code) { return in_ranges(unicode_accents, unicode_accents_count, code); }
bool unicode_is_nonspacing(uint32_t code) { return in_ranges(unicode_nonspacing, unicode_nonspacing_count, code); }
bool unicode_is_control(uint32_t code) { return in_ranges(unicode_control, unicode_control_count, code); }
bool unicode_is_joining(uint32_t code) { return in_ranges(unicode_joining, unicode_joining_count, code); }
bool unicode_is_prepending(uint32_t code) { return in_ranges(unicode_prepending, unicode_prepending_count, code); }

unsigned unicode_script(uint32_t code)
{
    return unicode_script_runs[last_below(unicode_script_runs, unicode_script_runs_count, code << 8 | 255)] & 255;
}

int unicode_lower(uint32_t code, uint32_t lower[2])
{
    if (code < 0x80) {
        lower[0] = code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
        return 1;
    }
    for (const uint32_t *row = unicode_lower_cases; row < unicode_lower_cases + unicode_lower_cases_count; row += 3) {
        if (row[0] != code) continue;
        lower[0] = row[1];
        lower[1] = row[2];
        return row[2] ? 2 : 1;
    }
    lower[0] = (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
    return 1;
}
