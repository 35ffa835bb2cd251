/* What a Split or a Replace looks for: a literal string, a regex, a property of code points, or one of the regexes of popular
 * families, for which scanner.c is faster than the regex engine and equal to it.
 *
 * A search covers a text with spans, in order and without gaps: matches, and what lies between them. Empty matches are
 * spans too. */
#ifndef DATA_TEXT_MATCHER_H
#define DATA_TEXT_MATCHER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/file/json.h"
#include "data/text/regex.h"
#include "data/text/scanner.h"

typedef struct { size_t begin, end; bool match; } Span;
typedef struct { Span *span; size_t n, cap; } Spans;

/* One of the four; {0} matches nothing. */
typedef struct {
    char        *literal;
    Regex       *regex;
    ScannerFn   *scanner;
    bool       (*property)(uint32_t code);      /* every such code point is a match of its own */
} Matcher;

/* {"String": "…"} or {"Regex": "…"}. */
Status matcher_open(Matcher *, const Json *spec, const char *where);
Status matcher_open_regex(Matcher *, const char *regex, const char *where);
void   matcher_close(Matcher *);
Status matcher_find(const Matcher *, const char *text, size_t n, Spans *out);      /* out is overwritten */

#endif
