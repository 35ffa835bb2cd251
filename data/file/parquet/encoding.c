#include "data/file/parquet/encoding.h"

#include <string.h>

#include "data/file/parquet/bits.h"

static const char *const names[] = { "PLAIN", "GROUP_VAR_INT", "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY",
                                     "DELTA_BYTE_ARRAY", "RLE_DICTIONARY", "BYTE_STREAM_SPLIT" };
static const uint8_t booleans[2] = { 0, 1 };
enum { LENGTH_BYTES = 4 };

static const char *encoding_name(int encoding) { return encoding >= 0 && (size_t)encoding < sizeof names / sizeof *names ? names[encoding] : "unknown"; }

static Status refuse_size(const Encoded *e, int64_t n)
{
    return fail(STATUS_INPUT, "%zu bytes do not hold %lld values of %s, encoding %s", e->n_bytes, (long long)n, leaf_type_name(e->leaf->physical),
                encoding_name(e->encoding));
}

/* Plain ------------------------------------------------------------------------------------------------------------- */

static Status plain_booleans(const Encoded *e, int64_t n, const uint8_t **value)
{
    if ((uint64_t)n > (uint64_t)e->n_bytes * 8) return refuse_size(e, n);
    for (int64_t i = 0; i < n; i++) value[i] = &booleans[e->bytes[i / 8] >> i % 8 & 1];
    return STATUS_OK;
}

static Status plain_byte_arrays(const Encoded *e, int64_t n, const uint8_t **value)
{
    size_t at = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t length;
        if (e->n_bytes - at < LENGTH_BYTES) return refuse_size(e, n);
        memcpy(&length, e->bytes + at, LENGTH_BYTES);
        if (length > e->n_bytes - at - LENGTH_BYTES) return refuse_size(e, n);
        value[i] = e->bytes + at;
        at += LENGTH_BYTES + length;
    }
    return STATUS_OK;
}

static Status get_plain(const Encoded *e, int64_t n, const uint8_t **value)
{
    size_t width = (size_t)leaf_width(e->leaf);
    if (e->leaf->physical == TYPE_BOOLEAN) return plain_booleans(e, n, value);
    if (!width) return plain_byte_arrays(e, n, value);
    if ((uint64_t)n > e->n_bytes / width) return refuse_size(e, n);
    for (int64_t i = 0; i < n; i++) value[i] = e->bytes + (size_t)i * width;
    return STATUS_OK;
}

/* Runs -------------------------------------------------------------------------------------------------------------- */

static Status get_dictionary(const Encoded *e, int64_t n, const uint8_t **value)
{
    if (!e->dictionary) return fail(STATUS_INPUT, "indices into a dictionary that is not there");
    if (!e->n_bytes || e->bytes[0] > 32) return fail(STATUS_INPUT, "dictionary indices of %d bits, expected 0 to 32", e->n_bytes ? e->bytes[0] : -1);
    Hybrid indices = { .bytes = e->bytes, .n = e->n_bytes, .at = 1, .width = e->bytes[0] };
    HybridRun run;
    for (int64_t at = 0; at < n; at += run.n) {
        TRY(hybrid_next(&indices, n - at, &run), "dictionary indices");
        for (int64_t i = 0; i < run.n; i++) {
            uint32_t index = hybrid_value(&run, i);
            if (index >= (uint64_t)e->dictionary->n)
                return fail(STATUS_INPUT, "dictionary index %u, the dictionary has %lld values", index, (long long)e->dictionary->n);
            value[at + i] = e->dictionary->value[index];
        }
    }
    return STATUS_OK;
}

/* Hybrid bytes behind four bytes that say how many. */
static Status sized_hybrid(const uint8_t *bytes, size_t n_bytes, int width, Hybrid *out)
{
    uint32_t length = 0;
    if (n_bytes >= LENGTH_BYTES) memcpy(&length, bytes, LENGTH_BYTES);
    if (n_bytes < LENGTH_BYTES || length > n_bytes - LENGTH_BYTES)
        return fail(STATUS_INPUT, "runs of %u bytes, the page has %zu bytes left", length, n_bytes);
    *out = (Hybrid){ .bytes = bytes + LENGTH_BYTES, .n = length, .width = width };
    return STATUS_OK;
}

static Status get_boolean_runs(const Encoded *e, int64_t n, const uint8_t **value)
{
    Hybrid bits;
    HybridRun run;
    TRY(sized_hybrid(e->bytes, e->n_bytes, 1, &bits));
    for (int64_t at = 0; at < n; at += run.n) {
        TRY(hybrid_next(&bits, n - at, &run), "runs of booleans");
        for (int64_t i = 0; i < run.n; i++) value[at + i] = &booleans[hybrid_value(&run, i) & 1];
    }
    return STATUS_OK;
}

/* Deltas ------------------------------------------------------------------------------------------------------------ */

static Status get_deltas(const Encoded *e, int64_t n, const uint8_t **value)
{
    int64_t *number;
    size_t used, width = (size_t)leaf_width(e->leaf);
    TRY(store_new(e->store, (size_t)n, sizeof *number, &number));
    TRY(delta_get(e->bytes, e->n_bytes, n, number, &used));
    uint8_t *plain = (uint8_t *)number;      /* narrower numbers move to the front, in order */
    for (int64_t i = 0; i < n; i++) {
        memmove(plain + (size_t)i * width, &number[i], width);
        value[i] = plain + (size_t)i * width;
    }
    return STATUS_OK;
}

/* `n` lengths, none negative; *total: their sum. */
static Status get_lengths(const Encoded *e, size_t at, int64_t n, int64_t **length, size_t *used, uint64_t *total)
{
    *total = 0;
    TRY(store_new(e->store, (size_t)n, sizeof **length, length));
    TRY(delta_get(e->bytes + at, e->n_bytes - at, n, *length, used), "lengths");
    for (int64_t i = 0; i < n; i++) {
        if ((*length)[i] < 0 || (*length)[i] > INT32_MAX) return fail(STATUS_INPUT, "a string of %lld bytes", (long long)(*length)[i]);
        *total += (uint64_t)(*length)[i];
    }
    return STATUS_OK;
}

/* A value of `length` bytes in its plain form, to be filled: where its bytes go. */
static uint8_t *begin_value(const Encoded *e, uint8_t *plain, int64_t length)
{
    uint32_t written = (uint32_t)length;
    if (leaf_width(e->leaf)) return plain;
    memcpy(plain, &written, LENGTH_BYTES);
    return plain + LENGTH_BYTES;
}

static Status get_delta_lengths(const Encoded *e, int64_t n, const uint8_t **value)
{
    int64_t *length;
    size_t at;
    uint64_t total;
    uint8_t *plain;
    TRY(get_lengths(e, 0, n, &length, &at, &total));
    if (total > e->n_bytes - at) return refuse_size(e, n);
    TRY(store_new(e->store, (size_t)total + (size_t)n * LENGTH_BYTES, 1, &plain));
    for (int64_t i = 0; i < n; i++) {
        uint8_t *bytes = begin_value(e, plain, length[i]);
        memcpy(bytes, e->bytes + at, (size_t)length[i]);
        value[i] = plain;
        at += (size_t)length[i];
        plain = bytes + length[i];
    }
    return STATUS_OK;
}

/* Each value: the first `prefix` bytes of the one before, and a suffix. */
static Status get_delta_strings(const Encoded *e, int64_t n, const uint8_t **value)
{
    int64_t *prefix, *suffix, before = 0;
    size_t at, used, width = (size_t)leaf_width(e->leaf);
    uint64_t shared, own;
    uint8_t *plain;
    TRY(get_lengths(e, 0, n, &prefix, &at, &shared), "prefixes");
    TRY(get_lengths(e, at, n, &suffix, &used, &own), "suffixes");
    at += used;
    if (own > e->n_bytes - at) return refuse_size(e, n);
    TRY(store_new(e->store, (size_t)(shared + own) + (size_t)n * LENGTH_BYTES, 1, &plain));
    const uint8_t *last = plain;
    for (int64_t i = 0; i < n; i++) {
        int64_t length = prefix[i] + suffix[i];
        if (prefix[i] > before || length > INT32_MAX || (width && (size_t)length != width))
            return fail(STATUS_INPUT, "value %lld has %lld bytes of the %lld before it and %lld of its own", (long long)i, (long long)prefix[i], (long long)before,
                        (long long)suffix[i]);
        uint8_t *bytes = begin_value(e, plain, length);
        memcpy(bytes, last, (size_t)prefix[i]);
        memcpy(bytes + prefix[i], e->bytes + at, (size_t)suffix[i]);
        value[i] = plain;
        at += (size_t)suffix[i];
        last = bytes;
        before = length;
        plain = bytes + length;
    }
    return STATUS_OK;
}

/* First bytes of all values, then all second bytes, … */
static Status get_split(const Encoded *e, int64_t n, const uint8_t **value)
{
    size_t width = (size_t)leaf_width(e->leaf), count = (size_t)n;
    uint8_t *plain;
    if (e->n_bytes % width || e->n_bytes / width != count) return refuse_size(e, n);
    TRY(store_new(e->store, count, width, &plain));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < width; k++) plain[i * width + k] = e->bytes[k * count + i];
        value[i] = plain + i * width;
    }
    return STATUS_OK;
}

/* The table --------------------------------------------------------------------------------------------------------- */

enum { INTEGERS = 1 << TYPE_INT32 | 1 << TYPE_INT64, REALS = 1 << TYPE_FLOAT | 1 << TYPE_DOUBLE, STRING = 1 << TYPE_BYTE_ARRAY, FIXED = 1 << TYPE_FIXED,
       ALL = (1 << TYPE_COUNT) - 1 };

static const struct { Status (*get)(const Encoded *, int64_t, const uint8_t **); int physical; } encodings[] = {
    [ENCODING_PLAIN]                   = { get_plain, ALL },
    [ENCODING_PLAIN_DICTIONARY]        = { get_dictionary, ALL },
    [ENCODING_RLE_DICTIONARY]          = { get_dictionary, ALL },
    [ENCODING_RLE]                     = { get_boolean_runs, 1 << TYPE_BOOLEAN },
    [ENCODING_DELTA_BINARY_PACKED]     = { get_deltas, INTEGERS },
    [ENCODING_DELTA_LENGTH_BYTE_ARRAY] = { get_delta_lengths, STRING },
    [ENCODING_DELTA_BYTE_ARRAY]        = { get_delta_strings, STRING | FIXED },
    [ENCODING_BYTE_STREAM_SPLIT]       = { get_split, INTEGERS | REALS | FIXED },
};

Status encoding_get(const Encoded *e, int64_t n, const uint8_t **value)
{
    bool known = e->encoding >= 0 && (size_t)e->encoding < sizeof encodings / sizeof *encodings;
    if (!known || !(encodings[e->encoding].physical >> e->leaf->physical & 1))
        return fail(STATUS_INPUT, "encoding %s (%d) of %s is not supported", encoding_name(e->encoding), e->encoding, leaf_type_name(e->leaf->physical));
    return encodings[e->encoding].get(e, n, value);
}

/* Levels ------------------------------------------------------------------------------------------------------------ */

static int bits_of(int max)
{
    int width = 0;
    while (max >> width) width++;
    return width;
}

static Status refuse_level(const EncodedLevels *e, unsigned level) { return fail(STATUS_INPUT, "level %u, the largest is %d", level, e->max); }

/* Most significant bit first, without a length. */
static Status packed_levels(const EncodedLevels *e, int64_t n, uint8_t *out, size_t *used)
{
    int width = bits_of(e->max);
    uint64_t bits = (uint64_t)n * (uint64_t)width;
    if (bits > (uint64_t)e->n_bytes * 8) return fail(STATUS_INPUT, "%zu bytes do not hold %lld levels of %d bits", e->n_bytes, (long long)n, width);
    for (uint64_t bit = 0; bit < bits; bit++) {
        uint8_t *level = &out[bit / (uint64_t)width];
        *level = (uint8_t)(*level << 1 | (e->bytes[bit / 8] >> (7 - bit % 8) & 1));
    }
    for (int64_t i = 0; i < n; i++)
        if (out[i] > e->max) return refuse_level(e, out[i]);
    *used = (size_t)((bits + 7) / 8);
    return STATUS_OK;
}

Status encoding_levels(const EncodedLevels *e, int64_t n, uint8_t *out, size_t *used)
{
    Hybrid levels = { .bytes = e->bytes, .n = e->n_bytes, .width = bits_of(e->max) };
    HybridRun run;
    if (e->encoding == ENCODING_BIT_PACKED) return packed_levels(e, n, out, used);
    if (e->encoding != ENCODING_RLE) return fail(STATUS_INPUT, "levels with encoding %s (%d)", encoding_name(e->encoding), e->encoding);
    if (e->sized) TRY(sized_hybrid(e->bytes, e->n_bytes, bits_of(e->max), &levels));
    for (int64_t at = 0; at < n; at += run.n) {
        TRY(hybrid_next(&levels, n - at, &run));
        for (int64_t i = 0; i < run.n; i++) {
            uint32_t level = hybrid_value(&run, i);
            if (level > (uint32_t)e->max) return refuse_level(e, level);
            out[at + i] = (uint8_t)level;
        }
    }
    *used = (size_t)(levels.bytes + levels.n - e->bytes);
    return STATUS_OK;
}
