#include "data/text/matcher.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/utf8.h"
#include "kernels/memory.h"

Status matcher_open_regex(Matcher *matcher, const char *regex, const char *where)
{
    matcher->scanner = scanner_of(regex);
    return matcher->scanner ? STATUS_OK : regex_open(&matcher->regex, regex, where);
}

Status matcher_open(Matcher *matcher, const Json *spec, const char *where)
{
    const char *literal = json_string(json_get(spec, "String")), *regex = json_string(json_get(spec, "Regex"));
    if (!literal && !regex) return fail(STATUS_INPUT, "%s: \"pattern\" is %s, expected {\"String\": …} or {\"Regex\": …}", where, json_kind_name(spec));
    if (regex) return matcher_open_regex(matcher, regex, where);
    matcher->literal = memory_string(literal);
    return STATUS_OK;
}

void matcher_close(Matcher *matcher)
{
    free(matcher->literal);
    regex_close(matcher->regex);
    *matcher = (Matcher){0};
}

static void add(Spans *spans, size_t begin, size_t end, bool match)
{
    MEMORY_PUSH(spans->span, spans->n, spans->cap) = (Span){ begin, end, match };
}

/* A match, after what lies between it and the one before. */
static void add_match(Spans *spans, size_t *seen, size_t begin, size_t end)
{
    if (*seen < begin) add(spans, *seen, begin, false);
    add(spans, begin, end, true);
    *seen = end;
}

static void find_literal(const char *literal, const char *text, size_t n, Spans *out, size_t *seen)
{
    size_t length = strlen(literal);
    for (const char *at; length && (at = memmem(text + *seen, n - *seen, literal, length));)
        add_match(out, seen, (size_t)(at - text), (size_t)(at - text) + length);
}

static void find_property(bool (*property)(uint32_t), const char *text, size_t n, Spans *out, size_t *seen)
{
    for (size_t at = 0, length; at < n; at += length)
        if (property(utf8_get(text + at, &length))) add_match(out, seen, at, at + length);
}

/* An empty match where the last match ended is not one; the search goes on one code point further. */
static Status find_regex(const Regex *regex, const char *text, size_t n, Spans *out, size_t *seen)
{
    size_t begin, end, last = n + 1;
    for (size_t from = 0; from <= n;) {
        TRY(regex_search(regex, text, n, from, &begin, &end));
        if (begin > n) break;
        if (begin == end && end == last) {
            from += from < n ? utf8_length(text[from]) : 1;
            continue;
        }
        add_match(out, seen, begin, end);
        from = last = end;
    }
    return STATUS_OK;
}

static void find_scanned(ScannerFn *scanner, const char *text, size_t n, Spans *out, size_t *seen)
{
    while (*seen < n) add_match(out, seen, *seen, scanner(text, n, *seen));
}

Status matcher_find(const Matcher *matcher, const char *text, size_t n, Spans *out)
{
    size_t seen = 0;
    out->n = 0;
    if (matcher->scanner) find_scanned(matcher->scanner, text, n, out, &seen);
    else if (matcher->property) find_property(matcher->property, text, n, out, &seen);
    else if (matcher->literal) find_literal(matcher->literal, text, n, out, &seen);
    else if (matcher->regex) TRY(find_regex(matcher->regex, text, n, out, &seen));
    if (seen < n) add(out, seen, n, false);
    return STATUS_OK;
}
