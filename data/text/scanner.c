#include "data/text/scanner.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "data/text/unicode.h"
#include "data/text/utf8.h"

const char scanner_gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* What the alternatives tell apart. */
typedef enum { SPACE, LETTER, NUMBER, OTHER, END } Kind;

#define S SPACE
#define L LETTER
#define N NUMBER
#define O OTHER
static const uint8_t ascii[128] = {
    O, O, O, O, O, O, O, O, O, S, S, S, S, S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    S, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, N, N, N, N, N, N, N, N, N, N, O, O, O, O, O, O,
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O,
    O, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, O, O, O, O, O,
};
#undef S
#undef L
#undef N
#undef O

static Kind kind_at(const char *s, size_t n, size_t at, size_t *length)
{
    *length = 0;
    if (at >= n) return END;
    *length = 1;
    if ((uint8_t)s[at] < 128) return (Kind)ascii[(uint8_t)s[at]];
    uint32_t code = utf8_get(s + at, length);
    if (unicode_is_space(code)) return SPACE;
    unsigned category = 1u << unicode_category(code);
    return category & CATEGORIES_L ? LETTER : category & CATEGORIES_N ? NUMBER : OTHER;
}

static size_t skip(const char *s, size_t n, size_t at, Kind kind)
{
    for (size_t length; kind_at(s, n, at, &length) == kind;) at += length;
    return at;
}

static bool is_newline(char c) { return c == '\n' || c == '\r'; }

/* \s+(?!\S)|\s+ : blanks up to the one before the next word. */
static size_t blanks(const char *s, size_t n, size_t at)
{
    size_t end = skip(s, n, at, SPACE), length;
    if (end == n) return end;
    utf8_before(s, end, &length);
    return end - length > at ? end - length : end;
}

/* 's|'t|'re|'ve|'m|'ll|'d : its end, or `at`. */
static size_t contraction(const char *s, size_t n, size_t at)
{
    size_t left = n - at;
    if (s[at] != '\'' || left < 2) return at;
    if (s[at + 1] && strchr("stmd", s[at + 1])) return at + 2;
    if (left > 2 && (!memcmp(s + at + 1, "re", 2) || !memcmp(s + at + 1, "ve", 2) || !memcmp(s + at + 1, "ll", 2))) return at + 3;
    return at;
}

/* The same under (?i:…), where long s (U+017F) is an s. */
static size_t folded_contraction(const char *s, size_t n, size_t at)
{
    char lower[3] = {0};
    if (s[at] != '\'') return at;
    if (n - at > 2 && !memcmp(s + at + 1, "\xc5\xbf", 2)) return at + 3;
    for (size_t i = 0; i < 3 && at + i < n; i++) lower[i] = s[at + i] >= 'A' && s[at + i] <= 'Z' ? (char)(s[at + i] + 32) : s[at + i];
    size_t left = n - at < 3 ? n - at : 3;
    return at + contraction(lower, left, 0);
}

static size_t gpt2(const char *s, size_t n, size_t at)
{
    size_t end = contraction(s, n, at), length;
    if (end > at) return end;
    size_t first = at + (s[at] == ' ');
    Kind kind = kind_at(s, n, first, &length);
    if (kind == SPACE || kind == END) return blanks(s, n, at);
    return skip(s, n, first, kind);
}

/* \s*[\r\n]+ : up to behind the last line end among the blanks, or `at`. */
static size_t blanks_to_newline(const char *s, size_t n, size_t at)
{
    size_t end = skip(s, n, at, SPACE);
    while (end > at && !is_newline(s[end - 1])) end--;
    return end;
}

static size_t numbers(const char *s, size_t n, size_t at, int most)
{
    for (size_t length; most-- && kind_at(s, n, at, &length) == NUMBER;) at += length;
    return at;
}

/* (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,most}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t cl100k(const char *s, size_t n, size_t at, int most)
{
    size_t end = folded_contraction(s, n, at), length, next_length;
    if (end > at) return end;
    Kind kind = kind_at(s, n, at, &length), next = kind_at(s, n, at + length, &next_length);
    if (kind == LETTER || (kind != NUMBER && !is_newline(s[at]) && next == LETTER)) return skip(s, n, at + length, LETTER);
    if (kind == NUMBER) return numbers(s, n, at, most);
    if (kind == OTHER || (s[at] == ' ' && next == OTHER)) {
        end = skip(s, n, at + length, OTHER);
        while (end < n && is_newline(s[end])) end++;
        return end;
    }
    end = blanks_to_newline(s, n, at);
    return end > at ? end : blanks(s, n, at);
}

static size_t llama3(const char *s, size_t n, size_t at) { return cl100k(s, n, at, 3); }
static size_t qwen2(const char *s, size_t n, size_t at) { return cl100k(s, n, at, 1); }

#define CL100K(digits)                                                                              \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" \
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

ScannerFn *scanner_of(const char *regex)
{
    static const struct { const char *regex; ScannerFn *scanner; } rows[] = {
        { scanner_gpt2, gpt2 }, { CL100K("\\p{N}{1,3}"), llama3 }, { CL100K("\\p{N}"), qwen2 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!strcmp(rows[i].regex, regex)) return rows[i].scanner;
    return NULL;
}
