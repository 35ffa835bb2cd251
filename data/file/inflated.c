#include "data/file/inflated.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>
#include <zstd.h>

#include "kernels/memory.h"

enum { FIRST_ROOM = 1 << 20, MOST_PER_CALL = 1 << 30 };      /* zlib counts in 32 bits */

/* Memory that mapped_close can give back. It grows by moving pages, not bytes. */
typedef struct { uint8_t *bytes; size_t n, cap; } Room;

static Status room_resize(Room *room, size_t cap)
{
    void *bytes = room->cap ? mremap(room->bytes, room->cap, cap, MREMAP_MAYMOVE)
                            : mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) return fail(STATUS_INPUT, "no memory for %zu bytes, what it is when inflated", cap);
    *room = (Room){ bytes, room->n, cap };
    return STATUS_OK;
}

static Status room_reserve(Room *room)
{
    return room->n < room->cap ? STATUS_OK : room_resize(room, room->cap ? 2 * room->cap : FIRST_ROOM);
}

static void room_free(Room *room)
{
    if (room->cap) munmap(room->bytes, room->cap);
    *room = (Room){0};
}

static size_t at_most(size_t n) { return n < MOST_PER_CALL ? n : MOST_PER_CALL; }

/* One gzip member, from `at` on; `at` is moved behind it. */
static Status inflate_member(z_stream *z, const Mapped *file, size_t *at, Room *room)
{
    int code = inflateReset(z);
    while (code != Z_STREAM_END) {
        TRY(room_reserve(room));
        size_t n_in = at_most(file->n_bytes - *at), n_out = at_most(room->cap - room->n);
        z->next_in = (Bytef *)file->bytes + *at;
        z->avail_in = (uInt)n_in;
        z->next_out = room->bytes + room->n;
        z->avail_out = (uInt)n_out;
        code = inflate(z, Z_NO_FLUSH);
        *at += n_in - z->avail_in;
        room->n += n_out - z->avail_out;
        if (code == Z_BUF_ERROR) return fail(STATUS_INPUT, "the gzip data are cut short");
        if (code != Z_OK && code != Z_STREAM_END) return fail(STATUS_INPUT, "the gzip data are damaged%s%s", z->msg ? ": " : "", z->msg ? z->msg : "");
    }
    return STATUS_OK;
}

/* Zeros may stand behind the last member. */
static size_t skip_zeros(const Mapped *file, size_t at)
{
    while (at < file->n_bytes && !file->bytes[at]) at++;
    return at;
}

static Status inflate_gzip(const Mapped *file, Room *room)
{
    z_stream z = {0};
    Status status = STATUS_OK;
    CHECK(inflateInit2(&z, 15 + 16) == Z_OK, "zlib");
    for (size_t at = 0; status == STATUS_OK && at < file->n_bytes; at = skip_zeros(file, at)) status = inflate_member(&z, file, &at, room);
    inflateEnd(&z);
    return status;
}

static Status inflate_frames(ZSTD_DStream *stream, const Mapped *file, Room *room)
{
    ZSTD_inBuffer in = { file->bytes, file->n_bytes, 0 };
    size_t left = 0;
    bool full = false;
    while (in.pos < in.size || full) {
        TRY(room_reserve(room));
        ZSTD_outBuffer out = { room->bytes, room->cap, room->n };
        left = ZSTD_decompressStream(stream, &out, &in);
        if (ZSTD_isError(left)) return fail(STATUS_INPUT, "the zstd data are damaged: %s", ZSTD_getErrorName(left));
        room->n = out.pos;
        full = left && out.pos == out.size;
    }
    return left ? fail(STATUS_INPUT, "the zstd data are cut short") : STATUS_OK;
}

static Status inflate_zstd(const Mapped *file, Room *room)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    CHECK(stream, "zstd");
    Status status = inflate_frames(stream, file, room);
    ZSTD_freeDStream(stream);
    return status;
}

static const struct { const char *magic; size_t n; Status (*inflate)(const Mapped *, Room *); } kinds[] = {
    { "\x1f\x8b", 2, inflate_gzip }, { "\x28\xb5\x2f\xfd", 4, inflate_zstd },
};

/* The room becomes the file's bytes. */
static Status replace(Mapped *file, Room *room)
{
    if (room->n) TRY(room_resize(room, room->n));
    else room_free(room);
    char *path = memory_string(file->path);
    mapped_close(file);
    *file = (Mapped){ path, room->bytes, room->n };
    return STATUS_OK;
}

Status inflated_open(Mapped *file, const char *path)
{
    Mapped found = {0};
    Room room = {0};
    Status status = STATUS_OK;
    TRY(mapped_open(&found, path));
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        if (found.n_bytes < kinds[k].n || memcmp(found.bytes, kinds[k].magic, kinds[k].n)) continue;
        TRY_GOTO(done, status, kinds[k].inflate(&found, &room), "%s", path);
        TRY_GOTO(done, status, replace(&found, &room), "%s", path);
        break;
    }
    *file = found;
    return STATUS_OK;
done:
    room_free(&room);
    mapped_close(&found);
    return status;
}
