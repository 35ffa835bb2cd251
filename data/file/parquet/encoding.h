/* The encodings of a page's values. Whatever the encoding, what comes out is a pointer to each value in its plain form: the value's
 * bytes, little-endian, or four bytes of length and then the value's (BYTE_ARRAY), or one byte (BOOLEAN). The pointers lead into the
 * page, into the dictionary, or into what the store holds. */
#ifndef DATA_FILE_PARQUET_ENCODING_H
#define DATA_FILE_PARQUET_ENCODING_H
#include <stddef.h>
#include <stdint.h>

#include "data/file/parquet/leaf.h"
#include "data/file/parquet/store.h"
#include "kernels/status.h"

enum { ENCODING_PLAIN, ENCODING_PLAIN_DICTIONARY = 2, ENCODING_RLE, ENCODING_BIT_PACKED, ENCODING_DELTA_BINARY_PACKED, ENCODING_DELTA_LENGTH_BYTE_ARRAY,
       ENCODING_DELTA_BYTE_ARRAY, ENCODING_RLE_DICTIONARY, ENCODING_BYTE_STREAM_SPLIT };

typedef struct { const uint8_t **value; int64_t n; } Dictionary;

typedef struct {
    const Leaf *leaf;
    const uint8_t *bytes;            /* what is left of the page behind the levels */
    size_t n_bytes;
    int encoding;                    /* as the file numbers it */
    const Dictionary *dictionary;    /* NULL before the dictionary's page */
    Store *store;
} Encoded;

Status encoding_get(const Encoded *, int64_t n, const uint8_t **value);      /* n > 0 values */

/* `n` levels of 0..max from the start of `bytes`: hybrid behind its four bytes of length (`sized`) or filling n_bytes, or the older
 * BIT_PACKED; *used: the bytes they took. */
typedef struct { const uint8_t *bytes; size_t n_bytes; int encoding, max; bool sized; } EncodedLevels;
Status encoding_levels(const EncodedLevels *, int64_t n, uint8_t *out, size_t *used);

#endif
