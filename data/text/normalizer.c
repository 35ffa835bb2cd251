#include "data/text/normalizer.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/byte_level.h"
#include "data/text/charsmap.h"
#include "data/text/normal_form.h"
#include "data/text/matcher.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

typedef struct {
    const char *type;
    Status    (*open)(Normalizer *, const Json *, const char *where);      /* NULL: the type says all */
    WriteFn    *write;                                                     /* NULL: its children do */
} Row;

struct Normalizer {
    const Row   *row;
    Matcher      matcher;                     /* Replace */
    char        *content;                     /* Replace, Prepend */
    bool         left, right;                 /* Strip */
    Charsmap     charsmap;                    /* Precompiled */
    Normalizer **child;                       /* Sequence, BertNormalizer */
    int          n_children, cap_children;
};

static Status write_nfc(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    normal_form_add(out, text, piece.begin, piece.end, NFC);
    return STATUS_OK;
}

static Status write_nfd(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    normal_form_add(out, text, piece.begin, piece.end, NFD);
    return STATUS_OK;
}

static Status write_nfkc(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    normal_form_add(out, text, piece.begin, piece.end, NFKC);
    return STATUS_OK;
}

static Status write_nfkd(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    normal_form_add(out, text, piece.begin, piece.end, NFKD);
    return STATUS_OK;
}

static Status write_lower(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    for (size_t at = piece.begin, length; at < piece.end; at += length) {
        uint32_t lower[2];
        int n = unicode_lower(utf8_get(text->bytes + at, &length), lower);
        for (int i = 0; i < n; i++) {
            char bytes[4];
            aligned_add(out, bytes, utf8_put(bytes, lower[i]), text->begin[at], text->end[at]);
        }
    }
    return STATUS_OK;
}

static Status write_stripped(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    const Normalizer *p = self;
    size_t begin = piece.begin, end = piece.end, length;
    while (p->left && begin < end && unicode_is_space(utf8_get(text->bytes + begin, &length))) begin += length;
    while (p->right && end > begin && unicode_is_space(utf8_before(text->bytes, end, &length))) end -= length;
    aligned_add_range(out, text, begin, end);
    return STATUS_OK;
}

/* The new content stands for the last code point of the match; of an empty match, for the one before. */
static Status write_replaced(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    const Normalizer *p = self;
    Spans spans = {0};
    Status status = matcher_find(&p->matcher, text->bytes + piece.begin, piece.end - piece.begin, &spans);
    for (size_t i = 0; status == STATUS_OK && i < spans.n; i++) {
        size_t begin = piece.begin + spans.span[i].begin, end = piece.begin + spans.span[i].end;
        if (!spans.span[i].match) aligned_add_range(out, text, begin, end);
        else if (end > piece.begin) aligned_add(out, p->content, strlen(p->content), text->begin[end - 1], text->end[end - 1]);
        else aligned_add(out, p->content, strlen(p->content), text->begin[begin], text->begin[begin]);
    }
    free(spans.span);
    return status;
}

static Status write_prepended(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    const Normalizer *p = self;
    aligned_add(out, p->content, strlen(p->content), text->begin[piece.begin], text->end[piece.begin]);
    aligned_add_range(out, text, piece.begin, piece.end);
    return STATUS_OK;
}

static Status write_bytes(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    byte_level_add(out, text, piece.begin, piece.end);
    return STATUS_OK;
}

static Status write_mapped(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    charsmap_add(&((const Normalizer *)self)->charsmap, out, text, piece.begin, piece.end);
    return STATUS_OK;
}

/* Code points become others, or nothing (NOTHING); those that stay keep their range. */
enum { NOTHING = -1 };
static Status write_each(Aligned *out, const Aligned *text, Piece piece, int32_t (*map)(uint32_t code))
{
    for (size_t at = piece.begin, length; at < piece.end; at += length) {
        int32_t code = map(utf8_get(text->bytes + at, &length));
        char bytes[4];
        if (code != NOTHING) aligned_add(out, bytes, utf8_put(bytes, (uint32_t)code), text->begin[at], text->end[at]);
    }
    return STATUS_OK;
}

static int32_t without_accent(uint32_t code) { return unicode_is_accent(code) ? NOTHING : (int32_t)code; }
static int32_t without_nonspacing(uint32_t code) { return unicode_is_nonspacing(code) ? NOTHING : (int32_t)code; }
static int32_t cleaned(uint32_t code) { return unicode_is_control(code) ? NOTHING : unicode_is_space(code) ? ' ' : (int32_t)code; }

/* SentencePiece's "nmt" rules without a charsmap. */
static int32_t nmt(uint32_t c)
{
    if ((c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F) return NOTHING;
    bool space = c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == 0x1680 || (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                 c == 0xFEFF || c == 0xFFFD;
    return space ? ' ' : (int32_t)c;
}

static Status write_without_accents(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    return write_each(out, text, piece, without_accent);
}

static Status write_without_nonspacing(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    return write_each(out, text, piece, without_nonspacing);
}

static Status write_cleaned(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    return write_each(out, text, piece, cleaned);
}

static Status write_nmt(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    return write_each(out, text, piece, nmt);
}

/* The ideographs that BERT knows, with the original's misprint (0x2B920 for 0x2B820). */
static bool is_ideograph(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
           (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

/* Blanks around ideographs; all three stand for the ideograph. */
static Status write_spaced(const void *self, Aligned *out, const Aligned *text, Piece piece)
{
    (void)self;
    for (size_t at = piece.begin, length; at < piece.end; at += length) {
        bool ideograph = is_ideograph(utf8_get(text->bytes + at, &length));
        if (ideograph) aligned_add(out, " ", 1, text->begin[at], text->end[at]);
        aligned_add_range(out, text, at, at + length);
        if (ideograph) aligned_add(out, " ", 1, text->begin[at], text->end[at]);
    }
    return STATUS_OK;
}

static Status open_replace(Normalizer *p, const Json *spec, const char *where)
{
    const char *content = json_string(json_get(spec, "content"));
    if (!content) return fail(STATUS_INPUT, "%s: \"content\" is %s, expected a string", where, json_kind_name(json_get(spec, "content")));
    p->content = memory_string(content);
    return matcher_open(&p->matcher, json_get(spec, "pattern"), where);
}

static Status open_prepend(Normalizer *p, const Json *spec, const char *where)
{
    const char *content = json_string(json_get(spec, "prepend"));
    if (!content) return fail(STATUS_INPUT, "%s: \"prepend\" is %s, expected a string", where, json_kind_name(json_get(spec, "prepend")));
    p->content = memory_string(content);
    return STATUS_OK;
}

static Status open_strip(Normalizer *p, const Json *spec, const char *where)
{
    (void)where;
    p->left = json_bool(json_get(spec, "strip_left"));
    p->right = json_bool(json_get(spec, "strip_right"));
    return STATUS_OK;
}

static Status open_sequence(Normalizer *p, const Json *spec, const char *where)
{
    const Json *list = json_get(spec, "normalizers");
    if (json_kind(list) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"normalizers\" is %s, expected a list", where, json_kind_name(list));
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        MEMORY_PUSH(p->child, p->n_children, p->cap_children) = NULL;
        TRY(normalizer_open(&p->child[p->n_children - 1], item, where));
    }
    return STATUS_OK;
}

static Status open_mapped(Normalizer *p, const Json *spec, const char *where)
{
    const char *text = json_string(json_get(spec, "precompiled_charsmap"));
    if (!text) return fail(STATUS_INPUT, "%s: \"precompiled_charsmap\" is %s, expected a string", where, json_kind_name(json_get(spec, "precompiled_charsmap")));
    return charsmap_open_base64(&p->charsmap, text, where);
}

static bool bool_or(const Json *spec, const char *key, bool missing)
{
    const Json *value = json_get(spec, key);
    return json_kind(value) == JSON_BOOL ? json_bool(value) : missing;
}

static void add_step(Normalizer *p, const Row *row)
{
    Normalizer *step = memory_new(1, sizeof *step);
    step->row = row;
    MEMORY_PUSH(p->child, p->n_children, p->cap_children) = step;
}

/* BERT's is a sequence; accents go by default when the case does. */
static Status open_bert(Normalizer *p, const Json *spec, const char *where)
{
    static const Row clean = { "clean_text", NULL, write_cleaned }, spaced = { "handle_chinese_chars", NULL, write_spaced }, nfd = { "NFD", NULL, write_nfd },
                     strip = { "strip_accents", NULL, write_without_nonspacing }, lower = { "lowercase", NULL, write_lower };
    (void)where;
    bool lowercase = bool_or(spec, "lowercase", true), strip_accents = bool_or(spec, "strip_accents", lowercase);
    if (bool_or(spec, "clean_text", true)) add_step(p, &clean);
    if (bool_or(spec, "handle_chinese_chars", true)) add_step(p, &spaced);
    if (strip_accents) add_step(p, &nfd), add_step(p, &strip);
    if (lowercase) add_step(p, &lower);
    return STATUS_OK;
}

static const Row rows[] = {
    { "Sequence", open_sequence, NULL },         { "NFC", NULL, write_nfc },           { "NFD", NULL, write_nfd },
    { "NFKC", NULL, write_nfkc },                { "NFKD", NULL, write_nfkd },         { "Lowercase", NULL, write_lower },
    { "Replace", open_replace, write_replaced }, { "Prepend", open_prepend, write_prepended },
    { "Strip", open_strip, write_stripped },     { "ByteLevel", NULL, write_bytes },
    { "Precompiled", open_mapped, write_mapped },
    { "Nmt", NULL, write_nmt },                  { "StripAccents", NULL, write_without_accents },
    { "BertNormalizer", open_bert, NULL },
};

Status normalizer_open(Normalizer **out, const Json *spec, const char *file)
{
    if (json_kind(spec) == JSON_NULL) return STATUS_OK;
    const char *type = json_string(json_get(spec, "type"));
    if (!type) return fail(STATUS_INPUT, "%s: \"normalizer\" has no \"type\"", file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].type, type)) continue;
        Normalizer *p = *out = memory_new(1, sizeof *p);
        p->row = &rows[i];
        if (!p->row->open) return STATUS_OK;
        char *where = memory_format("%s: normalizer %s", file, type);
        Status status = p->row->open(p, spec, p->row->write ? where : file);
        free(where);
        return status;
    }
    return fail(STATUS_INPUT, "%s: normalizer of type %s; graft does not know it", file, type);
}

void normalizer_close(Normalizer *p)
{
    if (!p) return;
    for (int i = 0; i < p->n_children; i++) normalizer_close(p->child[i]);
    free(p->child);
    free(p->content);
    matcher_close(&p->matcher);
    charsmap_close(&p->charsmap);
    free(p);
}

Status normalizer_apply(const Normalizer *p, Pipeline *pipeline)
{
    if (!p) return STATUS_OK;
    if (p->row->write) return pipeline_rewrite(pipeline, p->row->write, p);
    for (int i = 0; i < p->n_children; i++) TRY(normalizer_apply(p->child[i], pipeline));
    return STATUS_OK;
}
