/* The one way to fuzz a parser. A file tests/fuzz/test_fuzz_X.c includes this header and gives two things:
 *
 *     int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) { … fuzz_check(x_parse(&x, bytes, n)); … return 0; }
 *     const Fuzz fuzz = { .texts = (const char *const[]){ "{\"a\": 1}", NULL }, .golden = (const char *const[]){ "x/" "*.json", NULL } };
 *
 * and a row in tests/fuzz/parsers.txt says which sources are its parser. Every field of Fuzz may be left out. Seeds are the texts,
 * the golden files, what `more` adds, and all files in tests/fuzz/corpus/X (found by others before: kept small). Of these, two
 * programs are made:
 *
 *     test_fuzz_X    fuzzing without a fuzzer, in the test suite: seeds are damaged in the ways that parsers fear, by a fixed random
 *                    sequence, the same everywhere. Its argument is the number of rounds, or a file to be tried alone.
 *     fuzz_X         libFuzzer (cmake -DGRAFT_FUZZ=ON), which takes these ways of damage for half of its mutations.
 *                    `fuzz_X --write-seeds DIR` writes the seeds. tests/fuzz/run.sh builds and runs all of them, and counts lines.
 *
 * Inputs are exactly as long as their memory, so that the sanitizers see a byte too many. */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H
#include <glob.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file/mapped.h"
#include "data/file/output.h"
#include "kernels/buffer.h"
#include "kernels/memory.h"
#include "kernels/status.h"

typedef struct {
    const char *const *texts;          /* seeds; NULL behind the last */
    const char *const *golden;         /* globs of files in tests/golden that are seeds; NULL behind the last */
    const char *const *words;          /* what the format gives a meaning: is put between bytes and in the place of JSON values; NULL behind the last */
    void             (*more)(void);    /* adds seeds that must be made, with seed_add */
    int                rounds;         /* in the test suite; 0: 20,000 */
} Fuzz;

extern const Fuzz fuzz;
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* ---- For the parser's file ---- */

static int64_t n_accepted;

/* What a parser may say: done, or that the input is wrong and why. */
static inline void fuzz_check(Status status)
{
    CHECK(status == STATUS_OK || (status == STATUS_INPUT && *status_message()), "status %d: %s", status, status_message());
    n_accepted += status == STATUS_OK;
}

typedef struct { const char *bytes; size_t n; bool accepted; } Seed;

/* Part i of an input that stands for several files, with the byte \x1e between them; bytes NULL when it has fewer. */
static inline Seed fuzz_part(const uint8_t *bytes, size_t n, int i)
{
    const char *at = (const char *)bytes, *end = at + n;
    for (; at && i; i--) {
        at = n ? memchr(at, 0x1e, (size_t)(end - at)) : NULL;
        at = at ? at + 1 : NULL;
    }
    const char *stop = at && at < end ? memchr(at, 0x1e, (size_t)(end - at)) : NULL;
    return (Seed){ .bytes = at, .n = at ? (size_t)((stop ? stop : end) - at) : 0 };
}

static char fuzz_folder_path[256];

static void fuzz_folder_remove(void) { output_remove(fuzz_folder_path); }

/* A folder of this process, removed at its end. */
static inline const char *fuzz_folder(void)
{
    if (*fuzz_folder_path) return fuzz_folder_path;
    const char *parent = getenv("TMPDIR");
    snprintf(fuzz_folder_path, sizeof fuzz_folder_path, "%s/graft-fuzz-XXXXXX", parent ? parent : "/tmp");
    CHECK(mkdtemp(fuzz_folder_path));
    atexit(fuzz_folder_remove);
    return fuzz_folder_path;
}

/* For parsers that open files: `name` in that folder holds exactly these bytes, or is not there when they are NULL. */
static inline void fuzz_file(const char *name, Seed content)
{
    char *path = memory_format("%s/%s", fuzz_folder(), name);
    remove(path);
    FILE *file = content.bytes ? fopen(path, "wb") : NULL;
    CHECK(!content.bytes || (file && fwrite(content.bytes, 1, content.n, file) == content.n), "writing %s", path);
    if (file) fclose(file);
    free(path);
}

/* ---- Seeds ---- */

static Seed *seeds;
static int n_seeds, cap_seeds;

static inline void seed_add(const char *bytes, size_t n) { MEMORY_PUSH(seeds, n_seeds, cap_seeds) = (Seed){ .bytes = memory_copy(bytes, n, 1), .n = n }; }

static void seed_add_files(const char *pattern)
{
    glob_t found = {0};
    glob(pattern, 0, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        Mapped file = {0};
        CHECK(mapped_open(&file, found.gl_pathv[i]) == STATUS_OK, "%s", status_message());
        seed_add((const char *)file.bytes, file.n_bytes);
        mapped_close(&file);
    }
    globfree(&found);
}

static void seeds_load(const char *source)
{
    const char *name = strstr(source, "test_fuzz_") + strlen("test_fuzz_");
    char path[512];
    for (const char *const *text = fuzz.texts; text && *text; text++) seed_add(*text, strlen(*text));
    for (const char *const *pattern = fuzz.golden; pattern && *pattern; pattern++) {
        snprintf(path, sizeof path, GRAFT_GOLDEN "/%s", *pattern);
        seed_add_files(path);
    }
    if (fuzz.more) fuzz.more();
    snprintf(path, sizeof path, GRAFT_FUZZ_FOLDER "/corpus/%.*s/*", (int)strcspn(name, "."), name);
    seed_add_files(path);
    CHECK(n_seeds, "no seeds");
}

/* ---- Damage ---- */

typedef struct { uint64_t state; } Dice;

static uint64_t dice_next(Dice *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state;
}

static size_t dice_below(Dice *r, size_t n) { return n ? dice_next(r) % n : 0; }

/* Bytes [at, at + gone) give way to others, which may be a part of the same buffer. */
static void replace(Buffer *b, size_t at, size_t gone, Seed by)
{
    Buffer out = {0};
    buffer_add(&out, b->data, at);
    buffer_add(&out, by.bytes, by.n);
    buffer_add(&out, b->data + at + gone, b->len - at - gone);
    buffer_free(b);
    *b = out;
}

static Seed pick_word(Dice *r)
{
    static const char *const values[] = { "null", "true", "0", "-1", "1e308", "0.5", "NaN", "\"\"", "\"x\"", "[]", "[1]", "[[]]", "{}", "{\"x\": 1}",
                                          "\\u0000", "\\ud800", "\xc3\xa9", "\xff", "\x1e", "\n" };
    size_t n = 0;
    while (fuzz.words && fuzz.words[n]) n++;
    const char *word = n && dice_below(r, 4) ? fuzz.words[dice_below(r, n)] : values[dice_below(r, sizeof values / sizeof *values)];
    return (Seed){ .bytes = word, .n = strlen(word) };
}

static void flip_bits(Buffer *b, Dice *r)
{
    for (size_t i = 0, n = 1 + dice_below(r, 8); i < n && b->len; i++) {
        size_t at = dice_below(r, b->len);
        b->data[at] ^= (char)(1 << dice_below(r, 8));
    }
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
    const char *number = numbers[dice_below(r, sizeof numbers / sizeof *numbers)];
    while (begin < b->len && (b->data[begin] < '0' || b->data[begin] > '9')) begin++;
    for (end = begin; end < b->len && b->data[end] >= '0' && b->data[end] <= '9';) end++;
    replace(b, begin, end - begin, (Seed){ .bytes = number, .n = strlen(number) });
}

static void put_word(Buffer *b, Dice *r)
{
    Seed word = pick_word(r);
    replace(b, dice_below(r, b->len + 1), 0, word);
}

/* A short piece goes, or comes twice. */
static void drop_or_double(Buffer *b, Dice *r)
{
    size_t at = dice_below(r, b->len), n = dice_below(r, b->len - at < 60 ? b->len - at : 60);
    bool twice = dice_below(r, 2);
    replace(b, at, twice ? 0 : n, (Seed){ .bytes = b->data + at, .n = twice ? n : 0 });
}

static size_t value_end(const Buffer *b, size_t at)
{
    bool quoted = false;
    for (size_t depth = 0; at < b->len; at++) {
        char c = b->data[at];
        if (c == '"') quoted = !quoted;
        if (quoted) at += c == '\\';
        else if (c == '[' || c == '{') depth++;
        else if (c == ']' || c == '}' || c == ',') {
            if (!depth) return at;
            depth -= c != ',';
        }
    }
    return b->len;
}

/* What looks like a value in JSON, behind a colon, comma or bracket, whatever it holds, gives way to a word or another value. */
static void set_value(Buffer *b, Dice *r)
{
    size_t at[2], end[2];
    if (!b->len) return;
    for (int i = 0; i < 2; i++) {
        at[i] = dice_below(r, b->len);
        while (at[i] < b->len && !strchr(":,[", b->data[at[i]])) at[i]++;
        at[i] += at[i] < b->len;
        end[i] = value_end(b, at[i]);
    }
    Seed by = dice_below(r, 3) ? pick_word(r) : (Seed){ .bytes = b->data + at[1], .n = end[1] - at[1] };
    replace(b, at[0], end[0] - at[0], by);
}

/* A piece of another seed takes the place of a piece of this one. */
static void splice(Buffer *b, Dice *r)
{
    const Seed *other = &seeds[dice_below(r, (size_t)n_seeds)];
    size_t from = dice_below(r, other->n), n = dice_below(r, other->n - from), at = dice_below(r, b->len), gone = dice_below(r, b->len - at);
    replace(b, at, gone, (Seed){ .bytes = other->bytes + from, .n = n });
}

static void mutate(Buffer *b, Dice *r)
{
    switch (dice_below(r, 12)) {
    case 0: cut(b, r); break;
    case 1: case 2: flip_bits(b, r); break;
    case 3: case 4: set_extreme(b, r); break;
    case 5: set_number(b, r); break;
    case 6: drop_or_double(b, r); break;
    case 7: case 8: put_word(b, r); break;
    case 9: case 10: set_value(b, r); break;
    default: splice(b, r);
    }
}

/* ---- The programs ---- */

#ifdef GRAFT_LIBFUZZER
int    LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t n, size_t cap);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t cap, unsigned seed);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    seeds_load(__BASE_FILE__);
    if (*argc != 3 || strcmp((*argv)[1], "--write-seeds")) return 0;
    for (int i = 0; i < n_seeds; i++) {
        char name[32];
        snprintf(name, sizeof name, "seed-%04d", i);
        char *path = memory_format("%s/%s", (*argv)[2], name);
        CHECK(output_save(path, seeds[i].bytes, seeds[i].n) == STATUS_OK, "%s", status_message());
        free(path);
    }
    exit(0);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t n, size_t cap, unsigned seed)
{
    Dice r = { UINT64_C(0x9E3779B97F4A7C15) ^ seed };
    if (dice_below(&r, 2)) return LLVMFuzzerMutate(bytes, n, cap);
    Buffer b = {0};
    buffer_add(&b, bytes, n);
    for (size_t k = 1 + dice_below(&r, 3); k; k--) mutate(&b, &r);
    n = b.len < cap ? b.len : cap;
    if (n) memcpy(bytes, b.data, n);
    buffer_free(&b);
    return n;
}
#else
/* Whether a parser accepted it. */
static bool try_bytes(const char *bytes, size_t n)
{
    int64_t before = n_accepted;
    uint8_t *exact = malloc(n ? n : 1);
    if (n) memcpy(exact, bytes, n);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return n_accepted > before;
}

/* More often a seed that is accepted: damage to it goes deeper. */
static const Seed *pick_seed(Dice *r)
{
    const Seed *seed = &seeds[dice_below(r, (size_t)n_seeds)];
    for (int i = 0; i < 8 && !seed->accepted; i++) seed = &seeds[dice_below(r, (size_t)n_seeds)];
    return seed;
}

/* How many were accepted. */
static int run_rounds(int rounds)
{
    Dice r = { UINT64_C(0x9E3779B97F4A7C15) };
    int accepted = 0;
    for (int round = 0; round < rounds; round++) {
        const Seed *start = pick_seed(&r);
        Buffer b = {0};
        buffer_add(&b, start->bytes, start->n);
        for (size_t k = 1 + dice_below(&r, 3); k; k--) mutate(&b, &r);
        accepted += try_bytes(b.data, b.len);
        buffer_free(&b);
    }
    return accepted;
}

static void seeds_free(void)
{
    for (int i = 0; i < n_seeds; i++) free((char *)seeds[i].bytes);
    free(seeds);
}

static int try_file(const char *path)
{
    Mapped file = {0};
    CHECK(mapped_open(&file, path) == STATUS_OK, "%s", status_message());
    bool accepted = try_bytes((const char *)file.bytes, file.n_bytes);
    mapped_close(&file);
    printf("%s: %s\n", path, accepted ? "accepted" : status_message());
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strspn(argv[1], "0123456789") < strlen(argv[1])) return try_file(argv[1]);
    int rounds = argc > 1 ? atoi(argv[1]) : fuzz.rounds ? fuzz.rounds : 20000;
    seeds_load(__BASE_FILE__);
    for (int i = 0; i < n_seeds; i++) seeds[i].accepted = try_bytes(seeds[i].bytes, seeds[i].n);
    int accepted = run_rounds(rounds);
    printf("%d seeds, %d rounds, %d accepted\n", n_seeds, rounds, accepted);
    /* The damage is not so great that nothing is left to test. */
    CHECK(rounds < 1000 || accepted > rounds / 100, "%d of %d rounds accepted", accepted, rounds);
    seeds_free();
    return 0;
}
#endif
#endif
