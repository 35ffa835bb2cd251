/* Compressed files: what they hold, whatever they are called; damaged and cut ones are refused. */
#include "tests/testing.h"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "data/file/inflated.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"

static char path[] = "/tmp/graft-inflated-XXXXXX";

static void write_bytes(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static void add_gzip(Buffer *out, const void *bytes, size_t n)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&z, (uLong)n);
    uint8_t *packed = memory_new(room, 1);
    z.next_in = (Bytef *)bytes;
    z.avail_in = (uInt)n;
    z.next_out = packed;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buffer_add(out, packed, room - z.avail_out);
    deflateEnd(&z);
    free(packed);
}

static void add_zstd(Buffer *out, const void *bytes, size_t n)
{
    size_t room = ZSTD_compressBound(n);
    uint8_t *packed = memory_new(room, 1);
    size_t length = ZSTD_compress(packed, room, bytes, n, 3);
    assert_false(ZSTD_isError(length));
    buffer_add(out, packed, length);
    free(packed);
}

static void (*const packers[])(Buffer *, const void *, size_t) = { add_gzip, add_zstd };

static void assert_holds(const void *bytes, size_t n)
{
    Mapped file = {0};
    assert_ok(inflated_open(&file, path));
    assert_int_equal(file.n_bytes, n);
    if (n) assert_memory_equal(file.bytes, bytes, n);
    assert_string_equal(file.path, path);
    mapped_close(&file);
}

static void files_are_inflated(void **state)
{
    (void)state;
    size_t n = 3 << 20;                                  /* more than the first room */
    char *bytes = memory_new(n, 1);
    for (size_t i = 0; i < n; i++) bytes[i] = (char)(i * i >> 7);
    write_bytes(bytes, n);
    assert_holds(bytes, n);
    for (size_t k = 0; k < 2; k++) {
        Buffer packed = {0};
        packers[k](&packed, bytes, n);
        write_bytes(packed.data, packed.len);
        assert_holds(bytes, n);
        buffer_clear(&packed);
        for (size_t at = 0; at < n; at += 1 << 20) packers[k](&packed, bytes + at, 1 << 20);      /* one behind the other */
        write_bytes(packed.data, packed.len);
        assert_holds(bytes, n);
        buffer_clear(&packed);
        packers[k](&packed, "", 0);
        write_bytes(packed.data, packed.len);
        assert_holds("", 0);
        buffer_free(&packed);
    }
    write_bytes("", 0);
    assert_holds("", 0);
    free(bytes);
}

static void damage_is_refused(void **state)
{
    (void)state;
    const char *text = "the quick brown fox jumps over the lazy dog, and again: the quick brown fox";
    static const char *const kinds[] = { "gzip", "zstd" };
    for (size_t k = 0; k < 2; k++) {
        Buffer packed = {0};
        Mapped file = {0};
        packers[k](&packed, text, strlen(text));
        for (size_t n = 4; n < packed.len; n++) {
            char message[256];
            write_bytes(packed.data, n);
            snprintf(message, sizeof message, "%s: the %s data are cut short", path, kinds[k]);
            assert_fails(STATUS_INPUT, message, inflated_open(&file, path));
            assert_null(file.path);
        }
        packed.data[packed.len / 2] ^= 0x55;
        packed.data[packed.len - 1] ^= 0x55;
        write_bytes(packed.data, packed.len);
        assert_int_equal(inflated_open(&file, path), STATUS_INPUT);
        assert_non_null(strstr(status_message(), "data are damaged"));
        buffer_free(&packed);
    }
}

static int make_file(void **state) { (void)state; close(mkstemp(path)); return 0; }
static int remove_file(void **state) { (void)state; return remove(path); }

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(files_are_inflated), cmocka_unit_test(damage_is_refused) };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
