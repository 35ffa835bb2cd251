#include "data/text/normal_form.h"

#include <stdbool.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "data/text/unicode.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

/* A code point, how it uses up the old ones, its canonical combining class, and its place for a stable sort. */
typedef struct { Change change; int class; size_t place; } Letter;
typedef struct { Letter *letter; size_t n, cap; } Letters;
typedef struct { Change *change; size_t n, cap; } Changes;

static int class_of(uint32_t code)
{
    return unicode_is_normalizing(code) ? utf8proc_get_property((utf8proc_int32_t)code)->combining_class : 0;
}

static void push(Letters *letters, uint32_t code, int change)
{
    size_t place = letters->n;
    MEMORY_PUSH(letters->letter, letters->n, letters->cap) = (Letter){ { code, change }, class_of(code), place };
}

static void decompose(Letters *letters, uint32_t code, bool compatibility)
{
    if (!unicode_is_normalizing(code)) {
        push(letters, code, 0);
        return;
    }
    utf8proc_int32_t parts[32];
    int bound = 0;
    utf8proc_option_t options = compatibility ? UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT : UTF8PROC_DECOMPOSE;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)code, parts, 32, options, &bound);
    CHECK(n > 0 && n <= 32, "decomposition of U+%04X: %td parts", (unsigned)code, n);
    for (int i = 0; i < n; i++) push(letters, (uint32_t)parts[i], i > 0);
}

static int by_class(const void *a, const void *b)
{
    const Letter *x = a, *y = b;
    return x->class != y->class ? x->class - y->class : x->place < y->place ? -1 : 1;
}

/* Marks after one another go by class. */
static void sort_marks(Letters *letters)
{
    for (size_t i = 0, end; i < letters->n; i = end) {
        for (end = i; end < letters->n && letters->letter[end].class;) end++;
        if (end - i > 1) qsort(letters->letter + i, end - i, sizeof *letters->letter, by_class);
        end += end == i;
    }
}

/* What two neighbours compose to; 0: nothing. */
static uint32_t composed(uint32_t first, uint32_t second)
{
    utf8proc_int32_t pair[3] = { (utf8proc_int32_t)first, (utf8proc_int32_t)second, 0 };
    if (utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) != 1) return 0;
    return unicode_is_normalizing((uint32_t)pair[0]) ? (uint32_t)pair[0] : 0;
}

static void emit(Changes *out, Change change) { MEMORY_PUSH(out->change, out->n, out->cap) = change; }

/* A starter takes in what follows until something between blocks it; what it did not take in waits behind it. */
static void compose(Changes *out, const Letters *letters)
{
    Change starter = {0};
    Changes waiting = {0};
    bool have = false;
    int highest = 0;                                       /* class of the last one waiting; 0: none waits */
    for (size_t i = 0; i < letters->n; i++) {
        Letter letter = letters->letter[i];
        if (!have && letter.class) {
            emit(out, letter.change);
            continue;
        }
        uint32_t code = have && (!highest || highest < letter.class) ? composed(starter.code, letter.change.code) : 0;
        if (code) {
            starter = (Change){ code, starter.change + letter.change.change - 1 };
        } else if (letter.class) {
            emit(&waiting, letter.change);
            highest = letter.class;
        } else {
            if (have) emit(out, starter);
            for (size_t k = 0; k < waiting.n; k++) emit(out, waiting.change[k]);
            waiting.n = 0;
            highest = 0;
            starter = letter.change;
            have = true;
        }
    }
    if (have) emit(out, starter);
    for (size_t k = 0; k < waiting.n; k++) emit(out, waiting.change[k]);
    free(waiting.change);
}

void normal_form_add(Aligned *out, const Aligned *text, size_t begin, size_t end, NormalForm form)
{
    uint8_t limit = form == NFC ? 0xCC : 0x80;             /* NFC changes nothing below U+0300, the others nothing in ASCII */
    size_t same = begin;
    while (same < end && (uint8_t)text->bytes[same] < limit) same++;
    if (same == end) {
        aligned_add_range(out, text, begin, end);
        return;
    }
    Letters letters = {0};
    Changes changes = {0};
    for (size_t at = begin, length; at < end; at += length) decompose(&letters, utf8_get(text->bytes + at, &length), form == NFKC || form == NFKD);
    sort_marks(&letters);
    if (form == NFC || form == NFKC) compose(&changes, &letters);
    else for (size_t i = 0; i < letters.n; i++) emit(&changes, letters.letter[i].change);
    aligned_add_changes(out, text, begin, end, changes.change, changes.n);
    free(letters.letter);
    free(changes.change);
}
