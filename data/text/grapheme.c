#include "data/text/grapheme.h"

#include <stdbool.h>
#include <stdint.h>
#include <utf8proc.h>

#include "data/text/unicode.h"
#include "data/text/utf8.h"

enum { SOME_LETTER = 'a', SOME_MARK = 0x300, SOME_PREPENDING = 0x600 };

/* The code point itself, or one that utf8proc takes for what the reference takes this one for. */
static utf8proc_int32_t stand_in(uint32_t code)
{
    if (code < SOME_MARK) return (utf8proc_int32_t)code;
    int class = utf8proc_get_property((utf8proc_int32_t)code)->boundclass;
    bool joins = class == UTF8PROC_BOUNDCLASS_EXTEND || class == UTF8PROC_BOUNDCLASS_SPACINGMARK || class == UTF8PROC_BOUNDCLASS_ZWJ;
    bool prepends = class == UTF8PROC_BOUNDCLASS_PREPEND;
    if (unicode_is_joining(code)) return joins ? (utf8proc_int32_t)code : SOME_MARK;
    if (unicode_is_prepending(code)) return prepends ? (utf8proc_int32_t)code : SOME_PREPENDING;
    return joins || prepends ? SOME_LETTER : (utf8proc_int32_t)code;
}

static bool is_plain(char c) { return c >= ' ' && c <= '~'; }

size_t grapheme_end(const char *text, size_t n, size_t at)
{
    if (is_plain(text[at]) && (at + 1 == n || is_plain(text[at + 1]))) return at + 1;
    size_t length;
    utf8proc_int32_t state = 0, before = stand_in(utf8_get(text + at, &length));
    for (at += length; at < n; at += length) {
        utf8proc_int32_t next = stand_in(utf8_get(text + at, &length));
        if (utf8proc_grapheme_break_stateful(before, next, &state)) break;
        before = next;
    }
    return at;
}
