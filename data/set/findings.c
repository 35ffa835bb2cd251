#include "data/set/findings.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/hash.h"
#include "kernels/memory.h"

enum { LINES_SHOWN = 5 };

/* Our own copy of a path; most rows stand in the file of the row before. */
static const char *keep_path(Findings *f, const char *path)
{
    for (int i = f->n_files; i-- > 0;)
        if (!strcmp(f->file[i], path)) return f->file[i];
    return MEMORY_PUSH(f->file, f->n_files, f->cap_files) = memory_string(path);
}

void findings_init(Findings *f, const Rows *rows)
{
    size_t n = (size_t)rows->n;
    *f = (Findings){ .path = memory_string(rows->from.name), .n = rows->n, .place = memory_new(n, sizeof *f->place),
                     .problems = memory_new(n, sizeof *f->problems), .content = memory_new(n, sizeof *f->content), .twin = memory_new(n, sizeof *f->twin),
                     .trained = memory_new(n, sizeof *f->trained), .message = memory_new(n, sizeof *f->message) };
    for (int64_t i = 0; i < rows->n; i++) {
        f->place[i] = rows_place(rows, i);
        f->place[i].path = keep_path(f, f->place[i].path);
    }
}

void findings_free(Findings *f)
{
    for (int64_t i = 0; i < f->n; i++) free(f->message[i]);
    for (int i = 0; i < f->n_files; i++) free(f->file[i]);
    free(f->file);
    free(f->path);
    free(f->place);
    free(f->problems);
    free(f->content);
    free(f->twin);
    free(f->trained);
    free(f->message);
    *f = (Findings){0};
}

/* Tokens ------------------------------------------------------------------------------------------------------------- */

/* The tokens that end an answer: the options', and the eos token. */
static int32_t *end_tokens(const EncodeOptions *options, int *n)
{
    const char *eos = options->eos_token ? options->eos_token : options->tokenizer ? tokenizer_part(options->tokenizer, TOKEN_EOS) : NULL;
    int32_t id = eos && options->tokenizer ? tokenizer_id(options->tokenizer, eos) : -1, *end = memory_new((size_t)options->n_ends + 1, sizeof *end);
    *n = 0;
    for (int i = 0; i < options->n_ends; i++) end[(*n)++] = options->end[i];
    if (id >= 0) end[(*n)++] = id;
    return end;
}

static void examine_row(Findings *f, int64_t i, const Examples *whole, TokenView view, Cut cut)
{
    int64_t begin = whole->begin[i];
    view.id = whole->ids + begin;
    view.label = whole->labels + begin;
    view.n = view.to = examples_length(whole, i);
    if (cut.max_length && view.n > cut.max_length && cut.side == TRUNCATE_KEEP_END) view.from = view.n - cut.max_length;
    else if (cut.max_length && view.n > cut.max_length) view.to = cut.max_length;
    f->problems[i] |= problems_in_tokens(&view);
    f->content[i] = view.n ? hash_add(1, view.id, (size_t)view.n * sizeof *view.id) : 0;
}

/* Comparing ---------------------------------------------------------------------------------------------------------- */

/* Rows by content: open addressing, at most half full. */
typedef struct { int64_t *slot; uint64_t mask; } Index;                  /* slot: row + 1, 0: free */

static Index index_new(int64_t n)
{
    uint64_t size = 16;
    while (size < 2 * (uint64_t)n) size *= 2;
    return (Index){ memory_new(size, sizeof(int64_t)), size - 1 };
}

/* Where a row of this content is, or is to be put. */
static int64_t *index_find(const Index *index, const Findings *f, uint64_t content)
{
    uint64_t at = hash_mix(0, content) & index->mask;
    while (index->slot[at] && f->content[index->slot[at] - 1] != content) at = (at + 1) & index->mask;
    return &index->slot[at];
}

/* The first of equal rows stays; returns the index of those. */
static Index find_duplicates(const Findings *of, Findings *marked)
{
    Index index = index_new(of->n);
    for (int64_t i = 0; i < of->n; i++) {
        if (!of->content[i]) continue;
        int64_t *slot = index_find(&index, of, of->content[i]);
        if (*slot && marked) {
            marked->problems[i] |= 1u << PROBLEM_DUPLICATE;
            marked->twin[i] = of->place[*slot - 1];
        }
        if (!*slot) *slot = i + 1;
    }
    return index;
}

static void find_overlap(Findings *f, const Findings *train)
{
    Index index = find_duplicates(train, NULL);
    for (int64_t i = 0; i < f->n; i++) {
        int64_t row = f->content[i] ? *index_find(&index, train, f->content[i]) : 0;
        if (!row) continue;
        f->problems[i] |= 1u << PROBLEM_OVERLAP;
        f->trained[i] = train->place[row - 1];
    }
    free(index.slot);
}

void findings_examine(Findings *f, const Examples *whole, const EncodeOptions *options, Cut cut, const Findings *train)
{
    TokenView view = { .bos = options->tokenizer ? tokenizer_part_id(options->tokenizer, TOKEN_BOS) : -1 };
    int32_t *end = end_tokens(options, &view.n_ends);
    view.end = end;
    for (int64_t i = 0; i < f->n; i++)
        if (!f->message[i]) examine_row(f, i, whole, view, cut);
    free(find_duplicates(f, f).slot);
    if (train) find_overlap(f, train);
    free(end);
}

/* Saying it ---------------------------------------------------------------------------------------------------------- */

int64_t findings_count(const Findings *f, Problem problem)
{
    int64_t n = 0;
    for (int64_t i = 0; i < f->n; i++) n += f->problems[i] >> problem & 1;
    return n;
}

int64_t findings_rows(const Findings *f, Severity severity)
{
    uint32_t set = 0;
    int64_t n = 0;
    for (int p = 0; p < PROBLEMS; p++) set |= (uint32_t)(problem_kinds[p].severity == severity) << p;
    for (int64_t i = 0; i < f->n; i++) n += (f->problems[i] & set) != 0;
    return n;
}

static void add_lines(const Findings *f, Problem problem, int64_t n, Buffer *out)
{
    int shown = 0;
    bool one_file = f->n_files == 1;
    buffer_format(out, "%s: %lld rows (%s", f->path, (long long)n, one_file ? "lines " : "");
    for (int64_t i = 0; i < f->n && shown < LINES_SHOWN; i++) {
        if (!(f->problems[i] >> problem & 1)) continue;
        buffer_format(out, "%s%s%s%lld", shown++ ? ", " : "", one_file ? "" : f->place[i].path, one_file ? "" : ":", (long long)f->place[i].line);
    }
    buffer_add_string(out, n > shown ? ", …)" : ")");
}

void findings_describe(const Findings *f, Problem problem, Buffer *out)
{
    int64_t n = findings_count(f, problem), i = 0;
    if (!n) return;
    while (!(f->problems[i] >> problem & 1)) i++;
    if (n > 1) add_lines(f, problem, n, out);
    else buffer_format(out, "%s:%lld", f->place[i].path, (long long)f->place[i].line);
    buffer_format(out, ": %s", problem_kinds[problem].text);
}

void findings_tell(const Findings *f, Notices *notices)
{
    for (int p = 0; p < PROBLEMS; p++) {
        Buffer text = {0};
        findings_describe(f, (Problem)p, &text);
        if (text.len) notice(notices, "%s", text.data);
        buffer_free(&text);
    }
}
