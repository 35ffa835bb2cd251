#include "data/file/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "data/file/mapped.h"
#include "kernels/memory.h"

/* A document may cost so much: a node NODE_COST, its text a unit per byte; an alias what its anchor cost. This ends both
 * nested aliases that grow exponentially and many copies of a long text. */
enum { MAX_COST = 4 << 20, NODE_COST = 200, MAX_DEPTH = 100, MAX_BYTES = 4 << 20, MAX_NUMBER_TEXT = 400 };

static const int64_t largest_integer = INT64_C(1) << 53;

#define DIGITS "0123456789"

typedef struct { char *name; const Json *json; int64_t cost; } Anchor;

typedef struct {
    const char   *name;
    yaml_parser_t parser;
    Anchor       *anchor;
    int           n_anchors, cap_anchors, depth;
    int64_t       cost;
    Json         *merged;         /* values of merge keys: kept to the end, an alias may still name them */
} Reader;

static Status refuse(const Reader *r, yaml_mark_t at, const char *why, const char *what)
{
    return fail(STATUS_INPUT, "%s: %s%s at line %zu, column %zu", r->name, why, what, at.line + 1, at.column + 1);
}

static Status next_event(Reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) return STATUS_OK;
    if (r->parser.error == YAML_READER_ERROR)
        return fail(STATUS_INPUT, "%s: not YAML: %s at byte %zu", r->name, r->parser.problem, r->parser.problem_offset);
    return refuse(r, r->parser.problem_mark, "not YAML: ", r->parser.problem ? r->parser.problem : "damaged");
}

static Status pay(Reader *r, yaml_mark_t at, int64_t cost)
{
    r->cost += cost;
    return r->cost <= MAX_COST ? STATUS_OK : refuse(r, at, "too large, with its aliases written out,", "");
}

/* Scalars. */
static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(text, *words)) return true;
    return false;
}

static const char *skip_sign(const char *s) { return s + (*s == '-' || *s == '+'); }

/* What follows `:59:59` in base 60; NULL when a place is no number below 60. */
static const char *skip_sixtieths(const char *s)
{
    while (*s == ':') {
        size_t n = strspn(++s, DIGITS);
        if (!n || n > 2 || (n == 2 && *s > '5')) return NULL;
        s += n;
    }
    return s;
}

static bool is_only(const char *s, const char *set) { return !s[strspn(s, set)]; }

/* [-+]? then 0b[01_]+, 0x[0-9a-fA-F_]+, 0[0-7_]*, or [1-9][0-9_]*(:[0-5]?[0-9])* */
static bool is_integer(const char *s)
{
    s = skip_sign(s);
    if (s[0] == '0' && s[1] == 'b') return s[2] && is_only(s + 2, "01_");
    if (s[0] == '0' && s[1] == 'x') return s[2] && is_only(s + 2, DIGITS "abcdefABCDEF_");
    if (s[0] == '0') return is_only(s, "01234567_");
    if (*s < '1' || *s > '9') return false;
    s = skip_sixtieths(s + strspn(s, DIGITS "_"));
    return s && !*s;
}

/* [-+]? then digits with a dot, an exponent or both, sixtieths with a dot, or .inf; or .nan */
static bool is_real(const char *s)
{
    static const char *const infinite[] = { ".inf", ".Inf", ".INF", NULL }, *const nans[] = { ".nan", ".NaN", ".NAN", NULL };
    if (is_one_of(s, nans)) return true;
    s = skip_sign(s);
    if (is_one_of(s, infinite)) return true;
    size_t whole = *s == '_' ? 0 : strspn(s, DIGITS "_");
    const char *minutes = s + whole, *point = whole ? skip_sixtieths(minutes) : minutes;
    if (!point || (point > minutes && *point != '.')) return false;
    s = point;
    if (*s == '.') {
        if (!whole && (s[1] < '0' || s[1] > '9')) return false;
        s += 1 + strspn(s + 1, DIGITS "_");
        if (!*s) return true;
    }
    if (!whole && s == point) return false;
    if ((*s != 'e' && *s != 'E') || point > minutes) return false;
    s = skip_sign(s + 1);
    return *s && is_only(s, DIGITS);
}

/* Digits in any base, or base 60 as 1:30, without underscores. */
static double digits_value(const char *text)
{
    double x = 0;
    if (text[0] == '0' && text[1] == 'b') return (double)strtoull(text + 2, NULL, 2);
    if (text[0] == '0' && text[1] == 'x') return (double)strtoull(text + 2, NULL, 16);
    if (text[0] == '0' && !strpbrk(text, ".eE:")) return (double)strtoull(text, NULL, 8);
    for (char *end = (char *)text; end; end = *end == ':' ? end + 1 : NULL) x = x * 60 + strtod(end, &end);
    return x;
}

static double number_value(const char *text)
{
    char digits[MAX_NUMBER_TEXT + 1], *p = digits;
    bool negative = *text == '-';
    for (text = skip_sign(text); *text; text++)
        if (*text != '_') *p++ = *text;
    *p = 0;
    double x = strpbrk(digits, "nN") ? strpbrk(digits, "fF") ? INFINITY : NAN : digits_value(digits);
    return negative ? -x : x;
}

static Json *plain_scalar(const char *text, size_t n)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const trues[] = { "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL };
    static const char *const falses[] = { "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF", NULL };
    if (is_one_of(text, nulls)) return json_new_null();
    if (is_one_of(text, trues)) return json_new_bool(true);
    if (is_one_of(text, falses)) return json_new_bool(false);
    if (n > MAX_NUMBER_TEXT || !strchr("+-.0123456789", *text)) return json_new_string(text);
    if (is_integer(text)) {
        double x = number_value(text);
        return fabs(x) <= (double)largest_integer ? json_new_integer((int64_t)x) : NULL;
    }
    if (is_real(text)) return json_new_real(number_value(text));
    return json_new_string(text);
}

/* What an explicit core tag makes of a plain scalar; NULL when it cannot be that. */
static Json *tagged_scalar(const char *tag, const char *text, size_t n)
{
    static const struct { const char *tag; JsonKind kind; } tags[] = {
        { YAML_NULL_TAG, JSON_NULL }, { YAML_BOOL_TAG, JSON_BOOL }, { YAML_INT_TAG, JSON_INTEGER }, { YAML_FLOAT_TAG, JSON_REAL },
    };
    if (!strcmp(tag, YAML_STR_TAG)) return json_new_string(text);
    Json *json = plain_scalar(text, n);
    if (!strcmp(tag, "!")) return json;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        if (strcmp(tag, tags[i].tag)) continue;
        if (json && json_kind(json) == tags[i].kind) return json;
        if (!json || tags[i].kind != JSON_REAL || json_kind(json) != JSON_INTEGER) break;
        Json *real = json_new_real(json_number(json));
        json_free(json);
        return real;
    }
    json_free(json);
    return NULL;
}

static Status scalar_text(const Reader *r, const yaml_event_t *event, const char **text)
{
    *text = (const char *)event->data.scalar.value;
    return strlen(*text) == event->data.scalar.length ? STATUS_OK : refuse(r, event->start_mark, "a NUL character", "");
}

static Status read_scalar(Reader *r, const yaml_event_t *event, Json **json)
{
    const char *text = NULL, *tag = (const char *)event->data.scalar.tag;
    size_t n = event->data.scalar.length;
    TRY(scalar_text(r, event, &text));
    TRY(pay(r, event->start_mark, NODE_COST + (int64_t)n));
    if (event->data.scalar.plain_implicit) *json = plain_scalar(text, n);
    else *json = tag ? tagged_scalar(tag, text, n) : json_new_string(text);
    if (*json) return STATUS_OK;
    if (tag) return refuse(r, event->start_mark, "a value that is not what its tag says: ", tag);
    return refuse(r, event->start_mark, "an integer beyond 2^53", "");
}

/* Anchors. */
static Status add_anchor(Reader *r, const yaml_event_t *event, const char *name, const Json *json, int64_t cost)
{
    for (int i = 0; i < r->n_anchors; i++)
        if (!strcmp(r->anchor[i].name, name)) return refuse(r, event->start_mark, "a second anchor ", name);
    MEMORY_PUSH(r->anchor, r->n_anchors, r->cap_anchors) = (Anchor){ memory_string(name), json, cost };
    return STATUS_OK;
}

static Status read_alias(Reader *r, const yaml_event_t *event, Json **json)
{
    const char *name = (const char *)event->data.alias.anchor;
    for (int i = 0; i < r->n_anchors; i++) {
        if (strcmp(r->anchor[i].name, name)) continue;
        TRY(pay(r, event->start_mark, r->anchor[i].cost));
        *json = json_copy(r->anchor[i].json);
        return STATUS_OK;
    }
    return refuse(r, event->start_mark, "an alias without an anchor before it: ", name);
}

/* Collections: they end by an event of their own, and own what was read so far. */
static Status read_node(Reader *r, const yaml_event_t *event, Json **json);

static Status read_items(Reader *r, Json *array)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        Json *item = NULL;
        TRY(next_event(r, &event));
        more = event.type != YAML_SEQUENCE_END_EVENT;
        Status status = more ? read_node(r, &event, &item) : STATUS_OK;
        yaml_event_delete(&event);
        TRY(status);
        if (more) json_push(array, item);
    }
    return STATUS_OK;
}

static Status read_value(Reader *r, Json **value)
{
    yaml_event_t event;
    TRY(next_event(r, &event));
    Status status = read_node(r, &event, value);
    yaml_event_delete(&event);
    return status;
}

static void merge_one(Json *object, const Json *from)
{
    for (const Json *member = json_first(from); member; member = json_next(member))
        if (!json_get(object, json_key(member))) json_set(object, json_key(member), json_copy(member));
}

/* Merged mappings give only the keys that are not there; of several, the first decides. */
static Status merge(Reader *r, yaml_mark_t at, Json *object, const Json *from)
{
    if (json_kind(from) == JSON_OBJECT) {
        merge_one(object, from);
        return STATUS_OK;
    }
    if (json_kind(from) != JSON_ARRAY) return refuse(r, at, "<< takes a mapping or a list of mappings, not ", json_kind_name(from));
    for (const Json *item = json_first(from); item; item = json_next(item)) {
        if (json_kind(item) != JSON_OBJECT) return refuse(r, at, "<< takes a mapping or a list of mappings, not a list with ", json_kind_name(item));
        merge_one(object, item);
    }
    return STATUS_OK;
}

static Status read_member(Reader *r, const yaml_event_t *event, Json *object, const Json **merged)
{
    const char *key = NULL;
    Json *value = NULL;
    if (event->type != YAML_SCALAR_EVENT) return refuse(r, event->start_mark, "a key that is not text", "");
    TRY(scalar_text(r, event, &key));
    TRY(pay(r, event->start_mark, NODE_COST + (int64_t)event->data.scalar.length));
    bool is_merge = event->data.scalar.plain_implicit && !strcmp(key, "<<");
    if (is_merge ? *merged != NULL : json_get(object, key) != NULL) return refuse(r, event->start_mark, "a second key ", key);
    TRY(read_value(r, &value));
    if (is_merge) json_push(r->merged, value), *merged = value;
    else json_set(object, key, value);
    return STATUS_OK;
}

static Status read_members(Reader *r, yaml_mark_t at, Json *object)
{
    const Json *merged = NULL;
    for (bool more = true; more;) {
        yaml_event_t event;
        TRY(next_event(r, &event));
        more = event.type != YAML_MAPPING_END_EVENT;
        Status status = more ? read_member(r, &event, object, &merged) : STATUS_OK;
        yaml_event_delete(&event);
        TRY(status);
    }
    return merged ? merge(r, at, object, merged) : STATUS_OK;
}

static Status read_collection(Reader *r, const yaml_event_t *event, Json **json)
{
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    if (tag && strcmp((const char *)tag, mapping ? YAML_MAP_TAG : YAML_SEQ_TAG)) return refuse(r, event->start_mark, "an unknown tag ", (const char *)tag);
    if (++r->depth > MAX_DEPTH) return refuse(r, event->start_mark, "nested too deeply", "");
    TRY(pay(r, event->start_mark, NODE_COST));
    *json = mapping ? json_new_object() : json_new_array();
    Status status = mapping ? read_members(r, event->start_mark, *json) : read_items(r, *json);
    r->depth--;
    if (status == STATUS_OK) return STATUS_OK;
    json_free(*json);
    *json = NULL;
    return status;
}

static Status read_node(Reader *r, const yaml_event_t *event, Json **json)
{
    int64_t before = r->cost;
    const yaml_char_t *anchor = NULL;
    if (event->type == YAML_ALIAS_EVENT) return read_alias(r, event, json);
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        TRY(read_scalar(r, event, json));
    } else {
        anchor = event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
        TRY(read_collection(r, event, json));
    }
    if (!anchor) return STATUS_OK;
    Status status = add_anchor(r, event, (const char *)anchor, *json, r->cost - before);
    if (status != STATUS_OK) {
        json_free(*json);
        *json = NULL;
    }
    return status;
}

static Status skip_event(Reader *r, yaml_event_type_t *type, yaml_mark_t *at)
{
    yaml_event_t event;
    TRY(next_event(r, &event));
    *type = event.type;
    *at = event.start_mark;
    yaml_event_delete(&event);
    return STATUS_OK;
}

static Status read_stream(Reader *r, Json **json)
{
    yaml_event_type_t type = YAML_NO_EVENT;
    yaml_mark_t at = {0};
    TRY(skip_event(r, &type, &at));          /* the stream's start */
    TRY(skip_event(r, &type, &at));
    if (type == YAML_STREAM_END_EVENT) {
        *json = json_new_null();
        return STATUS_OK;
    }
    TRY(read_value(r, json));
    Status status = skip_event(r, &type, &at);          /* the document's end */
    if (status == STATUS_OK) status = skip_event(r, &type, &at);
    if (status == STATUS_OK && type != YAML_STREAM_END_EVENT) status = refuse(r, at, "a second document", "");
    if (status == STATUS_OK) return STATUS_OK;
    json_free(*json);
    *json = NULL;
    return status;
}

Status yaml_parse(Json **json, const char *name, const char *bytes, size_t n)
{
    Reader r = { .name = name };
    if (n > MAX_BYTES) return fail(STATUS_INPUT, "%s: %zu bytes, expected at most %d", name, n, MAX_BYTES);
    CHECK(yaml_parser_initialize(&r.parser), "out of memory");
    r.merged = json_new_array();
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(n ? bytes : ""), n);
    Status status = read_stream(&r, json);
    for (int i = 0; i < r.n_anchors; i++) free(r.anchor[i].name);
    free(r.anchor);
    json_free(r.merged);
    yaml_parser_delete(&r.parser);
    return status;
}

Status yaml_read(Json **json, const char *path)
{
    Mapped file = {0};
    TRY(mapped_open(&file, path));
    Status status = yaml_parse(json, path, (const char *)file.bytes, file.n_bytes);
    mapped_close(&file);
    return status;
}
