#include "data/text/post_processor.h"

#include <stdlib.h>
#include <string.h>

#include "data/text/byte_level.h"
#include "data/text/unicode.h"
#include "data/text/utf8.h"
#include "data/text/vocabulary.h"
#include "kernels/memory.h"

static Status add_id(PostProcessor *p, bool after, const Json *id, const char *where)
{
    int64_t value = json_integer(id);
    if (json_kind(id) != JSON_INTEGER || value < 0 || value > VOCABULARY_MAX_ID)
        return fail(STATUS_INPUT, "%s: the id of a special token is not an integer from 0 to %d", where, VOCABULARY_MAX_ID);
    if (after) MEMORY_PUSH(p->after, p->n_after, p->cap_after) = (int32_t)value;
    else MEMORY_PUSH(p->before, p->n_before, p->cap_before) = (int32_t)value;
    return STATUS_OK;
}

/* "single" is a list of pieces: special tokens around one Sequence. */
static Status read_template(PostProcessor *p, const Json *spec, const char *where)
{
    const Json *single = json_get(spec, "single");
    if (json_kind(single) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"single\" is %s, expected a list", where, json_kind_name(single));
    if (p->n_before || p->n_after) return fail(STATUS_INPUT, "%s: two post-processors add special tokens; graft knows one", where);
    int sequences = 0;
    for (const Json *piece = json_first(single); piece; piece = json_next(piece)) {
        sequences += json_get(piece, "Sequence") != NULL;
        const char *name = json_string(json_get(json_get(piece, "SpecialToken"), "id"));
        if (!name) continue;
        const Json *ids = json_get(json_get(json_get(spec, "special_tokens"), name), "ids");
        if (json_kind(ids) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"special_tokens\" has no ids for \"%s\"", where, name);
        for (const Json *id = json_first(ids); id; id = json_next(id)) TRY(add_id(p, sequences > 0, id, where));
    }
    if (sequences != 1) return fail(STATUS_INPUT, "%s: \"single\" has %d sequences, expected 1", where, sequences);
    return STATUS_OK;
}

static bool bool_or(const Json *spec, const char *key, bool missing)
{
    const Json *value = json_get(spec, key);
    return json_kind(value) == JSON_BOOL ? json_bool(value) : missing;
}

static Status read_byte_level(PostProcessor *p, const Json *spec, const char *where)
{
    (void)where;
    p->trim_offsets = bool_or(spec, "trim_offsets", true);
    p->add_prefix_space = bool_or(spec, "add_prefix_space", true);
    return STATUS_OK;
}

/* [CLS] text [SEP]: "cls" and "sep" are pairs (token, id). */
static Status read_bert(PostProcessor *p, const Json *spec, const char *where)
{
    TRY(add_id(p, false, json_at(json_get(spec, "cls"), 1), where));
    return add_id(p, true, json_at(json_get(spec, "sep"), 1), where);
}

static Status read_roberta(PostProcessor *p, const Json *spec, const char *where)
{
    TRY(read_byte_level(p, spec, where));
    return read_bert(p, spec, where);
}

static Status read_sequence(PostProcessor *p, const Json *spec, const char *where)
{
    const Json *list = json_get(spec, "processors");
    if (json_kind(list) != JSON_ARRAY) return fail(STATUS_INPUT, "%s: \"processors\" is %s, expected a list", where, json_kind_name(list));
    for (const Json *item = json_first(list); item; item = json_next(item)) TRY(post_processor_read(p, item, where));
    return STATUS_OK;
}

Status post_processor_read(PostProcessor *p, const Json *spec, const char *file)
{
    static const struct { const char *type; Status (*read)(PostProcessor *, const Json *, const char *); } rows[] = {
        { "TemplateProcessing", read_template }, { "ByteLevel", read_byte_level }, { "RobertaProcessing", read_roberta },
        { "BertProcessing", read_bert },         { "Sequence", read_sequence },
    };
    if (json_kind(spec) == JSON_NULL) return STATUS_OK;
    const char *type = json_string(json_get(spec, "type"));
    if (!type) return fail(STATUS_INPUT, "%s: \"post_processor\" has no \"type\"", file);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(rows[i].type, type)) continue;
        TRY(rows[i].read(p, spec, file), "post_processor %s", type);
        return STATUS_OK;
    }
    return fail(STATUS_INPUT, "%s: post_processor of type %s; graft does not know it", file, type);
}

void post_processor_free(PostProcessor *p)
{
    free(p->before);
    free(p->after);
    *p = (PostProcessor){0};
}

static bool is_blank(uint32_t code) { return code == byte_level_code(' ') || unicode_is_space(code); }

static void trim_front(const char *text, uint32_t *begin, uint32_t end, int blanks)
{
    while (blanks-- && *begin < end) *begin += (uint32_t)utf8_length(text[*begin]);
}

/* Nothing happens when there are not as many code points before the end. */
static void trim_back(const char *text, uint32_t begin, uint32_t *end, int blanks)
{
    uint32_t at = *end;
    size_t length;
    for (; blanks && at; blanks--, at -= (uint32_t)length) utf8_before(text, at, &length);
    if (!blanks) *end = at > begin ? at : begin;
}

void post_processor_trim(const PostProcessor *p, const char *text, const char *token, size_t n, bool first, uint32_t *begin, uint32_t *end)
{
    if (!p->trim_offsets) return;
    int leading = 0, trailing = 0;
    size_t length;
    for (size_t at = 0; at < n && is_blank(utf8_get(token + at, &length)); at += length) leading++;
    for (size_t at = n; at && is_blank(utf8_before(token, at, &length)); at -= length) trailing++;
    bool added = leading == 1 && p->add_prefix_space && (first || *begin == 0);
    if (!added) trim_front(text, begin, *end, leading);
    trim_back(text, *begin, end, trailing);
}
