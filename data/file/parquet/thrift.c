#include "data/file/parquet/thrift.h"

#include <limits.h>

enum { MAX_DEPTH = 32 };

static void stop(Thrift *t)
{
    t->failed = true;
    t->at = t->n;
}

static uint8_t byte(Thrift *t)
{
    if (t->at < t->n) return t->bytes[t->at++];
    stop(t);
    return 0;
}

static uint64_t varint(Thrift *t)
{
    uint64_t x = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t next = byte(t);
        x |= (uint64_t)(next & 0x7F) << shift;
        if (!(next & 0x80)) return x;
    }
    stop(t);
    return 0;
}

static int64_t zigzag(uint64_t x) { return (int64_t)(x >> 1 ^ (0 - (x & 1))); }

static void expect(Thrift *t, bool condition)
{
    if (!condition) stop(t);
}

bool thrift_next(Thrift *t, ThriftField *field)
{
    uint8_t head = byte(t);
    int type = head & 15, step = head >> 4;
    if (t->failed || !type) return false;
    int64_t id = step ? field->id + step : zigzag(varint(t));
    expect(t, type <= THRIFT_STRUCT && id >= 0 && id <= INT16_MAX);
    *field = (ThriftField){ (int)id, type };
    return !t->failed;
}

int64_t thrift_integer(Thrift *t, ThriftField field)
{
    expect(t, field.type >= THRIFT_BYTE && field.type <= THRIFT_I64);
    if (field.type == THRIFT_BYTE) return (int8_t)byte(t);
    return zigzag(varint(t));
}

int thrift_int(Thrift *t, ThriftField field)
{
    int64_t x = thrift_integer(t, field);
    expect(t, x >= INT_MIN && x <= INT_MAX);
    return t->failed ? 0 : (int)x;
}

bool thrift_bool(Thrift *t, ThriftField field)
{
    expect(t, field.type == THRIFT_TRUE || field.type == THRIFT_FALSE);
    return field.type == THRIFT_TRUE;
}

static ThriftBytes take(Thrift *t, uint64_t n)
{
    expect(t, n <= t->n - t->at);
    if (t->failed) return (ThriftBytes){ "", 0 };
    ThriftBytes bytes = { (const char *)t->bytes + t->at, (size_t)n };
    t->at += (size_t)n;
    return bytes;
}

ThriftBytes thrift_bytes(Thrift *t, ThriftField field)
{
    expect(t, field.type == THRIFT_BINARY);
    return take(t, varint(t));
}

bool thrift_enter(Thrift *t, ThriftField field)
{
    expect(t, field.type == THRIFT_STRUCT);
    return !t->failed;
}

/* Count and type of a list. Every element takes at least a byte. */
static int64_t list_head(Thrift *t, int *type)
{
    uint8_t head = byte(t);
    uint64_t n = head >> 4 == 15 ? varint(t) : head >> 4;
    *type = head & 15;
    expect(t, n <= t->n - t->at);
    return t->failed ? 0 : (int64_t)n;
}

int64_t thrift_list(Thrift *t, ThriftField field, int type)
{
    int found = 0;
    expect(t, field.type == THRIFT_LIST);
    int64_t n = list_head(t, &found);
    expect(t, found == type || !n);
    return t->failed ? 0 : n;
}

static void skip(Thrift *t, int type, int depth);

static void skip_elements(Thrift *t, int type, int64_t n, int depth)
{
    if (type == THRIFT_TRUE || type == THRIFT_FALSE) type = THRIFT_BYTE;      /* in a list a boolean has its byte */
    for (int64_t i = 0; i < n && !t->failed; i++) skip(t, type, depth);
}

static void skip_map(Thrift *t, int depth)
{
    uint64_t n = varint(t);
    expect(t, n <= t->n - t->at);
    if (t->failed || !n) return;
    uint8_t types = byte(t);
    for (uint64_t i = 0; i < n && !t->failed; i++) {
        skip_elements(t, types >> 4, 1, depth);
        skip_elements(t, types & 15, 1, depth);
    }
}

static void skip(Thrift *t, int type, int depth)
{
    expect(t, depth < MAX_DEPTH);
    if (t->failed) return;
    switch (type) {
    case THRIFT_TRUE: case THRIFT_FALSE: break;
    case THRIFT_BYTE: byte(t); break;
    case THRIFT_I16: case THRIFT_I32: case THRIFT_I64: varint(t); break;
    case THRIFT_DOUBLE: take(t, 8); break;
    case THRIFT_BINARY: take(t, varint(t)); break;
    case THRIFT_LIST: case THRIFT_SET: {
        int64_t n = list_head(t, &type);
        skip_elements(t, type, n, depth + 1);
        break;
    }
    case THRIFT_MAP: skip_map(t, depth + 1); break;
    case THRIFT_STRUCT:
        for (ThriftField field = {0}; thrift_next(t, &field);) skip(t, field.type, depth + 1);
        break;
    default: stop(t);
    }
}

void thrift_skip(Thrift *t, ThriftField field) { skip(t, field.type, 0); }
