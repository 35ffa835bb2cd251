#include "data/set/preview.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"

static bool *find_scored(const Examples *examples, int64_t i)
{
    int32_t own;
    Documents documents = examples_documents(examples, i, &own);
    const int32_t *label = examples->labels + examples->begin[i];
    bool *scored = memory_new((size_t)examples_length(examples, i), sizeof *scored);
    for (int64_t d = 0, at = 0; d < documents.n; at += documents.length[d++])
        for (int64_t t = 1; t < documents.length[d]; t++) scored[at + t] = label[at + t] != LABEL_NONE;
    return scored;
}

/* Text from a file may hold escapes that move the cursor. */
static void add_shown(Buffer *out, const char *text, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        unsigned char c = (unsigned char)text[k];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) buffer_add_string(out, "·");
        else buffer_add_char(out, text[k]);
    }
}

/* What tokens [from, to) add behind the tokens before them: decoding from the start keeps spaces and characters whole. */
static void add_run(const Tokenizer *tokenizer, const int32_t *ids, int64_t from, int64_t to, Buffer *out)
{
    Buffer before = {0}, whole = {0};
    tokenizer_decode(tokenizer, ids, from, false, &before);
    tokenizer_decode(tokenizer, ids, to, false, &whole);
    size_t shared = 0;
    while (shared < before.len && shared < whole.len && before.data[shared] == whole.data[shared]) shared++;
    while (shared && shared < whole.len && ((unsigned char)whole.data[shared] & 0xC0) == 0x80) shared--;      /* a character's first byte */
    if (whole.len) add_shown(out, whole.data + shared, whole.len - shared);
    buffer_free(&before);
    buffer_free(&whole);
}

static const char *const open[] = { "⟦", "\x1b[4m" }, *const close[] = { "⟧", "\x1b[24m" };

void preview_ids(const Examples *examples, int64_t i, PreviewMarks marks, Buffer *out)
{
    const int32_t *ids = examples->ids + examples->begin[i];
    int64_t n = examples_length(examples, i);
    bool *scored = find_scored(examples, i);
    for (int64_t t = 0; t < n; t++) {
        bool starts = scored[t] && (!t || !scored[t - 1]), ends = scored[t] && (t + 1 == n || !scored[t + 1]);
        buffer_format(out, "%s%s%d%s", t ? " " : "", starts ? open[marks] : "", ids[t], ends ? close[marks] : "");
    }
    free(scored);
}

void preview_example(const Tokenizer *tokenizer, const Examples *examples, int64_t i, int64_t max_tokens, PreviewMarks marks, Buffer *out)
{
    const int32_t *ids = examples->ids + examples->begin[i];
    int64_t n = examples_length(examples, i), shown = n < max_tokens ? n : max_tokens, left = 0;
    bool *scored = find_scored(examples, i);
    for (int64_t from = 0, to; from < shown; from = to) {
        for (to = from; to < shown && scored[to] == scored[from]; to++) continue;
        if (scored[from]) buffer_add_string(out, open[marks]);
        add_run(tokenizer, ids, from, to, out);
        if (scored[from]) buffer_add_string(out, close[marks]);
    }
    for (int64_t t = shown; t < n; t++) left += scored[t];
    if (shown < n) buffer_format(out, "\n… %lld more tokens, %lld of them trained", (long long)(n - shown), (long long)left);
    free(scored);
}
