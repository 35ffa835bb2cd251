/* The alphabet of byte-level tokenizers: every byte is one visible code point. 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF stand for
 * themselves, the other 68 in order for U+0100 to U+0143 (GPT-2's encoder.py). */
#ifndef DATA_TEXT_BYTE_LEVEL_H
#define DATA_TEXT_BYTE_LEVEL_H
#include <stdbool.h>
#include <stdint.h>

#include "data/text/aligned.h"
#include "kernels/buffer.h"

uint32_t byte_level_code(uint8_t byte);
int      byte_level_byte(uint32_t code);                                                         /* -1: not of the alphabet */
bool     byte_level_spell(Buffer *, const char *base64, size_t n);                                /* bytes spelt in it; false, and nothing added: not base64 */
void     byte_level_add(Aligned *, const Aligned *from, size_t begin, size_t end);               /* from[begin..end) spelt in it */
bool     byte_level_decode(Buffer *, const char *token, size_t n);      /* the bytes of a token; false, and nothing added, when it has others */

#endif
