#include "data/file/parquet/codec.h"

#include <snappy-c.h>
#include <stdbool.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* Each fills `out`, which has exactly `n_out` bytes; false when `in` is damaged or has another length. */
typedef bool Decompress(const uint8_t *in, size_t n, uint8_t *out, size_t n_out);

static bool unsnappy(const uint8_t *in, size_t n, uint8_t *out, size_t n_out)
{
    size_t length = 0;
    return snappy_uncompressed_length((const char *)in, n, &length) == SNAPPY_OK && length == n_out &&
           snappy_uncompress((const char *)in, n, (char *)out, &length) == SNAPPY_OK;
}

/* gzip or zlib, and several members one behind the other. Sizes of pages fit in 31 bits. */
static bool gunzip(const uint8_t *in, size_t n, uint8_t *out, size_t n_out)
{
    enum { ANY_HEADER = 15 + 32 };
    z_stream z = { .next_in = (uint8_t *)in, .avail_in = (uInt)n, .next_out = out, .avail_out = (uInt)n_out };
    int code = inflateInit2(&z, ANY_HEADER);
    if (code == Z_OK) code = inflate(&z, Z_FINISH);
    while (code == Z_STREAM_END && z.avail_in && z.avail_out) {
        inflateReset(&z);
        code = inflate(&z, Z_FINISH);
    }
    inflateEnd(&z);
    return code == Z_STREAM_END && !z.avail_out;
}

static bool unzstd(const uint8_t *in, size_t n, uint8_t *out, size_t n_out) { return ZSTD_decompress(out, n_out, in, n) == n_out; }

static const struct { const char *name; Decompress *decompress; } codecs[] = {
    [CODEC_NONE] = { "UNCOMPRESSED", NULL }, [1] = { "SNAPPY", unsnappy }, [2] = { "GZIP", gunzip }, [3] = { "LZO", NULL },
    [4] = { "BROTLI", NULL }, [5] = { "LZ4", NULL }, [6] = { "ZSTD", unzstd }, [7] = { "LZ4_RAW", NULL },
};

Status codec_check(int codec)
{
    bool known = codec >= 0 && (size_t)codec < sizeof codecs / sizeof *codecs;
    if (codec == CODEC_NONE || (known && codecs[codec].decompress)) return STATUS_OK;
    return fail(STATUS_INPUT, "compression %s (%d) is not supported, supported are snappy, gzip, zstd and none; write the file again with one of these",
                known ? codecs[codec].name : "unknown", codec);
}

Status codec_decompress(int codec, const uint8_t *in, size_t n, size_t n_out, Store *store, const uint8_t **out)
{
    uint8_t *bytes;
    if (codec == CODEC_NONE || !n_out) {
        *out = in;
        return n == n_out || !n_out ? STATUS_OK : fail(STATUS_INPUT, "%zu bytes without compression, expected %zu", n, n_out);
    }
    TRY(codec_check(codec));
    TRY(store_new(store, n_out, 1, &bytes));
    *out = bytes;
    if (codecs[codec].decompress(in, n, bytes, n_out)) return STATUS_OK;
    return fail(STATUS_INPUT, "%zu bytes of %s do not decompress to %zu: the file is damaged", n, codecs[codec].name, n_out);
}
