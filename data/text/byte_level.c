#include "data/text/byte_level.h"

#include "data/text/base64.h"
#include "data/text/utf8.h"

static bool stands_for_itself(uint32_t byte) { return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE; }

/* The others are 0x00-0x20, 0x7F-0xA0 and 0xAD. */
uint32_t byte_level_code(uint8_t byte)
{
    if (stands_for_itself(byte)) return byte;
    return 0x100 + (byte <= 0x20 ? byte : byte <= 0xA0 ? byte - 0x7Fu + 0x21 : 0x43u);
}

int byte_level_byte(uint32_t code)
{
    if (code < 0x100) return stands_for_itself(code) ? (int)code : -1;
    if (code > 0x143) return -1;
    uint32_t i = code - 0x100;
    return (int)(i <= 0x20 ? i : i < 0x43 ? i - 0x21 + 0x7F : 0xAD);
}

bool byte_level_spell(Buffer *out, const char *base64, size_t n)
{
    Buffer bytes = {0};
    bool good = base64_decode(&bytes, base64, n);
    for (size_t i = 0; i < bytes.len; i++) {
        char letter[4];
        buffer_add(out, letter, utf8_put(letter, byte_level_code((uint8_t)bytes.data[i])));
    }
    buffer_free(&bytes);
    return good;
}

void byte_level_add(Aligned *text, const Aligned *from, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        char bytes[4];
        size_t n = utf8_put(bytes, byte_level_code((uint8_t)from->bytes[i]));
        aligned_add(text, bytes, n, from->begin[i], from->end[i]);
    }
}

bool byte_level_decode(Buffer *out, const char *token, size_t n)
{
    size_t before = out->len;
    for (size_t at = 0, length; at < n; at += length) {
        int byte = byte_level_byte(utf8_get(token + at, &length));
        if (byte < 0) {
            out->len = before;
            return false;
        }
        buffer_add_char(out, (char)byte);
    }
    return true;
}
