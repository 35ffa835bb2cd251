#include "data/text/pre_tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/byte_level.h"
#include "data/text/matcher.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

typedef enum { REMOVED, ISOLATED, CONTIGUOUS, MERGED_WITH_PREVIOUS, MERGED_WITH_NEXT } Behavior;
typedef enum { PREPEND_ALWAYS, PREPEND_FIRST, PREPEND_NEVER } PrependScheme;

typedef struct {
    const char *type;
    Status    (*open)(PreTokenizer *, const Json *, const char *where);
    Status    (*apply)(const PreTokenizer *, Pipeline *);
} Row;

struct PreTokenizer {
    const Row    *row;
    Matcher       matcher;                      /* none: pieces are not cut */
    Behavior      behavior;
    bool          invert;                       /* matches and what lies between them change roles */
    bool          add_prefix_space;             /* ByteLevel */
    PrependScheme prepend;                      /* Metaspace: when to put `replacement` before a piece */
    char         *replacement;
    int64_t       length;                       /* FixedLength, in code points */
    PreTokenizer **child;                       /* Sequence, BertPreTokenizer */
    int           n_children, cap_children;
};

/* ---- Cutting ---- */

/* Joins neighbouring spans as `behavior` says; the spans that stay pieces have match = false afterwards. */
static void arrange(Spans *spans, Behavior behavior)
{
    size_t n = 0;
    bool before = false;
    for (size_t i = 0; i < spans->n; i++) {
        Span span = spans->span[i];
        bool join = behavior == CONTIGUOUS ? span.match == before : behavior == MERGED_WITH_PREVIOUS && span.match && !before;
        before = span.match;
        if (join && n) spans->span[n - 1].end = span.end;
        else spans->span[n++] = (Span){ span.begin, span.end, behavior == REMOVED && span.match };
    }
    spans->n = n;
}

/* The same from the end, for a match that joins what follows it. */
static void arrange_with_next(Spans *spans)
{
    size_t n = spans->n, first = spans->n;
    bool before = false;
    for (size_t i = n; i-- > 0;) {
        Span span = spans->span[i];
        bool join = span.match && !before;
        before = span.match;
        if (join && first < n) spans->span[first].begin = span.begin;
        else spans->span[--first] = (Span){ span.begin, span.end, false };
    }
    memmove(spans->span, spans->span + first, (n - first) * sizeof *spans->span);
    spans->n = n - first;
}

static Status cut(const PreTokenizer *p, Pipeline *pipeline)
{
    Spans spans = {0};
    Status status = STATUS_OK;
    for (size_t i = 0; i < pipeline->pieces.n; i++) {
        Piece piece = pipeline->pieces.piece[i];
        if (piece.token >= 0) {
            pipeline_push(pipeline, piece.begin, piece.end, piece.token);
            continue;
        }
        TRY_GOTO(done, status, matcher_find(&p->matcher, pipeline->text.bytes + piece.begin, piece.end - piece.begin, &spans));
        for (size_t k = 0; p->invert && k < spans.n; k++) spans.span[k].match = !spans.span[k].match;
        if (p->behavior == MERGED_WITH_NEXT) arrange_with_next(&spans);
        else arrange(&spans, p->behavior);
        for (size_t k = 0; k < spans.n; k++)
            if (!spans.span[k].match) pipeline_push(pipeline, piece.begin + spans.span[k].begin, piece.begin + spans.span[k].end, -1);
    }
    pipeline_take_pieces(pipeline);
done:
    free(spans.span);
    return status;
}

/* ---- Rewriting ---- */

/* What is put before a piece stands for the piece's first code point. */
static void write_before(Aligned *out, const char *what, const Aligned *text, Piece piece)
{
    aligned_add(out, what, strlen(what), text->begin[piece.begin], text->end[piece.begin]);
}

static Status write_prefix_space(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    if (text->bytes[piece.begin] != ' ') write_before(out, " ", text, piece);
    aligned_add_range(out, text, piece.begin, piece.end);
    return STATUS_OK;
}

static Status write_bytes(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    byte_level_add(out, text, piece.begin, piece.end);
    return STATUS_OK;
}

static Status write_metaspace(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    const PreTokenizer *p = self;
    const char *first = text->bytes + piece.begin;
    size_t length = strlen(p->replacement);
    bool starts = *first == ' ' || (piece.end - piece.begin >= length && !memcmp(first, p->replacement, length));
    bool wanted = p->prepend == PREPEND_ALWAYS || (p->prepend == PREPEND_FIRST && text->begin[piece.begin] == 0);
    if (wanted && !starts) write_before(out, p->replacement, text, piece);
    for (size_t i = piece.begin; i < piece.end; i++) {
        if (text->bytes[i] == ' ') aligned_add(out, p->replacement, length, text->begin[i], text->end[i]);
        else aligned_add_range(out, text, i, i + 1);
    }
    return STATUS_OK;
}

/* ---- The kinds ---- */

static Status read_behavior(Behavior *behavior, const Json *spec, Behavior missing, const char *where)
{
    static const char *const names[] = { "Removed", "Isolated", "Contiguous", "MergedWithPrevious", "MergedWithNext" };
    const char *name = json_string(json_get(spec, "behavior"));
    *behavior = missing;
    if (!name) return STATUS_OK;
    for (int i = 0; i < 5; i++) {
        if (strcmp(names[i], name)) continue;
        *behavior = (Behavior)i;
        return STATUS_OK;
    }
    return fail(STATUS_INPUT, "%s: \"behavior\" is \"%s\", expected Removed, Isolated, Contiguous, MergedWithPrevious or MergedWithNext", where, name);
}

static bool bool_or(const Json *spec, const char *key, bool missing)
{
    const Json *value = json_get(spec, key);
    return json_kind(value) == JSON_BOOL ? json_bool(value) : missing;
}

static Status open_split(PreTokenizer *p, const Json *spec, const char *where)
{
    p->invert = json_bool(json_get(spec, "invert"));
    TRY(read_behavior(&p->behavior, spec, REMOVED, where));
    return matcher_open(&p->matcher, json_get(spec, "pattern"), where);
}

static Status open_byte_level(PreTokenizer *p, const Json *spec, const char *where)
{
    p->add_prefix_space = bool_or(spec, "add_prefix_space", true);
    p->behavior = ISOLATED;
    return bool_or(spec, "use_regex", true) ? matcher_open_regex(&p->matcher, scanner_gpt2, where) : STATUS_OK;
}

static Status apply_byte_level(const PreTokenizer *p, Pipeline *pipeline)
{
    if (p->add_prefix_space) TRY(pipeline_rewrite(pipeline, write_prefix_space, p));
    if (p->matcher.scanner) TRY(cut(p, pipeline));
    return pipeline_rewrite(pipeline, write_bytes, p);
}

static Status open_metaspace(PreTokenizer *p, const Json *spec, const char *where)
{
    const char *replacement = json_string(json_get(spec, "replacement")), *scheme = json_string(json_get(spec, "prepend_scheme"));
    p->replacement = memory_string(replacement ? replacement : "\xe2\x96\x81");
    size_t n = strlen(p->replacement);
    if (!n || utf8_length(p->replacement[0]) != n) return fail(STATUS_INPUT, "%s: \"replacement\" is \"%s\", expected one character", where, p->replacement);
    if (!scheme) scheme = bool_or(spec, "add_prefix_space", true) ? "always" : "never";
    if (strcmp(scheme, "always") && strcmp(scheme, "first") && strcmp(scheme, "never"))
        return fail(STATUS_INPUT, "%s: \"prepend_scheme\" is \"%s\", expected always, first or never", where, scheme);
    p->prepend = scheme[0] == 'a' ? PREPEND_ALWAYS : scheme[0] == 'f' ? PREPEND_FIRST : PREPEND_NEVER;
    p->behavior = MERGED_WITH_NEXT;
    if (bool_or(spec, "split", true)) p->matcher.literal = memory_string(p->replacement);
    return STATUS_OK;
}

static Status apply_metaspace(const PreTokenizer *p, Pipeline *pipeline)
{
    TRY(pipeline_rewrite(pipeline, write_metaspace, p));
    return p->matcher.literal ? cut(p, pipeline) : STATUS_OK;
}

static Status open_digits(PreTokenizer *p, const Json *spec, const char *where)
{
    (void)where;
    p->matcher.property = unicode_is_numeric;
    p->behavior = bool_or(spec, "individual_digits", false) ? ISOLATED : CONTIGUOUS;
    return STATUS_OK;
}

static Status open_punctuation(PreTokenizer *p, const Json *spec, const char *where)
{
    p->matcher.property = unicode_is_punctuation;
    return read_behavior(&p->behavior, spec, ISOLATED, where);
}

static Status open_white_space_split(PreTokenizer *p, const Json *spec, const char *where)
{
    (void)spec, (void)where;
    p->matcher.property = unicode_is_space;
    p->behavior = REMOVED;
    return STATUS_OK;
}

/* \w+|[^\w\s]+ with the reference's other engine, whose \w is unicode_is_word. */
static size_t words(const char *text, size_t n, size_t at)
{
    size_t length;
    uint32_t code = utf8_get(text + at, &length);
    bool space = unicode_is_space(code), word = unicode_is_word(code);
    for (at += length; at < n; at += length) {
        code = utf8_get(text + at, &length);
        if (unicode_is_space(code) != space || unicode_is_word(code) != word) break;
    }
    return at;
}

static Status open_white_space(PreTokenizer *p, const Json *spec, const char *where)
{
    (void)spec, (void)where;
    p->matcher.scanner = words;
    p->behavior = ISOLATED;
    return STATUS_OK;
}

static Status drop_blanks(const PreTokenizer *p, Pipeline *pipeline)
{
    TRY(cut(p, pipeline));
    for (size_t i = 0; i < pipeline->pieces.n; i++) {
        Piece piece = pipeline->pieces.piece[i];
        size_t length;
        bool blank = piece.token < 0 && unicode_is_space(utf8_get(pipeline->text.bytes + piece.begin, &length));
        if (!blank) pipeline_push(pipeline, piece.begin, piece.end, piece.token);
    }
    pipeline_take_pieces(pipeline);
    return STATUS_OK;
}

static Status open_sequence(PreTokenizer *p, const Json *spec, const char *where)
{
    const Json *list = json_get(spec, "pretokenizers");
    if (json_kind(list) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"pretokenizers\" is %s, expected a list", where, json_kind_name(list));
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        MEMORY_PUSH(p->child, p->n_children, p->cap_children) = NULL;
        TRY(pre_tokenizer_open(&p->child[p->n_children - 1], item, where));
    }
    return STATUS_OK;
}

static void add_step(PreTokenizer *p, const Row *row, PreTokenizer step)
{
    MEMORY_PUSH(p->child, p->n_children, p->cap_children) = memory_copy(&step, 1, sizeof step);
    p->child[p->n_children - 1]->row = row;
}

/* White space goes, punctuation stands alone. */
static Status open_bert(PreTokenizer *p, const Json *spec, const char *where)
{
    static const Row row = { "BertPreTokenizer", NULL, cut };
    (void)spec, (void)where;
    add_step(p, &row, (PreTokenizer){ .matcher.property = unicode_is_space, .behavior = REMOVED });
    add_step(p, &row, (PreTokenizer){ .matcher.property = unicode_is_punctuation, .behavior = ISOLATED });
    return STATUS_OK;
}

static Status open_delimiter(PreTokenizer *p, const Json *spec, const char *where)
{
    const char *delimiter = json_string(json_get(spec, "delimiter"));
    if (!delimiter || !delimiter[0] || utf8_length(delimiter[0]) != strlen(delimiter)) return fail(STATUS_INPUT, "%s: \"delimiter\" is not one character", where);
    p->matcher.literal = memory_string(delimiter);
    p->behavior = REMOVED;
    return STATUS_OK;
}

static Status open_fixed_length(PreTokenizer *p, const Json *spec, const char *where)
{
    p->length = json_integer(json_get(spec, "length"));
    if (json_kind(json_get(spec, "length")) != JSON_INTEGER || p->length < 1) return fail(STATUS_INPUT, "%s: \"length\" is not a count of at least 1", where);
    return STATUS_OK;
}

static size_t fixed_length(const PreTokenizer *p, const char *text, size_t n, size_t at)
{
    for (int64_t i = 0; i < p->length && at < n; i++) at += utf8_length(text[at]);
    return at;
}

/* One script, and what goes with every script behind it. */
static size_t one_script(const PreTokenizer *p, const char *text, size_t n, size_t at)
{
    (void)p;
    unsigned script = 0;
    for (size_t length; at < n; at += length) {
        unsigned next = unicode_script(utf8_get(text + at, &length));
        if (next && script && next != script) break;
        if (next) script = next;
    }
    return at;
}

/* Cuts every piece into runs, one after the other. */
typedef size_t EndOf(const PreTokenizer *, const char *text, size_t n, size_t at);
static void cut_runs(const PreTokenizer *p, Pipeline *pipeline, EndOf *end_of, size_t (*skip)(const char *text, size_t n))
{
    for (size_t i = 0; i < pipeline->pieces.n; i++) {
        Piece piece = pipeline->pieces.piece[i];
        const char *text = pipeline->text.bytes + piece.begin;
        size_t n = piece.end - piece.begin;
        if (piece.token >= 0) {
            pipeline_push(pipeline, piece.begin, piece.end, piece.token);
            continue;
        }
        for (size_t at = skip ? skip(text, n) : 0, end; at < n; at = end) {
            end = end_of(p, text, n, at);
            pipeline_push(pipeline, piece.begin + at, piece.begin + end, -1);
        }
    }
    pipeline_take_pieces(pipeline);
}

static Status apply_fixed_length(const PreTokenizer *p, Pipeline *pipeline)
{
    cut_runs(p, pipeline, fixed_length, NULL);
    return STATUS_OK;
}

/* The reference loses what stands before the first code point with a script. */
static size_t without_script(const char *text, size_t n)
{
    size_t at = 0;
    for (size_t length; at < n && !unicode_script(utf8_get(text + at, &length)); at += length) {}
    return at;
}

static Status open_scripts(PreTokenizer *p, const Json *spec, const char *where)
{
    (void)p, (void)spec, (void)where;
    return STATUS_OK;
}

static Status apply_scripts(const PreTokenizer *p, Pipeline *pipeline)
{
    cut_runs(p, pipeline, one_script, without_script);
    return STATUS_OK;
}

static Status apply_sequence(const PreTokenizer *p, Pipeline *pipeline)
{
    for (int i = 0; i < p->n_children; i++) TRY(pre_tokenizer_apply(p->child[i], pipeline));
    return STATUS_OK;
}

static const Row rows[] = {
    { "Sequence", open_sequence, apply_sequence },       { "Split", open_split, cut },
    { "ByteLevel", open_byte_level, apply_byte_level },  { "Metaspace", open_metaspace, apply_metaspace },
    { "Digits", open_digits, cut },                      { "Punctuation", open_punctuation, cut },
    { "Whitespace", open_white_space, drop_blanks },     { "WhitespaceSplit", open_white_space_split, cut },
    { "BertPreTokenizer", open_bert, apply_sequence },   { "CharDelimiterSplit", open_delimiter, cut },
    { "UnicodeScripts", open_scripts, apply_scripts },   { "FixedLength", open_fixed_length, apply_fixed_length },
};

Status pre_tokenizer_open(PreTokenizer **out, const Json *spec, const char *file)
{
    if (json_kind(spec) == JSON_NULL) return STATUS_OK;
    const char *type = json_string(json_get(spec, "type"));
    if (!type) return fail(STATUS_INPUT, "%s: \"pre_tokenizer\" has no \"type\"", file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].type, type)) continue;
        PreTokenizer *p = *out = memory_new(1, sizeof *p);
        p->row = &rows[i];
        char *where = memory_format("%s: pre_tokenizer %s", file, type);
        Status status = p->row->open(p, spec, strcmp(type, "Sequence") ? where : file);
        free(where);
        return status;
    }
    return fail(STATUS_INPUT, "%s: pre_tokenizer of type %s; graft does not know it", file, type);
}

void pre_tokenizer_close(PreTokenizer *p)
{
    if (!p) return;
    for (int i = 0; i < p->n_children; i++) pre_tokenizer_close(p->child[i]);
    free(p->child);
    free(p->replacement);
    matcher_close(&p->matcher);
    free(p);
}

Status pre_tokenizer_apply(const PreTokenizer *p, Pipeline *pipeline) { return p ? p->row->apply(p, pipeline) : STATUS_OK; }
