#include "train/run/tensorboard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "data/file/output.h"
#include "kernels/memory.h"

static uint32_t crc32c(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82F63B78u & (0u - (crc & 1)));
    }
    return ~crc;
}

static uint32_t masked(const void *bytes, size_t n)
{
    uint32_t crc = crc32c(bytes, n);
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

static Status write_record(Tensorboard *board, const Buffer *event)
{
    uint64_t length = event->len;
    uint32_t length_crc = masked(&length, sizeof length), data_crc = masked(event->data, event->len);
    bool written = fwrite(&length, sizeof length, 1, board->file) == 1 && fwrite(&length_crc, sizeof length_crc, 1, board->file) == 1 &&
                   fwrite(event->data, event->len, 1, board->file) == 1 && fwrite(&data_crc, sizeof data_crc, 1, board->file) == 1 && !fflush(board->file);
    return written ? STATUS_OK : fail(STATUS_WRITE, "%s: %s", board->path, strerror(errno));
}

/* Protocol buffers: a key is field << 3 | wire type (0 varint, 1 eight bytes, 2 bytes with a length, 5 four bytes). */
static void add_varint(Buffer *out, uint64_t x)
{
    for (; x >= 0x80; x >>= 7) buffer_add_char(out, (char)(x | 0x80));
    buffer_add_char(out, (char)x);
}

static void add_bytes(Buffer *out, int field, const void *bytes, size_t n)
{
    add_varint(out, (uint64_t)field << 3 | 2);
    add_varint(out, n);
    buffer_add(out, bytes, n);
}

static void begin_event(Buffer *event, int64_t step)
{
    double wall_time = (double)time(NULL);
    add_varint(event, 1 << 3 | 1);
    buffer_add(event, &wall_time, sizeof wall_time);
    add_varint(event, 2 << 3 | 0);
    add_varint(event, (uint64_t)step);
}

static Status write_version(Tensorboard *board)
{
    Buffer event = {0};
    begin_event(&event, 0);
    add_bytes(&event, 3, "brain.Event:2", strlen("brain.Event:2"));
    Status status = write_record(board, &event);
    buffer_free(&event);
    return status;
}

Status tensorboard_open(Tensorboard *board, const char *output_dir)
{
    char host[64] = "localhost", when[32];
    time_t now = time(NULL);
    gethostname(host, sizeof host - 1);
    strftime(when, sizeof when, "%b%d_%H-%M-%S", localtime(&now));
    char *folder = memory_format("%s/runs/%s_%s", output_dir, when, host);
    Status status;
    TRY_GOTO(done, status, output_make_folder(folder));
    board->path = memory_format("%s/events.out.tfevents.%lld.%s.%d.0", folder, (long long)now, host, (int)getpid());
    board->file = fopen(board->path, "wb");
    if (!board->file) TRY_GOTO(done, status, fail(STATUS_WRITE, "%s: %s", board->path, strerror(errno)));
    status = write_version(board);
done:
    free(folder);
    return status;
}

/* Trainer's names: eval_loss is eval/loss, all else train/…. */
static void add_value(Buffer *summary, const char *key, double number)
{
    Buffer value = {0};
    bool eval = !strncmp(key, "eval_", 5);
    char *tag = memory_format("%s/%s", eval ? "eval" : "train", eval ? key + 5 : key);
    float x = (float)number;
    add_bytes(&value, 1, tag, strlen(tag));
    add_varint(&value, 2 << 3 | 5);
    buffer_add(&value, &x, sizeof x);
    add_bytes(summary, 1, value.data, value.len);
    free(tag);
    buffer_free(&value);
}

Status tensorboard_add(Tensorboard *board, const Json *entry, int64_t step)
{
    if (!board->file) return STATUS_OK;
    Buffer summary = {0}, event = {0};
    for (const Json *item = json_first(entry); item; item = json_next(item))
        if (json_is_number(item) && strcmp(json_key(item), "step")) add_value(&summary, json_key(item), json_number(item));
    begin_event(&event, step);
    add_bytes(&event, 5, summary.data, summary.len);
    Status status = write_record(board, &event);
    buffer_free(&summary);
    buffer_free(&event);
    return status;
}

void tensorboard_close(Tensorboard *board)
{
    if (board->file) fclose(board->file);
    free(board->path);
    *board = (Tensorboard){0};
}
