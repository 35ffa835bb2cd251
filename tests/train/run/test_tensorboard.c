/* TensorBoard event files, read by a reader written from the format: records with their lengths and check sums, then the fields of
 * each Event. The check sum itself is held against the published CRC-32C of "123456789". */
#include "tests/testing.h"

#include <glob.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "data/file/mapped.h"
#include "data/file/output.h"
#include "kernels/memory.h"
#include "train/run/tensorboard.h"

static char root[64];

static int enter_root(void **state)
{
    (void)state;
    strcpy(root, "/tmp/graft-test-XXXXXX");
    return !mkdtemp(root) || chdir(root) ? -1 : 0;
}

static int leave_root(void **state)
{
    (void)state;
    return chdir("/") || output_remove(root) != STATUS_OK;
}

/* Castagnoli's polynomial, most significant bit first; bits turned round going in and coming out. */
static uint32_t turned(uint32_t x, int bits)
{
    uint32_t y = 0;
    for (int i = 0; i < bits; i++) y |= (x >> i & 1) << (bits - 1 - i);
    return y;
}

static uint32_t crc32c(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < n; i++) {
        crc ^= turned(bytes[i], 8) << 24;
        for (int bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? crc << 1 ^ 0x1EDC6F41 : crc << 1;
    }
    return ~turned(crc, 32);
}

typedef struct { const uint8_t *at, *end; } Bytes;

static uint64_t number(Bytes *b, size_t n)
{
    uint64_t x = 0;
    assert_true((size_t)(b->end - b->at) >= n);
    memcpy(&x, b->at, n);
    b->at += n;
    return x;
}

static uint64_t varint(Bytes *b)
{
    uint64_t x = 0;
    for (int shift = 0;; shift += 7) {
        uint64_t byte = number(b, 1);
        x |= (byte & 127) << shift;
        if (byte < 128) return x;
    }
}

static Bytes part(Bytes *b, uint64_t n)
{
    assert_true((uint64_t)(b->end - b->at) >= n);
    Bytes inside = { b->at, b->at + n };
    b->at += n;
    return inside;
}

static void check_sum(Bytes *b, Bytes of)
{
    uint32_t crc = crc32c(of.at, (size_t)(of.end - of.at));
    assert_int_equal(number(b, 4), (uint32_t)((crc >> 15 | crc << 17) + 0xA282EAD8));
}

static Bytes record(Bytes *b)
{
    Bytes length = { b->at, b->at + 8 };
    uint64_t n = number(b, 8);
    check_sum(b, length);
    Bytes data = part(b, n);
    check_sum(b, data);
    return data;
}

typedef struct { double wall_time; int64_t step; Bytes version, summary; } Event;

static Event event(Bytes b)
{
    Event e = {0};
    while (b.at < b.end) {
        uint64_t key = varint(&b);
        if (key == (1 << 3 | 1)) {
            uint64_t bits = number(&b, 8);
            memcpy(&e.wall_time, &bits, 8);
        } else if (key == 2 << 3) e.step = (int64_t)varint(&b);
        else if (key == (3 << 3 | 2)) e.version = part(&b, varint(&b));
        else if (key == (5 << 3 | 2)) e.summary = part(&b, varint(&b));
        else print_error("key %d\n", (int)key), assert_true(false);
    }
    assert_true(fabs(e.wall_time - (double)time(NULL)) < 600);
    return e;
}

static void assert_bytes(Bytes b, const char *text)
{
    assert_int_equal(b.end - b.at, strlen(text));
    assert_memory_equal(b.at, text, strlen(text));
}

/* The summary's next value. */
static void check_value(Bytes *summary, const char *tag, float expected)
{
    assert_int_equal(varint(summary), 1 << 3 | 2);
    Bytes value = part(summary, varint(summary));
    assert_int_equal(varint(&value), 1 << 3 | 2);
    assert_bytes(part(&value, varint(&value)), tag);
    assert_int_equal(varint(&value), 2 << 3 | 5);
    uint64_t bits = number(&value, 4);
    float found;
    memcpy(&found, &bits, 4);
    assert_true(found == expected || (isnan(found) && isnan(expected)));
    assert_true(value.at == value.end);
}

static void add(Tensorboard *board, const char *text, int64_t step)
{
    Json *entry = NULL;
    assert_ok(json_parse(&entry, "entry", text, strlen(text)));
    assert_ok(tensorboard_add(board, entry, step));
    json_free(entry);
}

static void write_board(void)
{
    Tensorboard board = {0};
    assert_ok(tensorboard_open(&board, "out"));
    add(&board, "{\"loss\": 2.5, \"grad_norm\": NaN, \"learning_rate\": 1e-4, \"epoch\": 0.5, \"note\": \"text\", \"step\": 1}", 1);
    add(&board, "{\"eval_loss\": 2, \"eval_runtime\": 0.25, \"epoch\": 1, \"step\": 300}", 300);
    add(&board, "{\"evaluation\": 3}", INT64_C(1) << 40);
    tensorboard_close(&board);
}

static void events_are_what_was_logged(void **state)
{
    (void)state;
    glob_t found;
    Mapped file = {0};
    write_board();
    assert_int_equal(glob("out/runs/*_*/events.out.tfevents.*", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    assert_ok(mapped_open(&file, found.gl_pathv[0]));
    Bytes all = { (const uint8_t *)file.bytes, (const uint8_t *)file.bytes + file.n_bytes };

    Event first = event(record(&all));
    assert_bytes(first.version, "brain.Event:2");
    assert_true(first.step == 0 && !first.summary.at);

    Event training = event(record(&all));
    assert_true(training.step == 1 && !training.version.at);
    check_value(&training.summary, "train/loss", 2.5f);
    check_value(&training.summary, "train/grad_norm", NAN);
    check_value(&training.summary, "train/learning_rate", 1e-4f);
    check_value(&training.summary, "train/epoch", 0.5f);
    assert_true(training.summary.at == training.summary.end);

    Event evaluation = event(record(&all));
    assert_int_equal(evaluation.step, 300);
    check_value(&evaluation.summary, "eval/loss", 2);
    check_value(&evaluation.summary, "eval/runtime", 0.25f);
    check_value(&evaluation.summary, "train/epoch", 1);
    assert_true(evaluation.summary.at == evaluation.summary.end);

    Event last = event(record(&all));
    assert_true(last.step == INT64_C(1) << 40);
    check_value(&last.summary, "train/evaluation", 3);
    assert_true(all.at == all.end);
    mapped_close(&file);
    globfree(&found);
}

static void the_check_sum_is_crc32c(void **state)
{
    (void)state;
    assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xE3069283);
}

static void no_board_takes_everything(void **state)
{
    (void)state;
    Tensorboard board = {0};
    add(&board, "{\"loss\": 1}", 1);
    tensorboard_close(&board);
}

static void a_folder_that_cannot_be_made(void **state)
{
    (void)state;
    Tensorboard board = {0};
    assert_ok(output_save("file", "", 0));
    assert_int_equal(tensorboard_open(&board, "file"), STATUS_WRITE);
    tensorboard_close(&board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_sum_is_crc32c), cmocka_unit_test(events_are_what_was_logged), cmocka_unit_test(no_board_takes_everything),
        cmocka_unit_test(a_folder_that_cannot_be_made),
    };
    return cmocka_run_group_tests(tests, enter_root, leave_root);
}
