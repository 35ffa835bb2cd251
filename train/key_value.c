#include "train/key_value.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kernels/memory.h"

enum { SHOWN_BYTES = 100 };                             /* of a value in a message */
static const char *const REGEX_CHARS = "*+?()[]{}|^$\\";   /* a module path has none of these */
static const double WHOLE = 9007199254740992.0;         /* 2^53 */

static bool is_list(const Key *key) { return key->type == KEY_WORDS || key->type == KEY_PATTERN || key->type == KEY_INTEGERS; }
static bool is_map(const Key *key) { return key->type == KEY_INTEGER_MAP || key->type == KEY_REAL_MAP; }
static bool is_object(const Key *key) { return key->type == KEY_OBJECT || is_map(key); }
static bool is_json(const Key *key) { return key->type == KEY_JSON || is_object(key); }
static bool is_integer(const Key *key) { return key->type == KEY_INTEGER || key->type == KEY_INTEGERS || key->type == KEY_INTEGER_MAP; }

/* Lists of words in one string */

/* Calls `word` n bytes long the next one of "a|b|c"; returns where the one after starts, NULL behind the last. */
static const char *next_word(const char *list, const char **word, size_t *n)
{
    if (!list || !*list) return NULL;
    *word = list;
    *n = strcspn(list, "|");
    return list + *n + (list[*n] == '|');
}

bool key_listed(const char *list, const char *word)
{
    const char *item;
    size_t n;
    while ((list = next_word(list, &item, &n)))
        if (n == strlen(word) && !memcmp(item, word, n)) return true;
    return false;
}

char *key_renamed(const char *same, const char *word)
{
    const char *item;
    size_t n, length = strlen(word);
    while ((same = next_word(same, &item, &n)))
        if (n > length && item[length] == '=' && !memcmp(item, word, length)) return memory_format("%.*s", (int)(n - length - 1), item + length + 1);
    return NULL;
}

static int name_index(const Key *key, const char *name)
{
    for (int i = 0; key->names[i]; i++)
        if (!strcmp(key->names[i], name)) return i;
    return -1;
}

/* Text to JSON */

static Json *boolean_from_text(const char *text)
{
    static const char *const yes = "true|yes|t|y|1|on", *const no = "false|no|f|n|0|off";
    char lower[8] = "";
    for (size_t i = 0; i < sizeof lower - 1 && text[i]; i++) lower[i] = (char)tolower((unsigned char)text[i]);
    if (strlen(text) < sizeof lower && key_listed(yes, lower)) return json_new_bool(true);
    if (strlen(text) < sizeof lower && key_listed(no, lower)) return json_new_bool(false);
    return json_new_string(text);
}

static Json *number_from_text(const char *text)
{
    char *end;
    double x = strtod(text, &end);
    if (!*text || *end || text[strspn(text, "0123456789+-.eE")]) return json_new_string(text);
    if (!text[strspn(text, "0123456789+-")] && fabs(x) < WHOLE) return json_new_integer((int64_t)x);
    return json_new_real(x);
}

static bool says_null(const Key *key, const char *text)
{
    if (key->type == KEY_ENUM && (name_index(key, text) >= 0 || key_listed(key->later, text))) return false;
    return !strcmp(text, "null") || (key->type != KEY_STRING && !strcasecmp(text, "none"));
}

/* true, null, 1e-3 or a word: for keys without a type of their own. */
static Json *loose_from_text(const char *text)
{
    if (!strcasecmp(text, "none") || !strcmp(text, "null")) return json_new_null();
    if (!strcasecmp(text, "true") || !strcasecmp(text, "false")) return json_new_bool(tolower((unsigned char)text[0]) == 't');
    return number_from_text(text);
}

static Json *json_from_text(const char *text)
{
    Json *json = NULL;
    return json_parse(&json, "", text, strlen(text)) == STATUS_OK ? json : NULL;
}

static void push_split(Json *array, const Key *key, const char *text)
{
    static const char *const separators = ", \t\r\n";
    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t n = strcspn(text, separators);
        char *word = memory_format("%.*s", (int)n, text);
        json_push(array, key->type == KEY_INTEGERS ? number_from_text(word) : json_new_string(word));
        free(word);
        text += n;
    }
}

static bool is_pattern(const char *text) { return strpbrk(text, REGEX_CHARS) || !strcasecmp(text, "all-linear"); }

static Json *list_from_text(const Key *key, const char *const *text, int n)
{
    if (n == 1 && text[0][strspn(text[0], " \t\r\n")] == '[') {
        Json *json = json_from_text(text[0]);
        if (json) return json;
    }
    if (n == 1 && key->type == KEY_PATTERN && is_pattern(text[0])) return json_new_string(text[0]);
    Json *array = json_new_array();
    for (int i = 0; i < n; i++) push_split(array, key, text[i]);
    return array;
}

static Json *from_one_text(const Key *key, const char *text)
{
    Json *json;
    switch (key->type) {
    case KEY_ANY: return loose_from_text(text);
    case KEY_BOOL:
    case KEY_MAYBE: return boolean_from_text(text);
    case KEY_INTEGER:
    case KEY_REAL:
    case KEY_NUMBER: return number_from_text(text);
    case KEY_JSON:
    case KEY_OBJECT:
    case KEY_INTEGER_MAP:
    case KEY_REAL_MAP: return (json = json_from_text(text)) ? json : json_new_string(text);
    default: return json_new_string(text);
    }
}

Json *key_from_text(const Key *key, const char *const *text, int n)
{
    if (n == 1 && key->nullable && says_null(key, text[0])) return json_new_null();
    if (is_list(key)) return list_from_text(key, text, n);
    if (n == 1) return from_one_text(key, text[0]);
    Json *array = json_new_array();
    for (int i = 0; i < n; i++) json_push(array, from_one_text(key, text[i]));
    return array;
}

/* Messages */

char *key_text(const Json *value)
{
    Buffer out = {0};
    json_print(&out, value, (JsonStyle){0});
    if (out.len <= SHOWN_BYTES) return buffer_take(&out);
    size_t n = SHOWN_BYTES;
    while (n && (out.data[n] & 0xC0) == 0x80) n--;       /* not inside a character */
    char *text = memory_format("%.*s...", (int)n, out.data);
    buffer_free(&out);
    return text;
}

static void describe_range(const Key *key, Buffer *out)
{
    if (key->min == 0 && key->max == 0) return;
    if (key->min > -INFINITY) buffer_format(out, " of %s %.15g", key->above ? "more than" : "at least", key->min);
    if (key->max < INFINITY) buffer_format(out, " %s %s %.15g", key->min > -INFINITY ? "and" : "of", key->below ? "less than" : "at most", key->max);
}

static void describe_names(const Key *key, Buffer *out)
{
    for (int i = 0; key->names[i]; i++)
        buffer_format(out, "%s%s", i == 0 ? "" : key->names[i + 1] ? ", " : " or ", key->names[i]);
}

void key_describe(const Key *key, Buffer *out)
{
    static const char *const what[] = {
        [KEY_ANY] = "a value", [KEY_BOOL] = "true or false", [KEY_MAYBE] = "true or false", [KEY_INTEGER] = "an integer", [KEY_REAL] = "a number",
        [KEY_NUMBER] = "a number", [KEY_STRING] = "a string", [KEY_ENUM] = "", [KEY_WORDS] = "a list of names",
        [KEY_PATTERN] = "a list of names or a regular expression", [KEY_INTEGERS] = "an integer or a list, each", [KEY_OBJECT] = "a JSON object",
        [KEY_INTEGER_MAP] = "a JSON object of integers, each", [KEY_REAL_MAP] = "a JSON object of numbers, each", [KEY_JSON] = "JSON",
    };
    buffer_add_string(out, what[key->type]);
    if (key->type == KEY_ENUM) describe_names(key, out);
    else describe_range(key, out);
    if (key->path_or_true) buffer_add_string(out, ", or true");
    if (key->nullable && key->type != KEY_ENUM) buffer_add_string(out, ", or null");
}

static Status unfit(const Key *key, const char *where, const Json *value)
{
    Buffer expected = {0};
    key_describe(key, &expected);
    char *found = key_text(value);
    Status status = fail(STATUS_INPUT, "%s: found %s, expected %s", where, found, expected.data);
    free(found);
    buffer_free(&expected);
    return status;
}

/* Checking. Each function returns the checked form, or NULL when the value does not fit. */

static bool in_range(const Key *key, double x)
{
    if (key->min == 0 && key->max == 0) return true;
    return (key->above ? x > key->min : x >= key->min) && (key->below ? x < key->max : x <= key->max);
}

static Json *checked_number(const Key *key, const Json *value)
{
    double x = json_number(value);
    if (!json_is_number(value) || !isfinite(x) || !in_range(key, x)) return NULL;
    bool whole = x == floor(x) && fabs(x) < WHOLE;
    if (is_integer(key) && !whole) return NULL;
    bool integer = is_integer(key) || (key->type == KEY_NUMBER && whole);
    return integer ? json_new_integer((int64_t)x) : json_new_real(x);
}

static Json *checked_string(const Key *key, const Json *value)
{
    if (key->path_or_true && json_kind(value) == JSON_BOOL) return json_bool(value) ? json_new_string("true") : json_new_null();
    return json_string(value) ? json_copy(value) : NULL;
}

/* A bool stands for an enum's "true" or "false"; false also for "no", which YAML reads as a bool. */
static const char *enum_word(const Key *key, const Json *value)
{
    if (json_kind(value) == JSON_ARRAY && json_count(value) == 1) value = json_first(value);
    if (json_kind(value) != JSON_BOOL) return json_string(value);
    const char *word = json_bool(value) ? "true" : "false";
    return name_index(key, word) >= 0 || json_bool(value) ? word : "no";
}

static Json *checked_enum(const Key *key, const Json *value)
{
    const char *word = enum_word(key, value);
    if (!word) return NULL;
    char *renamed = key_renamed(key->same, word);
    Json *checked = name_index(key, renamed ? renamed : word) >= 0 ? json_new_string(renamed ? renamed : word) : NULL;
    free(renamed);
    return checked;
}

static Json *checked_item(const Key *key, const Json *item)
{
    if (key->type == KEY_INTEGERS) return checked_number(key, item);
    const char *word = json_string(item);
    return word && *word ? json_copy(item) : NULL;
}

static Json *checked_list(const Key *key, const Json *value)
{
    if (json_kind(value) != JSON_ARRAY) {
        Json *one = json_new_array();
        json_push(one, json_copy(value));
        Json *checked = checked_list(key, one);
        json_free(one);
        return checked;
    }
    if (key->type == KEY_PATTERN && json_count(value) == 1 && json_string(json_first(value)) && is_pattern(json_string(json_first(value))))
        return json_copy(json_first(value));
    Json *list = json_new_array();
    for (const Json *item = json_first(value); item; item = json_next(item)) {
        Json *checked = checked_item(key, item);
        if (!checked) {
            json_free(list);
            return NULL;
        }
        json_push(list, checked);
    }
    if (json_count(list)) return list;
    json_free(list);                        /* an empty list would read as null */
    return NULL;
}

static Json *checked_object(const Key *key, const Json *value)
{
    if (json_kind(value) != JSON_OBJECT) return NULL;
    if (!is_map(key)) return json_copy(value);
    Json *map = json_new_object();
    for (const Json *item = json_first(value); item; item = json_next(item)) {
        Json *checked = checked_number(key, item);
        if (!checked) {
            json_free(map);
            return NULL;
        }
        json_set(map, json_key(item), checked);
    }
    return map;
}

static Json *checked_value(const Key *key, const Json *value)
{
    switch (key->type) {
    case KEY_BOOL:
    case KEY_MAYBE:    return json_kind(value) == JSON_BOOL ? json_copy(value) : NULL;
    case KEY_INTEGER:
    case KEY_REAL:
    case KEY_NUMBER:   return checked_number(key, value);
    case KEY_STRING:   return checked_string(key, value);
    case KEY_ENUM:     return checked_enum(key, value);
    case KEY_WORDS:
    case KEY_PATTERN:
    case KEY_INTEGERS: return checked_list(key, value);
    case KEY_OBJECT:
    case KEY_INTEGER_MAP:
    case KEY_REAL_MAP: return checked_object(key, value);
    default:           return json_copy(value);
    }
}

static Status refuse_later(const Key *key, const char *where, const Json *value)
{
    const char *word = key->type == KEY_ENUM ? enum_word(key, value) : NULL;
    if (!word || !key_listed(key->later, word)) return STATUS_OK;
    Buffer expected = {0};
    key_describe(key, &expected);
    Status status = fail(STATUS_INPUT, "%s: graft does not support %s: %s. Expected %s", where, word, key->why, expected.data);
    buffer_free(&expected);
    return status;
}

Status key_check(const Key *key, const char *where, Json **value)
{
    if (json_string(*value) && key->type != KEY_STRING && key->type != KEY_ENUM && key->type != KEY_ANY) {
        const char *text = json_string(*value);
        Json *read = key_from_text(key, &text, 1);
        json_free(*value);
        *value = read;
    }
    if (json_kind(*value) == JSON_NULL && key->nullable) return STATUS_OK;
    TRY(refuse_later(key, where, *value));
    Json *checked = checked_value(key, *value);
    if (!checked) return unfit(key, where, *value);
    json_free(*value);
    *value = checked;
    return STATUS_OK;
}

Json *key_fallback(const Key *key)
{
    Json *value = NULL;
    CHECK(json_parse(&value, key->name, key->fallback, strlen(key->fallback)) == STATUS_OK, "default of %s", key->name);
    CHECK(key_check(key, key->name, &value) == STATUS_OK, "%s", status_message());
    return value;
}

/* To the field and back */

static Words words_from(const Json *value)
{
    Words words = { .pattern = json_string(value) != NULL };
    words.n = words.pattern ? 1 : (int)json_count(value);
    words.item = words.n ? memory_new((size_t)words.n, sizeof *words.item) : NULL;
    if (words.pattern) words.item[0] = memory_string(json_string(value));
    int i = 0;
    for (const Json *item = words.pattern ? NULL : json_first(value); item; item = json_next(item)) words.item[i++] = memory_string(json_string(item));
    return words;
}

static Integers integers_from(const Json *value)
{
    Integers integers = { .n = (int)json_count(value) };
    integers.item = integers.n ? memory_new((size_t)integers.n, sizeof *integers.item) : NULL;
    int i = 0;
    for (const Json *item = json_first(value); item; item = json_next(item)) integers.item[i++] = json_integer(item);
    return integers;
}

void key_store(const Key *key, void *target, const Json *value)
{
    void *field = (char *)target + key->offset;
    bool null = json_kind(value) == JSON_NULL;
    switch (key->type) {
    case KEY_BOOL:     *(bool *)field = null ? key->null != 0 : json_bool(value); break;
    case KEY_MAYBE:    *(Maybe *)field = null ? MAYBE_UNSET : json_bool(value) ? MAYBE_YES : MAYBE_NO; break;
    case KEY_INTEGER:  *(int64_t *)field = null ? (int64_t)key->null : json_integer(value); break;
    case KEY_REAL:
    case KEY_NUMBER:   *(double *)field = null ? key->null : json_number(value); break;
    case KEY_STRING:   *(char **)field = memory_string(json_string(value)); break;
    case KEY_ENUM:     *(int *)field = null ? (int)key->null : name_index(key, json_string(value)); break;
    case KEY_WORDS:
    case KEY_PATTERN:  *(Words *)field = words_from(value); break;
    case KEY_INTEGERS: *(Integers *)field = integers_from(value); break;
    case KEY_JSON:
    case KEY_OBJECT:
    case KEY_INTEGER_MAP:
    case KEY_REAL_MAP: *(Json **)field = null ? NULL : json_copy(value); break;
    case KEY_ANY:      break;
    }
}

static Json *number_load(const Key *key, double x)
{
    if (key->nullable && (x == key->null || (isnan(x) && isnan(key->null)))) return json_new_null();
    if (key->type == KEY_REAL || x != floor(x) || fabs(x) >= WHOLE) return json_new_real(x);
    return json_new_integer((int64_t)x);
}

static Json *words_load(const Words *words)
{
    if (words->pattern) return json_new_string(words->item[0]);
    if (!words->n) return json_new_null();
    Json *list = json_new_array();
    for (int i = 0; i < words->n; i++) json_push(list, json_new_string(words->item[i]));
    return list;
}

static Json *integers_load(const Integers *integers)
{
    if (!integers->n) return json_new_null();
    Json *list = json_new_array();
    for (int i = 0; i < integers->n; i++) json_push(list, json_new_integer(integers->item[i]));
    return list;
}

static Json *enum_load(const Key *key, int i)
{
    return key->nullable && i == (int)key->null ? json_new_null() : json_new_string(key->names[i]);
}

Json *key_load(const Key *key, const void *target)
{
    const void *field = (const char *)target + key->offset;
    Maybe maybe;
    switch (key->type) {
    case KEY_BOOL:     return json_new_bool(*(const bool *)field);
    case KEY_MAYBE:    return (maybe = *(const Maybe *)field) == MAYBE_UNSET ? json_new_null() : json_new_bool(maybe == MAYBE_YES);
    case KEY_INTEGER:  return number_load(key, (double)*(const int64_t *)field);
    case KEY_REAL:
    case KEY_NUMBER:   return number_load(key, *(const double *)field);
    case KEY_STRING:   return json_new_string(*(char *const *)field);
    case KEY_ENUM:     return enum_load(key, *(const int *)field);
    case KEY_WORDS:
    case KEY_PATTERN:  return words_load(field);
    case KEY_INTEGERS: return integers_load(field);
    default:           return *(Json *const *)field ? json_copy(*(Json *const *)field) : json_new_null();
    }
}

static void words_free(Words *words)
{
    for (int i = 0; i < words->n; i++) free(words->item[i]);
    free(words->item);
    *words = (Words){0};
}

void key_free(const Key *key, void *target)
{
    void *field = (char *)target + key->offset;
    if (key->type == KEY_STRING) {
        free(*(char **)field);
        *(char **)field = NULL;
    } else if (key->type == KEY_WORDS || key->type == KEY_PATTERN) {
        words_free(field);
    } else if (key->type == KEY_INTEGERS) {
        free(((Integers *)field)->item);
        *(Integers *)field = (Integers){0};
    } else if (is_json(key)) {
        json_free(*(Json **)field);
        *(Json **)field = NULL;
    }
}
