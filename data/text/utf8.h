/* UTF-8 that is known to be well formed, one code point at a time. */
#ifndef DATA_TEXT_UTF8_H
#define DATA_TEXT_UTF8_H
#include <stddef.h>
#include <stdint.h>

/* Bytes of the code point that starts with `lead`. */
static inline size_t utf8_length(char lead)
{
    uint8_t c = (uint8_t)lead;
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

static inline uint32_t utf8_get(const char *s, size_t *length)
{
    const uint8_t *c = (const uint8_t *)s;
    *length = utf8_length(s[0]);
    switch (*length) {
    case 1: return c[0];
    case 2: return (c[0] & 0x1Fu) << 6 | (c[1] & 0x3Fu);
    case 3: return (c[0] & 0x0Fu) << 12 | (c[1] & 0x3Fu) << 6 | (c[2] & 0x3Fu);
    default: return (c[0] & 0x07u) << 18 | (c[1] & 0x3Fu) << 12 | (c[2] & 0x3Fu) << 6 | (c[3] & 0x3Fu);
    }
}

/* The code point that ends before `end`; there is one. */
static inline uint32_t utf8_before(const char *s, size_t end, size_t *length)
{
    size_t begin = end - 1;
    while (begin && ((uint8_t)s[begin] & 0xC0) == 0x80) begin--;
    return utf8_get(s + begin, length);
}

/* Writes a code point; returns its bytes. */
static inline size_t utf8_put(char out[4], uint32_t c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (n == 1) { out[0] = (char)c; return 1; }
    for (size_t i = n - 1; i; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3F));
    out[0] = (char)((0xF00u >> n & 0xF0) | c);
    return n;
}

/* Code points in n bytes. */
static inline size_t utf8_count(const char *s, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += ((uint8_t)s[i] & 0xC0) != 0x80;
    return count;
}

/* Length of the longest well-formed start of s: n when all of it is (no overlong forms, surrogates or values above U+10FFFF).
 * *broken is the number of bytes there that no longer form reading could make whole: what one U+FFFD stands for. */
size_t utf8_valid(const char *s, size_t n, size_t *broken);

#endif
