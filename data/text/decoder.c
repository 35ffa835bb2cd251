#include "data/text/decoder.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/byte_level.h"
#include "data/text/matcher.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

typedef void ApplyFn(const Decoder *, const Strings *in, Strings *out);
typedef struct {
    const char *type;
    Status    (*open)(Decoder *, const Json *, const char *where);      /* NULL: the type says all */
    ApplyFn    *apply;                                                  /* NULL: a Sequence */
} Row;

struct Decoder {
    const Row *row;
    Matcher    matcher;                       /* Replace */
    char      *content;                       /* Replace, Strip; Metaspace: its replacement character; WordPiece: prefix; BPEDecoder: suffix; CTC: padding */
    char      *delimiter;                     /* CTC: between words */
    bool       cleanup;                       /* WordPiece, CTC */
    int64_t    start, stop;                   /* Strip: at most so many at either end */
    bool       drop_first;                    /* Metaspace: a blank was prepended */
    Decoder  **child;                         /* Sequence */
    int        n_children, cap_children;
};

void strings_add(Strings *strings, const char *bytes, size_t n)
{
    buffer_add(&strings->bytes, bytes, n);
    MEMORY_PUSH(strings->end, strings->n, strings->cap) = strings->bytes.len;
}

void strings_free(Strings *strings)
{
    buffer_free(&strings->bytes);
    free(strings->end);
    *strings = (Strings){0};
}

static const char *string_at(const Strings *strings, size_t i, size_t *n)
{
    size_t begin = i ? strings->end[i - 1] : 0;
    *n = strings->end[i] - begin;
    return *n ? strings->bytes.data + begin : "";
}

/* Adds to the string that is being written; `close_string` ends it. */
static void close_string(Strings *strings) { MEMORY_PUSH(strings->end, strings->n, strings->cap) = strings->bytes.len; }

static const char replacement_character[] = "\xef\xbf\xbd";

/* ---- The kinds ---- */

static void apply_byte_level(const Decoder *p, const Strings *in, Strings *out)
{
    (void)p;
    Buffer bytes = {0};
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = string_at(in, i, &n);
        if (!byte_level_decode(&bytes, s, n)) buffer_add(&bytes, s, n);
    }
    for (size_t at = 0, broken; at < bytes.len; at += broken) {
        size_t valid = utf8_valid(bytes.data + at, bytes.len - at, &broken);
        buffer_add(&out->bytes, bytes.data + at, valid);
        if (broken) buffer_add_string(&out->bytes, replacement_character);
        at += valid;
    }
    close_string(out);
    buffer_free(&bytes);
}

static void apply_metaspace(const Decoder *p, const Strings *in, Strings *out)
{
    size_t length = strlen(p->content);
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = string_at(in, i, &n);
        for (size_t at = 0, step; at < n; at += step) {
            step = utf8_length(s[at]);
            if (step != length || memcmp(s + at, p->content, length)) buffer_add(&out->bytes, s + at, step);
            else if (i || !p->drop_first) buffer_add_char(&out->bytes, ' ');
        }
        close_string(out);
    }
}

static void apply_replace(const Decoder *p, const Strings *in, Strings *out)
{
    Spans spans = {0};
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = string_at(in, i, &n);
        bool found = matcher_find(&p->matcher, s, n, &spans) == STATUS_OK;      /* a regex that gives up leaves the token as it is */
        for (size_t k = 0; found && k < spans.n; k++) {
            Span span = spans.span[k];
            if (span.match) buffer_add_string(&out->bytes, p->content);
            else buffer_add(&out->bytes, s + span.begin, span.end - span.begin);
        }
        if (!found) buffer_add(&out->bytes, s, n);
        close_string(out);
    }
    free(spans.span);
}

/* The byte of a token <0xHH>; -1: another token. */
static int byte_of(const char *s, size_t n)
{
    if (n != 6 || memcmp(s, "<0x", 3) || s[5] != '>') return -1;
    char digits[3] = { s[3], s[4], 0 }, *end;
    long byte = strtol(digits, &end, 16);
    return *end || !strchr("0123456789abcdefABCDEF+", digits[0]) ? -1 : (int)byte;
}

/* A run of bytes is text when all of it is UTF-8; otherwise every byte of it is broken. */
static void flush_bytes(Buffer *bytes, Strings *out)
{
    if (!bytes->len) return;
    size_t broken;
    if (utf8_valid(bytes->data, bytes->len, &broken) == bytes->len) strings_add(out, bytes->data, bytes->len);
    else for (size_t i = 0; i < bytes->len; i++) strings_add(out, replacement_character, 3);
    buffer_clear(bytes);
}

static void apply_byte_fallback(const Decoder *p, const Strings *in, Strings *out)
{
    (void)p;
    Buffer bytes = {0};
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = string_at(in, i, &n);
        int byte = byte_of(s, n);
        if (byte >= 0) {
            buffer_add_char(&bytes, (char)byte);
            continue;
        }
        flush_bytes(&bytes, out);
        strings_add(out, s, n);
    }
    flush_bytes(&bytes, out);
    buffer_free(&bytes);
}

static void apply_fuse(const Decoder *p, const Strings *in, Strings *out)
{
    (void)p;
    strings_add(out, in->bytes.data ? in->bytes.data : "", in->bytes.len);
}

static void apply_strip(const Decoder *p, const Strings *in, Strings *out)
{
    size_t length = strlen(p->content);
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = string_at(in, i, &n);
        for (int64_t k = 0; k < p->start && n >= length && !memcmp(s, p->content, length); k++) s += length, n -= length;
        for (int64_t k = 0; k < p->stop && n >= length && !memcmp(s + n - length, p->content, length); k++) n -= length;
        strings_add(out, s, n);
    }
}

/* text with every `what` replaced. */
static void replace_all(Buffer *text, const char *what, const char *with)
{
    if (!text->len || !strstr(text->data, what)) return;
    Buffer out = {0};
    const char *from = text->data;
    for (const char *at; (at = strstr(from, what)); from = at + strlen(what)) {
        buffer_add(&out, from, (size_t)(at - from));
        buffer_add_string(&out, with);
    }
    buffer_add_string(&out, from);
    buffer_free(text);
    *text = out;
}

/* The blanks that English typesetting does not have. */
static void clean_up(Buffer *text)
{
    static const char *const pairs[][2] = { { " .", "." }, { " ?", "?" }, { " !", "!" }, { " ,", "," }, { " ' ", "'" }, { " n't", "n't" }, { " 'm", "'m" },
                                            { " do not", " don't" }, { " 's", "'s" }, { " 've", "'ve" }, { " 're", "'re" } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) replace_all(text, pairs[i][0], pairs[i][1]);
}

static void apply_word_piece(const Decoder *p, const Strings *in, Strings *out)
{
    Buffer text = {0};
    size_t length = strlen(p->content);
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = string_at(in, i, &n);
        bool inside = i && n >= length && !memcmp(s, p->content, length);
        buffer_clear(&text);
        if (i && !inside) buffer_add_char(&text, ' ');
        buffer_add(&text, s + (inside ? length : 0), n - (inside ? length : 0));
        if (p->cleanup) clean_up(&text);
        strings_add(out, text.data, text.len);
    }
    buffer_free(&text);
}

/* The suffix ends words; after the last there is no blank. */
static void apply_bpe(const Decoder *p, const Strings *in, Strings *out)
{
    Buffer text = {0};
    for (size_t i = 0, n; i < in->n; i++) {
        const char *s = string_at(in, i, &n);
        buffer_clear(&text);
        buffer_add(&text, s, n);
        replace_all(&text, p->content, i + 1 < in->n ? " " : "");
        strings_add(out, text.data, text.len);
    }
    buffer_free(&text);
}

/* Speech: a token that is repeated counts once, padding is nothing. */
static void apply_ctc(const Decoder *p, const Strings *in, Strings *out)
{
    Buffer text = {0};
    for (size_t i = 0, n, n_before = 0; i < in->n; i++, n_before = n) {
        const char *s = string_at(in, i, &n);
        if (i && n == n_before && !memcmp(s, s - n, n)) continue;
        buffer_clear(&text);
        buffer_add(&text, s, n);
        replace_all(&text, p->content, "");
        if (p->cleanup) clean_up(&text);
        if (p->cleanup) replace_all(&text, p->delimiter, " ");
        if (text.len) strings_add(out, text.data, text.len);
    }
    buffer_free(&text);
}

static char *string_or(const Json *spec, const char *key, const char *missing)
{
    const char *value = json_string(json_get(spec, key));
    return memory_string(value ? value : missing);
}

static Status open_word_piece(Decoder *p, const Json *spec, const char *where)
{
    (void)where;
    p->content = string_or(spec, "prefix", "##");
    p->cleanup = json_kind(json_get(spec, "cleanup")) != JSON_BOOL || json_bool(json_get(spec, "cleanup"));
    return STATUS_OK;
}

static Status needs_text(const char *text, const char *key, const char *where)
{
    return text[0] ? STATUS_OK : fail(STATUS_INPUT, "%s: \"%s\" is empty", where, key);
}

static Status open_bpe(Decoder *p, const Json *spec, const char *where)
{
    p->content = string_or(spec, "suffix", "</w>");
    return needs_text(p->content, "suffix", where);
}

static Status open_ctc(Decoder *p, const Json *spec, const char *where)
{
    p->content = string_or(spec, "pad_token", "<pad>");
    p->delimiter = string_or(spec, "word_delimiter_token", "|");
    p->cleanup = json_kind(json_get(spec, "cleanup")) != JSON_BOOL || json_bool(json_get(spec, "cleanup"));
    TRY(needs_text(p->content, "pad_token", where));
    return needs_text(p->delimiter, "word_delimiter_token", where);
}

static Status read_character(Decoder *p, const Json *spec, const char *key, const char *where)
{
    const char *text = json_string(json_get(spec, key));
    if (!text || !text[0] || utf8_length(text[0]) != strlen(text)) return fail(STATUS_INPUT, "%s: \"%s\" is not one character", where, key);
    p->content = memory_string(text);
    return STATUS_OK;
}

static Status open_metaspace(Decoder *p, const Json *spec, const char *where)
{
    const char *scheme = json_string(json_get(spec, "prepend_scheme"));
    const Json *old = json_get(spec, "add_prefix_space");
    p->drop_first = scheme ? strcmp(scheme, "never") != 0 : json_kind(old) != JSON_BOOL || json_bool(old);
    return read_character(p, spec, "replacement", where);
}

static Status open_replace(Decoder *p, const Json *spec, const char *where)
{
    const char *content = json_string(json_get(spec, "content"));
    if (!content) return fail(STATUS_INPUT, "%s: \"content\" is %s, expected a string", where, json_kind_name(json_get(spec, "content")));
    p->content = memory_string(content);
    return matcher_open(&p->matcher, json_get(spec, "pattern"), where);
}

static Status open_strip(Decoder *p, const Json *spec, const char *where)
{
    p->start = json_integer(json_get(spec, "start"));
    p->stop = json_integer(json_get(spec, "stop"));
    return read_character(p, spec, "content", where);
}

static Status open_sequence(Decoder *p, const Json *spec, const char *where)
{
    const Json *list = json_get(spec, "decoders");
    if (json_kind(list) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"decoders\" is %s, expected a list", where, json_kind_name(list));
    for (const Json *item = json_first(list); item; item = json_next(item)) {
        MEMORY_PUSH(p->child, p->n_children, p->cap_children) = NULL;
        TRY(decoder_open(&p->child[p->n_children - 1], item, where));
    }
    return STATUS_OK;
}

static const Row rows[] = {
    { "Sequence", open_sequence, NULL },             { "ByteLevel", NULL, apply_byte_level }, { "Metaspace", open_metaspace, apply_metaspace },
    { "Replace", open_replace, apply_replace },      { "ByteFallback", NULL, apply_byte_fallback },
    { "Fuse", NULL, apply_fuse },                    { "Strip", open_strip, apply_strip },
    { "WordPiece", open_word_piece, apply_word_piece }, { "BPEDecoder", open_bpe, apply_bpe },
    { "CTC", open_ctc, apply_ctc },
};

Status decoder_open(Decoder **out, const Json *spec, const char *file)
{
    if (json_kind(spec) == JSON_NULL) return STATUS_OK;
    const char *type = json_string(json_get(spec, "type"));
    if (!type) return fail(STATUS_INPUT, "%s: \"decoder\" has no \"type\"", file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].type, type)) continue;
        Decoder *p = *out = memory_new(1, sizeof *p);
        p->row = &rows[i];
        if (!p->row->open) return STATUS_OK;
        char *where = memory_format("%s: decoder %s", file, type);
        Status status = p->row->open(p, spec, p->row->apply ? where : file);
        free(where);
        return status;
    }
    return fail(STATUS_INPUT, "%s: decoder of type %s; graft does not know it", file, type);
}

void decoder_close(Decoder *p)
{
    if (!p) return;
    for (int i = 0; i < p->n_children; i++) decoder_close(p->child[i]);
    free(p->child);
    free(p->content);
    free(p->delimiter);
    matcher_close(&p->matcher);
    free(p);
}

static void apply(const Decoder *p, Strings *tokens)
{
    for (int i = 0; i < p->n_children; i++) apply(p->child[i], tokens);
    if (!p->row->apply) return;
    Strings next = {0};
    p->row->apply(p, tokens, &next);
    strings_free(tokens);
    *tokens = next;
}

void decoder_apply(const Decoder *p, Strings *tokens, Buffer *out)
{
    if (p) apply(p, tokens);
    for (size_t i = 0, n; i < tokens->n; i++) {
        const char *s = string_at(tokens, i, &n);
        if (!p && i) buffer_add_char(out, ' ');
        buffer_add(out, s, n);
    }
}
