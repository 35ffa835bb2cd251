#include "data/text/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Four digits are three bytes; the last of a text may be less, then filled up with '='. */
bool base64_decode(Buffer *out, const char *text, size_t n)
{
    size_t before = out->len, used = n;
    while (used && used + 2 > n && text[used - 1] == '=') used--;
    bool good = n % 4 == 0 && used % 4 != 1;
    uint32_t bits = 0;
    for (size_t i = 0; good && i < used; i++) {
        int value = value_of(text[i]);
        good = value >= 0;
        bits = bits << 6 | ((uint32_t)value & 63);
        if (i % 4) buffer_add_char(out, (char)(bits >> (6 - 2 * (i % 4)) & 255));
    }
    if (!good) out->len = before;
    return good;
}

void base64_encode(Buffer *out, const void *from, size_t n)
{
    const uint8_t *bytes = from;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t bits = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0u);
        for (size_t k = 0; k < 4; k++) buffer_add_char(out, k <= left ? digits[bits >> (18 - 6 * k) & 63] : '=');
    }
}
