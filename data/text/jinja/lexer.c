/* Source to tokens, as jinja2/lexer.py does with trim_blocks and lstrip_blocks: a "\n" right behind a block or comment is
 * dropped, blanks from the start of a line to a block or comment are dropped, `-` strips all white space on its side and
 * `+` keeps it. Within parentheses the end of a tag is not looked for, so {{ {"a": {}} }} works. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/jinja/syntax.h"
#include "data/text/jinja/text.h"

typedef struct {
    Work  *w;
    Value  source;
    size_t at;
    bool   line_start;                   /* the last piece ended with "\n", or there was none */
    Token *token;
    size_t n, cap;
    char  *open;                         /* the brackets that are open in this tag */
    size_t n_open;
} Lexer;

static void add(Lexer *l, TokenKind kind, size_t at, Value value)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 64;
        Token *token = jinja_new(l->w, l->cap, sizeof *token);
        if (l->n) memcpy(token, l->token, l->n * sizeof *token);
        l->token = token;
    }
    l->token[l->n++] = (Token){ kind, at, value };
}

static bool looking_at(const Lexer *l, size_t at, const char *text)
{
    size_t n = strlen(text);
    return l->source.n - at >= n && !memcmp(l->source.s + at, text, n);
}

static size_t skip_spaces(const Lexer *l, size_t at)
{
    while (at < l->source.n && text_is_space(text_point(l->source, at))) at += text_step(l->source, at);
    return at;
}

static void move_to(Lexer *l, size_t at)
{
    if (at > l->at) l->line_start = l->source.s[at - 1] == '\n';
    l->at = at;
}

/* Behind an end that starts at `at` (with its - or +): where the text goes on. 0: no such end here. */
static size_t end_of_tag(const Lexer *l, size_t at, const char *end, bool trims_line)
{
    if (at >= l->source.n) return 0;
    char sign = l->source.s[at];
    size_t mark = at + (sign == '-' || (sign == '+' && trims_line));
    if (!looking_at(l, mark, end)) return 0;
    size_t next = mark + strlen(end);
    if (sign == '-') return skip_spaces(l, next);
    if (mark == at && trims_line && next < l->source.n && l->source.s[next] == '\n') return next + 1;
    return next;
}

/* {% raw %} or {% endraw %} from `at`, a "{%": where the text goes on, 0 if it is something else. */
static size_t raw_tag(const Lexer *l, size_t at, const char *name)
{
    size_t word = at + 2;
    if (word < l->source.n && (l->source.s[word] == '-' || l->source.s[word] == '+')) word++;
    word = skip_spaces(l, word);
    if (!looking_at(l, word, name)) return 0;
    size_t end = skip_spaces(l, word + strlen(name));
    if (!strcmp(name, "endraw")) return end_of_tag(l, end, "%}", true);
    return looking_at(l, end, "+") ? 0 : end_of_tag(l, end, "%}", false);
}

/* The text from the current place to a tag, with what the tag's sign and lstrip_blocks take from its end. */
static void add_data(Lexer *l, size_t tag)
{
    Value text = text_part(l->source, l->at, tag);
    char sign = tag + 2 < l->source.n ? l->source.s[tag + 2] : 0;
    if (tag < l->source.n && sign == '-') {
        text = text_strip(text, STRIP_RIGHT, value_none());
    } else if (tag < l->source.n && sign != '+' && l->source.s[tag + 1] != '{') {
        size_t line = text.n;
        while (line && text.s[line - 1] != '\n') line--;
        bool blank = text_strip(text_part(text, line, text.n), STRIP_BOTH, value_none()).n == 0;
        if ((line || l->line_start) && blank) text.n = (uint32_t)line;
    }
    if (text.n) add(l, TOKEN_DATA, l->at, text);
}

static size_t next_tag(const Lexer *l)
{
    size_t at = l->at;
    while (at + 1 < l->source.n && !(l->source.s[at] == '{' && strchr("%{#", l->source.s[at + 1]))) at++;
    return at + 1 < l->source.n ? at : l->source.n;
}

static void lex_comment(Lexer *l, size_t tag)
{
    size_t at = tag + 2, next = 0;
    if (looking_at(l, at, "-") || looking_at(l, at, "+")) at++;
    while (at < l->source.n && !(next = end_of_tag(l, at, "#}", true))) at++;
    l->w->at = tag;
    if (!next) jinja_raise(l->w, "a comment has no end");
    move_to(l, next);
}

static void lex_raw(Lexer *l, size_t tag, size_t begin)
{
    move_to(l, begin);
    for (size_t at = begin; at + 1 < l->source.n; at++) {
        size_t next = looking_at(l, at, "{%") ? raw_tag(l, at, "endraw") : 0;
        if (!next) continue;
        add_data(l, at);
        move_to(l, next);
        return;
    }
    l->w->at = tag;
    jinja_raise(l->w, "{%% raw %%} has no end");
}

static bool is_name_point(const Lexer *l, size_t at, bool first)
{
    uint8_t c = (uint8_t)l->source.s[at];
    if (c >= 0x80) return !text_is_space(text_point(l->source, at));
    return c == '_' || isalpha(c) || (!first && isdigit(c));
}

static void lex_name(Lexer *l)
{
    size_t end = l->at;
    while (end < l->source.n && is_name_point(l, end, end == l->at)) end += text_step(l->source, end);
    add(l, TOKEN_NAME, l->at, text_part(l->source, l->at, end));
    l->at = end;
}

/* Digits of a base with single `_` between them; returns where they end. */
static size_t digits(const Lexer *l, size_t at, int (*is_digit)(int))
{
    while (at < l->source.n) {
        size_t next = at + (l->source.s[at] == '_');
        if (next >= l->source.n || !is_digit((uint8_t)l->source.s[next])) break;
        at = next + 1;
    }
    return at;
}

static int is_binary(int c) { return c == '0' || c == '1'; }
static int is_octal(int c) { return c >= '0' && c <= '7'; }
static int is_zero(int c) { return c == '0'; }
static int is_decimal(int c) { return isdigit(c); }
static int is_hex(int c) { return isxdigit(c); }

/* Behind the fraction and the exponent of a number whose whole part ends at `at`; `at` itself when it has neither. */
static size_t end_of_real(const Lexer *l, size_t at)
{
    size_t end = at;
    if (looking_at(l, at, ".") && at + 1 < l->source.n && isdigit((uint8_t)l->source.s[at + 1])) end = digits(l, at + 1, is_decimal);
    if (end >= l->source.n || (l->source.s[end] != 'e' && l->source.s[end] != 'E')) return end;
    size_t exponent = end + 1;
    if (looking_at(l, exponent, "+") || looking_at(l, exponent, "-")) exponent++;
    bool any = exponent < l->source.n && isdigit((uint8_t)l->source.s[exponent]);
    return any ? digits(l, exponent, is_decimal) : end;
}

static char *without_underscores(Lexer *l, size_t begin, size_t end)
{
    char *text = jinja_new(l->w, end - begin + 1, 1);
    size_t n = 0;
    for (size_t i = begin; i < end; i++)
        if (l->source.s[i] != '_') text[n++] = l->source.s[i];
    return text;
}

static void lex_integer(Lexer *l, size_t prefix, int base, int (*is_digit)(int))
{
    size_t end = digits(l, l->at + prefix, is_digit);
    errno = 0;
    long long x = strtoll(without_underscores(l, l->at + prefix, end), NULL, base);
    l->w->at = l->at;
    if (errno) jinja_raise(l->w, "an integer of more than 64 bits");
    add(l, TOKEN_NUMBER, l->at, value_integer(x));
    l->at = end;
}

static void lex_number(Lexer *l)
{
    size_t whole = digits(l, l->at, is_decimal), end = end_of_real(l, whole);
    bool behind_dot = l->at && l->source.s[l->at - 1] == '.';
    if (end > whole && !behind_dot) {
        add(l, TOKEN_NUMBER, l->at, value_real(strtod(without_underscores(l, l->at, end), NULL)));
        l->at = end;
        return;
    }
    static const struct { const char *prefix; int base; int (*is_digit)(int); } bases[] = {
        { "0b", 2, is_binary }, { "0B", 2, is_binary }, { "0o", 8, is_octal }, { "0O", 8, is_octal }, { "0x", 16, is_hex }, { "0X", 16, is_hex },
    };
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
        if (looking_at(l, l->at, bases[i].prefix) && digits(l, l->at + 2, bases[i].is_digit) > l->at + 2) {
            lex_integer(l, 2, bases[i].base, bases[i].is_digit);
            return;
        }
    lex_integer(l, 0, 10, l->source.s[l->at] == '0' ? is_zero : is_decimal);
}

static void write_point(Lexer *l, unsigned point)
{
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) jinja_raise(l->w, "\\u%04x is no character", point);
    char bytes[4] = { (char)point };
    size_t n = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = n; n > 1 && i-- > 0; point >>= 6) bytes[i] = (char)(0x80 | (point & 0x3F));
    static const uint8_t lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    if (n > 1) bytes[0] = (char)(lead[n] | ((uint8_t)bytes[0] & 0x3F));
    jinja_write(l->w, bytes, n);
}

/* The code point that up to `n` digits give from `at` on; `exact`: all n must be there. Returns where they end. */
static size_t write_numbered(Lexer *l, size_t at, size_t end, size_t n, int base, bool exact)
{
    unsigned point = 0;
    size_t i = 0;
    for (; i < n && at + i < end; i++) {
        uint8_t c = (uint8_t)l->source.s[at + i];
        if (base == 8 ? !is_octal(c) : !isxdigit(c)) break;
        point = point * (unsigned)base + (unsigned)(isdigit(c) ? c - '0' : (c | 32) - 'a' + 10);
    }
    if (exact && i < n) jinja_raise(l->w, "an escape sequence is cut short");
    write_point(l, point);
    return at + i;
}

static size_t lex_escape(Lexer *l, size_t at, size_t end)
{
    static const char letters[] = "\n\\'\"abfnrtv", meanings[] = "\0\\'\"\a\b\f\n\r\t\v";
    char c = l->source.s[at];
    const char *known = c ? strchr(letters, c) : NULL;
    if (c == 'x') return write_numbered(l, at + 1, end, 2, 16, true);
    if (c == 'u') return write_numbered(l, at + 1, end, 4, 16, true);
    if (c == 'U') return write_numbered(l, at + 1, end, 8, 16, true);
    if (is_octal(c)) return write_numbered(l, at, end, 3, 8, false);
    if (c == 'N') jinja_raise(l->w, "\\N escapes are not supported");
    if (!known) jinja_write_text(l->w, "\\");
    if (known && c != '\n') jinja_write(l->w, &meanings[known - letters], 1);
    size_t next = at + (known ? 1 : text_step(l->source, at));
    if (!known) jinja_write(l->w, l->source.s + at, next - at);
    return next;
}

static void lex_string(Lexer *l)
{
    char quote = l->source.s[l->at];
    size_t begin = l->at + 1, end = begin;
    while (end < l->source.n && l->source.s[end] != quote) end += l->source.s[end] == '\\' ? 2 : 1;
    l->w->at = l->at;
    if (end >= l->source.n) jinja_raise(l->w, "a string has no end");
    Value text = text_part(l->source, begin, end);
    if (memchr(text.s, '\\', text.n)) {
        size_t mark = jinja_mark(l->w);
        for (size_t i = begin; i < end;) {
            if (l->source.s[i] == '\\') i = lex_escape(l, i + 1, end);
            else jinja_write(l->w, l->source.s + i++, 1);
        }
        text = jinja_take(l->w, mark);
    }
    add(l, TOKEN_STRING, l->at, text);
    l->at = end + 1;
}

static void keep_balance(Lexer *l, char c)
{
    static const char opening[] = "([{", closing[] = ")]}";
    const char *opens = strchr(opening, c), *closes = strchr(closing, c);
    if (opens) l->open[l->n_open++] = closing[opens - opening];
    if (!closes) return;
    if (!l->n_open) jinja_raise(l->w, "unexpected '%c'", c);
    char expected = l->open[--l->n_open];
    if (expected != c) jinja_raise(l->w, "unexpected '%c', expected '%c'", c, expected);
}

static void lex_operator(Lexer *l)
{
    static const char *const two[] = { "//", "**", "==", "!=", ">=", "<=" };
    size_t n = 1;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (looking_at(l, l->at, two[i])) n = 2;
    char c = l->source.s[l->at];
    l->w->at = l->at;
    if (n == 1 && !strchr("+-/*%~[](){}><=.:|,;", c))
        jinja_raise(l->w, "unexpected character '%.*s'", (int)text_step(l->source, l->at), l->source.s + l->at);
    if (n == 1) keep_balance(l, c);
    add(l, TOKEN_OPERATOR, l->at, text_part(l->source, l->at, l->at + n));
    l->at += n;
}

static void lex_expression_token(Lexer *l)
{
    uint8_t c = (uint8_t)l->source.s[l->at];
    if (isdigit(c)) lex_number(l);
    else if (c == '"' || c == '\'') lex_string(l);
    else if (is_name_point(l, l->at, true)) lex_name(l);
    else lex_operator(l);
}

static void lex_tag(Lexer *l, size_t tag)
{
    bool block = l->source.s[tag + 1] == '%';
    const char *end = block ? "%}" : "}}";
    add(l, block ? TOKEN_BLOCK_BEGIN : TOKEN_VARIABLE_BEGIN, tag, value_string("", 0));
    l->at = tag + 2;
    if (looking_at(l, l->at, "-") || looking_at(l, l->at, "+")) l->at++;
    l->n_open = 0;
    while ((l->at = skip_spaces(l, l->at)) < l->source.n) {
        size_t next = l->n_open ? 0 : end_of_tag(l, l->at, end, block);
        if (next) {
            add(l, block ? TOKEN_BLOCK_END : TOKEN_VARIABLE_END, l->at, value_string("", 0));
            move_to(l, next);
            return;
        }
        lex_expression_token(l);
    }
    l->w->at = tag;
    jinja_raise(l->w, "the tag has no end, expected '%s'", end);
}

Token *syntax_tokens(Work *w)
{
    Lexer l = { .w = w, .source = value_string(w->source, w->n_source), .line_start = true, .open = jinja_new(w, w->n_source + 1, 1) };
    while (l.at < l.source.n) {
        size_t tag = next_tag(&l);
        size_t raw = tag < l.source.n && l.source.s[tag + 1] == '%' ? raw_tag(&l, tag, "raw") : 0;
        add_data(&l, tag);
        if (tag == l.source.n) break;
        if (raw) lex_raw(&l, tag, raw);
        else if (l.source.s[tag + 1] == '#') lex_comment(&l, tag);
        else lex_tag(&l, tag);
    }
    add(&l, TOKEN_END, w->n_source, value_string("", 0));
    return l.token;
}
