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

/* The same where a mark is a letter. */
static Kind marked_kind_at(const char *s, size_t n, size_t at, size_t *length)
{
    Kind kind = kind_at(s, n, at, length);
    return kind == OTHER && *length > 1 && unicode_is(utf8_get(s + at, length), CATEGORIES_M) ? LETTER : kind;
}

static size_t skip_marked(const char *s, size_t n, size_t at, Kind kind)
{
    for (size_t length; marked_kind_at(s, n, at, &length) == kind;) at += length;
    return at;
}

static bool is_newline(char c) { return c == '\n' || c == '\r'; }

static size_t newlines(const char *s, size_t n, size_t at)
{
    while (at < n && is_newline(s[at])) at++;
    return at;
}

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
    if (kind == OTHER || (s[at] == ' ' && next == OTHER)) return newlines(s, n, skip(s, n, at + length, OTHER));
    end = blanks_to_newline(s, n, at);
    return end > at ? end : blanks(s, n, at);
}

static size_t llama3(const char *s, size_t n, size_t at) { return cl100k(s, n, at, 3); }
static size_t qwen2(const char *s, size_t n, size_t at) { return cl100k(s, n, at, 1); }

/* The same with marks among the letters, in two places: [\p{L}\p{M}]+ and [^\s\p{L}\p{M}\p{N}]+. */
static size_t qwen35(const char *s, size_t n, size_t at)
{
    size_t end = folded_contraction(s, n, at), length, next_length;
    if (end > at) return end;
    Kind kind = marked_kind_at(s, n, at, &length), next = marked_kind_at(s, n, at + length, &next_length);
    if (kind == LETTER || (kind != NUMBER && !is_newline(s[at]) && next == LETTER)) return skip_marked(s, n, at + length, LETTER);
    if (kind == NUMBER) return at + length;
    if (kind == OTHER || (s[at] == ' ' && next == OTHER)) return newlines(s, n, skip_marked(s, n, at + length, OTHER));
    end = blanks_to_newline(s, n, at);
    return end > at ? end : blanks(s, n, at);
}

/* ---- Words of two cases: upper [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] and lower [\p{Ll}\p{Lm}\p{Lo}\p{M}], which share what has no case ---- */

enum {
    UPPER = IN(LU) | IN(LT) | IN(LM) | IN(LO) | CATEGORIES_M,
    LOWER = IN(LL) | IN(LM) | IN(LO) | CATEGORIES_M,
};

static unsigned category_at(const char *s, size_t n, size_t at, size_t *length)
{
    *length = 0;
    return at < n ? 1u << unicode_category(utf8_get(s + at, length)) : 0;
}

/* upper*lower+ from `at`: upper gives back as little as lower needs. 0: no match. */
static size_t lower_word(const char *s, size_t n, size_t at)
{
    size_t length, last = 0;
    unsigned category;
    for (; (category = category_at(s, n, at, &length)) & UPPER; at += length)
        if (category & LOWER) last = at + length;
    if (!(category & LOWER)) return last;
    while (category_at(s, n, at, &length) & LOWER) at += length;
    return at;
}

/* upper+lower* where no upper*lower+ is: no lower follows. 0: no match. */
static size_t upper_word(const char *s, size_t n, size_t at)
{
    size_t end = at, length;
    while (category_at(s, n, end, &length) & UPPER) end += length;
    return end > at ? end : 0;
}

/* [^\r\n\p{L}\p{N}]?upper*lower+|[^\r\n\p{L}\p{N}]?upper+lower* : its end, or `at`. */
static size_t cased_word(const char *s, size_t n, size_t at)
{
    size_t length, end = 0;
    bool before = !(category_at(s, n, at, &length) & (CATEGORIES_L | CATEGORIES_N)) && !is_newline(s[at]);
    if (before) end = lower_word(s, n, at + length);
    if (!end) end = lower_word(s, n, at);
    if (!end && before) end = upper_word(s, n, at + length);
    if (!end) end = upper_word(s, n, at);
    return end ? end : at;
}

/* cased_word(contraction)?|\p{N}{1,most}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+ */
static size_t cased(const char *s, size_t n, size_t at, int most, bool contractions)
{
    size_t end = cased_word(s, n, at), length, next_length;
    if (end > at) return contractions && end < n ? folded_contraction(s, n, end) : end;
    Kind kind = kind_at(s, n, at, &length);
    if (kind == NUMBER) return numbers(s, n, at, most);
    if (kind == OTHER || (s[at] == ' ' && kind_at(s, n, at + length, &next_length) == OTHER)) {
        end = skip(s, n, at + length, OTHER);
        while (end < n && (is_newline(s[end]) || s[end] == '/')) end++;
        return end;
    }
    end = blanks_to_newline(s, n, at);
    return end > at ? end : blanks(s, n, at);
}

static size_t gpt4o(const char *s, size_t n, size_t at) { return cased(s, n, at, 3, true); }
static size_t tiny_aya(const char *s, size_t n, size_t at) { return cased(s, n, at, 1, true); }
static size_t tekken(const char *s, size_t n, size_t at) { return cased(s, n, at, 1, false); }

#define CONTRACTION "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define BLANKS "\\s+(?!\\S)|\\s+"
#define CL100K(digits) CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|" BLANKS
#define BEFORE "[^\\r\\n\\p{L}\\p{N}]?"
#define UPPERS "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWERS "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define CASED(contraction, digits)                                                                                                    \
    BEFORE UPPERS "*" LOWERS "+" contraction "|" BEFORE UPPERS "+" LOWERS "*" contraction "|" digits "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" \
    "\\s*[\\r\\n]+|" BLANKS

const char scanner_llama3[] = CL100K("\\p{N}{1,3}"), scanner_qwen2[] = CL100K("\\p{N}");

const char *const scanner_regexes[] = {
    scanner_gpt2, scanner_llama3, scanner_qwen2,
    /* Phi 4: possessive, and one newline at the end of blanks. Neither makes a difference. */
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|" BLANKS,
    CONTRACTION "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|" BLANKS,
    CASED(CONTRACTION "?", "\\p{N}{1,3}"), CASED(CONTRACTION "?", "\\p{N}"), CASED("", "\\p{N}"), NULL,
};

ScannerFn *scanner_of(const char *regex)
{
    static ScannerFn *const scanner[] = { gpt2, llama3, qwen2, llama3, qwen35, gpt4o, tiny_aya, tekken };
    for (size_t i = 0; scanner_regexes[i]; i++)
        if (!strcmp(scanner_regexes[i], regex)) return scanner[i];
    return NULL;
}
