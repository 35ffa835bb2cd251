/* Fuzzing without a fuzzer: seeds are damaged in the ways that parsers fear, by a fixed random sequence, so the run is the
 * same everywhere and belongs to the test suite. Build with -DGRAFT_SANITIZE=address,undefined to see what only they see; inputs
 * are exactly as long as their memory.
 *
 * A program gives LLVMFuzzerTestOneInput and, unless GRAFT_LIBFUZZER is defined, a main that hands its seeds to
 * `fuzz_seeds`; its first argument is the number of rounds. With libFuzzer:
 *     clang -g -fsanitize=fuzzer,address,undefined -DGRAFT_LIBFUZZER -D_GNU_SOURCE -I. tests/fuzz/test_fuzz_json.c \
 *           kernels/{status,memory,buffer,dtype}.c data/file/{json,yaml,mapped,output,tensors,safetensors,gguf}.c -lcjson -lyaml -lm */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/buffer.h"
#include "kernels/memory.h"
#include "kernels/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What a parser may say: done, or that the input is wrong and why. */
static inline void fuzz_check(Status status)
{
    CHECK(status == STATUS_OK || (status == STATUS_INPUT && *status_message()), "status %d: %s", status, status_message());
}

#ifndef GRAFT_LIBFUZZER
typedef struct { const char *bytes; size_t n; } Seed;
typedef struct { uint64_t state; } Dice;

static uint64_t dice_next(Dice *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state;
}

static size_t dice_below(Dice *r, size_t n) { return n ? dice_next(r) % n : 0; }

static void flip_bits(Buffer *b, Dice *r)
{
    for (size_t i = 0, n = 1 + dice_below(r, 8); i < n && b->len; i++) b->data[dice_below(r, b->len)] ^= (char)(1 << dice_below(r, 8));
}

static void cut(Buffer *b, Dice *r) { b->len = dice_below(r, b->len + 1); }

/* A 32- or 64-bit field becomes a number at the edge of something. */
static void set_extreme(Buffer *b, Dice *r)
{
    const uint64_t values[] = { 0, 1, UINT64_MAX, INT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 53, UINT32_MAX, INT32_MAX, UINT64_C(1) << 32, b->len, b->len + 1,
                                b->len - 1, b->len - 8, UINT64_MAX / 4 + 1, UINT64_MAX / 8 + 1, UINT64_MAX - 7, UINT64_MAX - b->len };
    uint64_t value = values[dice_below(r, sizeof values / sizeof *values)];
    size_t width = dice_below(r, 2) ? 8 : 4;
    if (b->len >= width) memcpy(b->data + dice_below(r, b->len - width + 1), &value, width);
}

/* A run of digits in a text becomes another number. */
static void set_number(Buffer *b, Dice *r)
{
    static const char *const numbers[] = { "0", "-1", "18446744073709551615", "9223372036854775807", "-9223372036854775809", "1e400", "1.5", "4294967296",
                                           "9007199254740993", "00", "1e-4", "0x10", "null", "\"1\"", "[]" };
    if (!b->len) return;
    size_t begin = dice_below(r, b->len), end;
    while (begin < b->len && (b->data[begin] < '0' || b->data[begin] > '9')) begin++;
    for (end = begin; end < b->len && b->data[end] >= '0' && b->data[end] <= '9';) end++;
    Buffer out = {0};
    buffer_add(&out, b->data, begin);
    buffer_add_string(&out, numbers[dice_below(r, sizeof numbers / sizeof *numbers)]);
    buffer_add(&out, b->data + end, b->len - end);
    buffer_free(b);
    *b = out;
}

/* A piece of another seed takes the place of a piece of this one. */
static void splice(Buffer *b, Dice *r, const Seed *seed, int n_seeds)
{
    const Seed *other = &seed[dice_below(r, (size_t)n_seeds)];
    size_t from = dice_below(r, other->n), n = dice_below(r, other->n - from), at = dice_below(r, b->len), gone = dice_below(r, b->len - at);
    Buffer out = {0};
    buffer_add(&out, b->data, at);
    buffer_add(&out, other->bytes + from, n);
    buffer_add(&out, b->data + at + gone, b->len - at - gone);
    buffer_free(b);
    *b = out;
}

static void mutate(Buffer *b, Dice *r, const Seed *seed, int n_seeds)
{
    switch (dice_below(r, 8)) {
    case 0: cut(b, r); break;
    case 1: case 2: flip_bits(b, r); break;
    case 3: case 4: set_extreme(b, r); break;
    case 5: case 6: set_number(b, r); break;
    default: splice(b, r, seed, n_seeds);
    }
}

static void try_bytes(const char *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (n) memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static int fuzz_seeds(const Seed *seed, int n_seeds, int n_rounds)
{
    Dice r = { UINT64_C(0x9E3779B97F4A7C15) };
    for (int i = 0; i < n_seeds; i++) try_bytes(seed[i].bytes, seed[i].n);
    for (int round = 0; round < n_rounds; round++) {
        const Seed *start = &seed[dice_below(&r, (size_t)n_seeds)];
        Buffer b = {0};
        buffer_add(&b, start->bytes, start->n);
        for (size_t k = 1 + dice_below(&r, 3); k; k--) mutate(&b, &r, seed, n_seeds);
        try_bytes(b.data, b.len);
        buffer_free(&b);
    }
    printf("%d seeds, %d rounds\n", n_seeds, n_rounds);
    return 0;
}

static inline int fuzz_rounds(int argc, char **argv) { return argc > 1 ? atoi(argv[1]) : 20000; }
#endif
#endif
