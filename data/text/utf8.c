#include "data/text/utf8.h"

/* Bytes of the longest start of s that could still become a code point, and whether it is one. */
static size_t scan(const uint8_t *s, size_t n, size_t *needed)
{
    uint8_t c = s[0], low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    *needed = c < 0x80 ? 1 : c < 0xC2 ? 5 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 5;
    if (*needed == 5) return 1;
    for (size_t i = 1; i < *needed; i++, low = 0x80, high = 0xBF)
        if (i == n || s[i] < low || s[i] > high) return i;
    return *needed;
}

size_t utf8_valid(const char *text, size_t n, size_t *broken)
{
    const uint8_t *s = (const uint8_t *)text;
    *broken = 0;
    for (size_t i = 0; i < n;) {
        if (s[i] < 0x80) { i++; continue; }
        size_t needed, found = scan(s + i, n - i, &needed);
        if (found < needed) {
            *broken = found;
            return i;
        }
        i += needed;
    }
    return n;
}
