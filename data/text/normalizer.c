#include "data/text/normalizer.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/byte_level.h"
#include "data/text/normal_form.h"
#include "data/text/matcher.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

typedef struct {
    const char *type;
    Status    (*open)(Normalizer *, const Json *, const char *where);      /* NULL: the type says all */
    WriteFn    *write;                                                     /* NULL: a Sequence */
} Row;

struct Normalizer {
    const Row   *row;
    Matcher      matcher;                     /* Replace */
    char        *content;                     /* Replace, Prepend */
    bool         left, right;                 /* Strip */
    Normalizer **child;                       /* Sequence */
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

static const Row rows[] = {
    { "Sequence", open_sequence, NULL },         { "NFC", NULL, write_nfc },           { "NFD", NULL, write_nfd },
    { "NFKC", NULL, write_nfkc },                { "NFKD", NULL, write_nfkd },         { "Lowercase", NULL, write_lower },
    { "Replace", open_replace, write_replaced }, { "Prepend", open_prepend, write_prepended },
    { "Strip", open_strip, write_stripped },     { "ByteLevel", NULL, write_bytes },
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
    free(p);
}

Status normalizer_apply(const Normalizer *p, Pipeline *pipeline)
{
    if (!p) return STATUS_OK;
    if (p->row->write) return pipeline_rewrite(pipeline, p->row->write, p);
    for (int i = 0; i < p->n_children; i++) TRY(normalizer_apply(p->child[i], pipeline));
    return STATUS_OK;
}
