#include "data/file/parquet/bits.h"

#include <string.h>

enum { MAX_BLOCK = 1 << 20 };

uint64_t bits_get(const uint8_t *bytes, size_t n, size_t at, int width)
{
    uint8_t window[9] = {0};
    size_t first = at / 8, shift = at % 8;
    uint64_t low;
    if (!width || first >= n) return 0;
    memcpy(window, bytes + first, n - first < sizeof window ? n - first : sizeof window);
    memcpy(&low, window, sizeof low);
    uint64_t x = shift ? low >> shift | (uint64_t)window[8] << (64 - shift) : low;
    return width == 64 ? x : x & ((UINT64_C(1) << width) - 1);
}

/* The next LEB128 number; false when the bytes end or it has more than 64 bits. */
static bool varint(const uint8_t *bytes, size_t n, size_t *at, uint64_t *x)
{
    *x = 0;
    for (int shift = 0; shift < 64 && *at < n; shift += 7) {
        uint8_t next = bytes[(*at)++];
        *x |= (uint64_t)(next & 0x7F) << shift;
        if (!(next & 0x80)) return true;
    }
    return false;
}

/* Hybrid ------------------------------------------------------------------------------------------------------------ */

static Status cut_short(int64_t wanted) { return fail(STATUS_INPUT, "the bytes end where %lld more values were expected", (long long)wanted); }

static Status next_packed(Hybrid *h, uint64_t groups, int64_t wanted, HybridRun *run)
{
    size_t left = h->n - h->at;
    int64_t n = groups < (uint64_t)wanted ? (int64_t)groups * 8 : wanted;
    if (n > wanted) n = wanted;
    if (h->width && (uint64_t)n > (uint64_t)left * 8 / (uint64_t)h->width) return cut_short(wanted);
    /* Groups are whole, but what is behind the last value may be missing. */
    size_t bytes = h->width && groups > left / (size_t)h->width ? left : (size_t)groups * (size_t)h->width;
    *run = (HybridRun){ .n = n, .packed = h->bytes + h->at, .packed_bytes = bytes, .width = h->width };
    h->at += bytes;
    return STATUS_OK;
}

Status hybrid_next(Hybrid *h, int64_t wanted, HybridRun *run)
{
    uint64_t head;
    size_t value_bytes = ((size_t)h->width + 7) / 8;
    if (!varint(h->bytes, h->n, &h->at, &head)) return cut_short(wanted);
    if (head < 2) return fail(STATUS_INPUT, "a run of no values where %lld more were expected", (long long)wanted);
    if (head & 1) return next_packed(h, head >> 1, wanted, run);
    if (value_bytes > h->n - h->at) return cut_short(wanted);
    *run = (HybridRun){ .n = head >> 1 < (uint64_t)wanted ? (int64_t)(head >> 1) : wanted, .repeats = true, .width = h->width };
    memcpy(&run->value, h->bytes + h->at, value_bytes);
    h->at += value_bytes;
    return STATUS_OK;
}

/* Deltas ------------------------------------------------------------------------------------------------------------ */

static int64_t zigzag(uint64_t x) { return (int64_t)(x >> 1 ^ (0 - (x & 1))); }

typedef struct { const uint8_t *bytes; size_t n, at; uint64_t block, miniblocks, count; uint64_t last; } Delta;

static Status delta_open(Delta *d, int64_t expected)
{
    uint64_t first;
    if (!varint(d->bytes, d->n, &d->at, &d->block) || !varint(d->bytes, d->n, &d->at, &d->miniblocks) || !varint(d->bytes, d->n, &d->at, &d->count) ||
        !varint(d->bytes, d->n, &d->at, &first))
        return fail(STATUS_INPUT, "the header of packed deltas is cut short");
    bool fits = d->block && d->block <= MAX_BLOCK && d->miniblocks && d->miniblocks <= d->block && d->block % d->miniblocks == 0 &&
                d->block / d->miniblocks % 8 == 0;
    if (!fits) return fail(STATUS_INPUT, "packed deltas in blocks of %llu values and %llu parts", (unsigned long long)d->block, (unsigned long long)d->miniblocks);
    if (d->count != (uint64_t)expected)
        return fail(STATUS_INPUT, "%llu packed deltas, expected %lld", (unsigned long long)d->count, (long long)expected);
    d->last = (uint64_t)zigzag(first);
    return STATUS_OK;
}

/* One part of a block: up to `n` values. The last one of all may end without its padding. Sums wrap, as the format asks. */
static Status get_part(Delta *d, uint64_t smallest, int width, int64_t n, int64_t *out)
{
    size_t left = d->n - d->at, whole = d->block / d->miniblocks / 8 * (size_t)width;
    if (width > 64) return fail(STATUS_INPUT, "packed deltas of %d bits", width);
    if ((uint64_t)n * (uint64_t)width > (uint64_t)left * 8) return cut_short(n);
    for (int64_t i = 0; i < n; i++) {
        d->last += smallest + bits_get(d->bytes + d->at, left, (size_t)i * (size_t)width, width);
        out[i] = (int64_t)d->last;
    }
    d->at += whole < left ? whole : left;
    return STATUS_OK;
}

static Status get_block(Delta *d, int64_t n, int64_t *out, int64_t *done)
{
    uint64_t smallest;
    int64_t part = (int64_t)(d->block / d->miniblocks);
    if (!varint(d->bytes, d->n, &d->at, &smallest) || d->n - d->at < d->miniblocks) return cut_short(n);
    const uint8_t *width = d->bytes + d->at;
    d->at += d->miniblocks;
    *done = 0;
    for (uint64_t i = 0; i < d->miniblocks && *done < n; i++) {
        int64_t some = n - *done < part ? n - *done : part;
        TRY(get_part(d, (uint64_t)zigzag(smallest), width[i], some, out + *done));
        *done += some;
    }
    return STATUS_OK;
}

Status delta_get(const uint8_t *bytes, size_t n_bytes, int64_t n, int64_t *out, size_t *used)
{
    Delta d = { .bytes = bytes, .n = n_bytes };
    TRY(delta_open(&d, n));
    if (n) out[0] = (int64_t)d.last;
    for (int64_t i = 1, done = 0; i < n; i += done) TRY(get_block(&d, n - i, out + i, &done));
    *used = d.at;
    return STATUS_OK;
}
