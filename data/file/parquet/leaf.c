#include "data/file/parquet/leaf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/text/utf8.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"

enum { MAX_DECIMAL_BYTES = 32, MAX_PRECISION = 76, MAX_LENGTH = 1 << 24 };
static const int64_t day_seconds = 86400;

static const struct { const char *name; int width; } types[TYPE_COUNT] = {
    [TYPE_BOOLEAN] = { "BOOLEAN", 1 }, [TYPE_INT32] = { "INT32", 4 },   [TYPE_INT64] = { "INT64", 8 },           [TYPE_INT96] = { "INT96", 12 },
    [TYPE_FLOAT] = { "FLOAT", 4 },     [TYPE_DOUBLE] = { "DOUBLE", 8 }, [TYPE_BYTE_ARRAY] = { "BYTE_ARRAY", 0 }, [TYPE_FIXED] = { "FIXED_LEN_BYTE_ARRAY", 0 },
};

const char *leaf_type_name(int physical) { return physical >= 0 && physical < TYPE_COUNT ? types[physical].name : "unknown"; }
int leaf_width(const Leaf *leaf) { return leaf->physical == TYPE_FIXED ? leaf->length : types[leaf->physical].width; }

uint32_t leaf_value_bytes(const Leaf *leaf, const uint8_t *value, const uint8_t **bytes)
{
    uint32_t n = (uint32_t)leaf_width(leaf);
    *bytes = value;
    if (n) return n;
    memcpy(&n, value, sizeof n);
    *bytes = value + sizeof n;
    return n;
}

static int64_t integer(const Leaf *leaf, const uint8_t *value)
{
    int32_t narrow;
    int64_t wide;
    memcpy(&narrow, value, sizeof narrow);
    if (leaf->physical == TYPE_INT32) return narrow;
    memcpy(&wide, value, sizeof wide);
    return wide;
}

/* Plain types ------------------------------------------------------------------------------------------------------- */

static Status json_boolean(const Leaf *leaf, const uint8_t *value, Json **out)
{
    (void)leaf;
    *out = json_new_bool(*value);
    return STATUS_OK;
}

/* A value that does not fit its width is cut, as pyarrow's cast does. */
static Status json_whole(const Leaf *leaf, const uint8_t *value, Json **out)
{
    int64_t x = integer(leaf, value);
    int unused = 64 - (leaf->logical == LOGICAL_INTEGER ? leaf->bits : 64);
    uint64_t raised = (uint64_t)x << unused;
    *out = leaf->logical == LOGICAL_INTEGER && !leaf->is_signed ? json_new_unsigned(raised >> unused) : json_new_integer((int64_t)raised >> unused);
    return STATUS_OK;
}

static Status json_float(const Leaf *leaf, const uint8_t *value, Json **out)
{
    (void)leaf;
    float x;
    memcpy(&x, value, sizeof x);
    *out = json_new_real(x);
    return STATUS_OK;
}

static Status json_double(const Leaf *leaf, const uint8_t *value, Json **out)
{
    (void)leaf;
    double x;
    memcpy(&x, value, sizeof x);
    *out = json_new_real(x);
    return STATUS_OK;
}

static Status json_half(const Leaf *leaf, const uint8_t *value, Json **out)
{
    (void)leaf;
    unsigned half = value[0] | (unsigned)value[1] << 8, exponent = half >> 10 & 31, fraction = half & 1023;
    double x = exponent == 31 ? fraction ? NAN : INFINITY : exponent ? ldexp(1024 + fraction, (int)exponent - 25) : ldexp(fraction, -24);
    *out = json_new_real(half & 0x8000 ? -x : x);
    return STATUS_OK;
}

/* Bytes ------------------------------------------------------------------------------------------------------------- */

static Status json_text(const Leaf *leaf, const uint8_t *value, Json **out)
{
    const uint8_t *bytes;
    size_t broken, n = leaf_value_bytes(leaf, value, &bytes), valid = utf8_valid((const char *)bytes, n, &broken);
    if (valid < n) return fail(STATUS_INPUT, "invalid UTF-8 at byte %zu of a string", valid);
    const uint8_t *zero = n ? memchr(bytes, 0, n) : NULL;
    if (zero) return fail(STATUS_INPUT, "a NUL character at byte %td of a string", zero - bytes);
    char *text = memory_new(n + 1, 1);
    memcpy(text, bytes, n);
    *out = json_new_string(text);
    free(text);
    return STATUS_OK;
}

/* As Python's repr: in single quotes unless only double ones need no escape. */
static Status json_bytes(const Leaf *leaf, const uint8_t *value, Json **out)
{
    const uint8_t *bytes;
    uint32_t n = leaf_value_bytes(leaf, value, &bytes);
    char quote = n && memchr(bytes, '\'', n) && !memchr(bytes, '"', n) ? '"' : '\'';
    Buffer text = {0};
    buffer_format(&text, "b%c", quote);
    for (uint32_t i = 0; i < n; i++) {
        static const char special[] = "\t\n\r\\", letters[] = "tnr\\";
        const char *known = bytes[i] ? strchr(special, bytes[i]) : NULL;
        if (known) buffer_format(&text, "\\%c", letters[known - special]);
        else if (bytes[i] == quote) buffer_format(&text, "\\%c", quote);
        else if (bytes[i] < 0x20 || bytes[i] >= 0x7F) buffer_format(&text, "\\x%02x", bytes[i]);
        else buffer_add_char(&text, (char)bytes[i]);
    }
    buffer_add_char(&text, quote);
    *out = json_new_string(text.data);
    buffer_free(&text);
    return STATUS_OK;
}

static Status json_uuid(const Leaf *leaf, const uint8_t *value, Json **out)
{
    (void)leaf;
    Buffer text = {0};
    for (int i = 0; i < 16; i++) buffer_format(&text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", value[i]);
    *out = json_new_string(text.data);
    buffer_free(&text);
    return STATUS_OK;
}

/* Decimals ---------------------------------------------------------------------------------------------------------- */

/* Big-endian two's complement of `n` bytes; true when it is negative, and `bytes` is its magnitude then. */
static bool take_sign(uint8_t *bytes, size_t n)
{
    if (!(bytes[0] & 0x80)) return false;
    unsigned carry = 1;
    for (size_t i = n; i--;) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return true;
}

/* The decimal digits of a big-endian magnitude, which is used up; 32 bytes have at most 78. */
static void write_digits(char out[80], uint8_t *bytes, size_t n)
{
    char reversed[80];
    int length = 0;
    bool left = true;
    while (left) {
        unsigned rest = 0;
        left = false;
        for (size_t i = 0; i < n; i++) {
            rest = rest << 8 | bytes[i];
            bytes[i] = (uint8_t)(rest / 10);
            rest %= 10;
            left = left || bytes[i];
        }
        reversed[length++] = (char)('0' + rest);
    }
    for (int i = 0; i < length; i++) out[i] = reversed[length - 1 - i];
    out[length] = 0;
}

/* As Python's Decimal prints coefficient · 10^-scale. */
static void format_decimal(Buffer *out, const char *digits, int scale)
{
    int n = (int)strlen(digits), point = n - scale;      /* digits before the point */
    if (point > -6 && point <= 0) buffer_format(out, "0.%.*s%s", -point, "00000", digits);
    else if (point > 0) buffer_format(out, "%.*s%s%s", point, digits, scale ? "." : "", digits + point);
    else buffer_format(out, "%c%s%sE%d", digits[0], n > 1 ? "." : "", digits + 1, point - 1);
}

static Status json_decimal(const Leaf *leaf, const uint8_t *value, Json **out)
{
    uint8_t magnitude[MAX_DECIMAL_BYTES];
    const uint8_t *bytes;
    uint32_t n = leaf_value_bytes(leaf, value, &bytes);
    bool little_endian = leaf->physical == TYPE_INT32 || leaf->physical == TYPE_INT64;
    if (n < 1 || n > MAX_DECIMAL_BYTES) return fail(STATUS_INPUT, "a decimal of %u bytes, expected 1 to %d", n, MAX_DECIMAL_BYTES);
    for (uint32_t i = 0; i < n; i++) magnitude[i] = bytes[little_endian ? n - 1 - i : i];
    char digits[80];
    Buffer text = {0};
    if (take_sign(magnitude, n)) buffer_add_char(&text, '-');
    write_digits(digits, magnitude, n);
    format_decimal(&text, digits, leaf->scale);
    *out = json_new_string(text.data);
    buffer_free(&text);
    return STATUS_OK;
}

/* Dates and times --------------------------------------------------------------------------------------------------- */

static int64_t floor_divide(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static int64_t units_per_second(const Leaf *leaf)
{
    return leaf->unit == UNIT_MILLISECOND ? 1000 : leaf->unit == UNIT_MICROSECOND ? 1000000 : 1000000000;
}

/* Proleptic Gregorian, days from 1970-01-01; Python knows the years 1 to 9999. Source: howardhinnant.github.io/date_algorithms.html */
static Status write_date(Buffer *out, int64_t days)
{
    if (days < -719162 || days > 2932896) return fail(STATUS_INPUT, "a date outside of the years 1 to 9999 (day %lld from 1970-01-01)", (long long)days);
    int64_t z = days + 719468, era = floor_divide(z, 146097), doe = z - era * 146097, yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
    buffer_format(out, "%04d-%02d-%02d", (int)(yoe + era * 400 + (month <= 2)), (int)month, (int)(doy - (153 * mp + 2) / 5 + 1));
    return STATUS_OK;
}

/* The fraction is left out when it is zero, and has 9 digits when 6 do not hold it. */
static void write_time(Buffer *out, int64_t second, int64_t nanosecond)
{
    buffer_format(out, "%02d:%02d:%02d", (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
    if (nanosecond % 1000) buffer_format(out, ".%09d", (int)nanosecond);
    else if (nanosecond) buffer_format(out, ".%06d", (int)(nanosecond / 1000));
}

static Status write_moment(Buffer *out, const Leaf *leaf, int64_t x)
{
    int64_t per_second = units_per_second(leaf), second = floor_divide(x, per_second), day = floor_divide(second, day_seconds);
    TRY(write_date(out, day));
    buffer_add_char(out, ' ');
    write_time(out, second - day * day_seconds, (x - second * per_second) * (1000000000 / per_second));
    if (leaf->utc) buffer_add_string(out, "+00:00");
    return STATUS_OK;
}

static Status write_clock(Buffer *out, const Leaf *leaf, int64_t x)
{
    int64_t per_second = units_per_second(leaf);
    if (x < 0 || x >= day_seconds * per_second) return fail(STATUS_INPUT, "a time of day outside of 0 to 24 hours (%lld)", (long long)x);
    int64_t microsecond = x % per_second * (1000000000 / per_second) / 1000;      /* Python's time has no nanoseconds */
    write_time(out, x / per_second, microsecond * 1000);
    return STATUS_OK;
}

static Status write_day(Buffer *out, const Leaf *leaf, int64_t x)
{
    (void)leaf;
    return write_date(out, x);
}

static Status json_written(const Leaf *leaf, int64_t x, Status (*write)(Buffer *, const Leaf *, int64_t), Json **out)
{
    Buffer text = {0};
    Status status = write(&text, leaf, x);
    if (status == STATUS_OK) *out = json_new_string(text.data);
    buffer_free(&text);
    return status;
}

static Status json_date(const Leaf *leaf, const uint8_t *value, Json **out) { return json_written(leaf, integer(leaf, value), write_day, out); }
static Status json_time(const Leaf *leaf, const uint8_t *value, Json **out) { return json_written(leaf, integer(leaf, value), write_clock, out); }
static Status json_timestamp(const Leaf *leaf, const uint8_t *value, Json **out) { return json_written(leaf, integer(leaf, value), write_moment, out); }

/* Nanoseconds of the day, then the Julian day; the sum wraps as pyarrow's does. */
static Status json_int96(const Leaf *leaf, const uint8_t *value, Json **out)
{
    uint64_t nanoseconds;
    uint32_t day;
    memcpy(&nanoseconds, value, sizeof nanoseconds);
    memcpy(&day, value + sizeof nanoseconds, sizeof day);
    nanoseconds += ((uint64_t)day - 2440588) * 86400 * UINT64_C(1000000000);
    Leaf moment = *leaf;
    moment.unit = UNIT_NANOSECOND;
    return json_written(&moment, (int64_t)nanoseconds, write_moment, out);
}

/* A value in a column that claims to have none. */
static Status json_nothing(const Leaf *leaf, const uint8_t *value, Json **out)
{
    (void)leaf, (void)value;
    *out = json_new_null();
    return STATUS_OK;
}

/* The table --------------------------------------------------------------------------------------------------------- */

typedef Status LeafJson(const Leaf *, const uint8_t *value, Json **out);
enum { INTEGERS = 1 << TYPE_INT32 | 1 << TYPE_INT64, BYTES = 1 << TYPE_BYTE_ARRAY | 1 << TYPE_FIXED };

static LeafJson *const plain[TYPE_COUNT] = { json_boolean, json_whole, json_whole, json_int96, json_float, json_double, json_bytes, json_bytes };

static const struct { const char *name; LeafJson *json; int physical, length; } logicals[] = {      /* which physical types, and their length if one is asked */
    [LOGICAL_STRING]    = { "STRING", json_text, BYTES, 0 },
    [LOGICAL_ENUM]      = { "ENUM", json_text, BYTES, 0 },
    [LOGICAL_DECIMAL]   = { "DECIMAL", json_decimal, INTEGERS | BYTES, 0 },
    [LOGICAL_DATE]      = { "DATE", json_date, 1 << TYPE_INT32, 0 },
    [LOGICAL_TIME]      = { "TIME", json_time, INTEGERS, 0 },
    [LOGICAL_TIMESTAMP] = { "TIMESTAMP", json_timestamp, 1 << TYPE_INT64, 0 },
    [LOGICAL_INTEGER]   = { "INTEGER", json_whole, INTEGERS, 0 },
    [LOGICAL_NULL]      = { "NULL", json_nothing, (1 << TYPE_COUNT) - 1, 0 },
    [LOGICAL_JSON]      = { "JSON", json_text, BYTES, 0 },
    [LOGICAL_BSON]      = { "BSON", json_bytes, BYTES, 0 },
    [LOGICAL_UUID]      = { "UUID", json_uuid, 1 << TYPE_FIXED, 16 },
    [LOGICAL_FLOAT16]   = { "FLOAT16", json_half, 1 << TYPE_FIXED, 2 },
};

static bool is_known(const Leaf *leaf) { return (size_t)leaf->logical < sizeof logicals / sizeof *logicals && logicals[leaf->logical].json; }

static LeafJson *meaning(const Leaf *leaf) { return is_known(leaf) ? logicals[leaf->logical].json : plain[leaf->physical]; }

static bool parameters_fit(const Leaf *leaf)
{
    switch (leaf->logical) {
    case LOGICAL_DECIMAL: return leaf->scale >= 0 && leaf->scale <= leaf->precision && leaf->precision >= 1 && leaf->precision <= MAX_PRECISION;
    case LOGICAL_INTEGER: return leaf->bits == 8 || leaf->bits == 16 || leaf->bits == 32 || (leaf->bits == 64 && leaf->physical == TYPE_INT64);
    case LOGICAL_TIME: return leaf->unit >= UNIT_MILLISECOND && leaf->unit <= UNIT_NANOSECOND && (leaf->unit == UNIT_MILLISECOND) == (leaf->physical == TYPE_INT32);
    case LOGICAL_TIMESTAMP: return leaf->unit >= UNIT_MILLISECOND && leaf->unit <= UNIT_NANOSECOND;
    default: return true;
    }
}

Status leaf_check(const Leaf *leaf)
{
    if (leaf->physical < 0 || leaf->physical >= TYPE_COUNT) return fail(STATUS_INPUT, "physical type %d is not known", leaf->physical);
    if (leaf->physical == TYPE_FIXED && (leaf->length < 1 || leaf->length > MAX_LENGTH))
        return fail(STATUS_INPUT, "values of %d bytes, expected 1 to %d", leaf->length, MAX_LENGTH);
    if (!is_known(leaf)) return STATUS_OK;
    int length = logicals[leaf->logical].length;
    if ((logicals[leaf->logical].physical >> leaf->physical & 1) && (!length || leaf->length == length) && parameters_fit(leaf)) return STATUS_OK;
    return fail(STATUS_INPUT, "logical type %s does not go with physical type %s (bits %d, precision %d, scale %d, unit %d, length %d)",
                logicals[leaf->logical].name, leaf_type_name(leaf->physical), leaf->bits, leaf->precision, leaf->scale, leaf->unit, leaf->length);
}

Status leaf_json(const Leaf *leaf, const uint8_t *value, Json **out) { return meaning(leaf)(leaf, value, out); }
