#include "data/file/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/file/mapped.h"
#include "data/file/output.h"
#include "kernels/memory.h"

/* cJSON keeps every number as a double. Whether it was written as an integer is one more bit of its type word, which
 * cJSON masks out; a second look at the text sets it, meeting the numbers in the order of the tree. */
enum { WRITTEN_AS_INTEGER = 1 << 16 };

/* A double holds every integer up to here. Of one beyond that was built, `valuestring`, which numbers do not use and cJSON
 * copies and frees, has the digits. */
static const double exact_integers = 9007199254740992.0;

static cJSON *node(const Json *json) { return (cJSON *)json; }
static Json *wrap(cJSON *item) { return (Json *)item; }

static cJSON *made(cJSON *item)
{
    if (item) return item;
    fprintf(stderr, "graft: out of memory building JSON\n");
    exit(1);
}

/* Offset of the first byte that is not well-formed UTF-8 (no overlong forms, surrogates or values above U+10FFFF); n if none. */
static size_t utf8_valid(const uint8_t *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        uint8_t c = s[i];
        size_t more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : n;
        if (more >= n - i) return i;
        for (size_t k = 1; k <= more; k++)
            if ((s[i + k] & 0xC0) != 0x80) return i;
        if ((c == 0xE0 && s[i + 1] < 0xA0) || (c == 0xED && s[i + 1] > 0x9F) || (c == 0xF0 && s[i + 1] < 0x90) ||
            (c == 0xF4 && s[i + 1] > 0x8F))
            return i;
        i += more + 1;
    }
    return n;
}

static Status refuse(const char *name, const char *bytes, size_t at, const char *why)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < at; i++) {
        column = bytes[i] == '\n' ? 1 : column + 1;
        line += bytes[i] == '\n';
    }
    return fail(STATUS_INPUT, "%s: %s at line %d, column %d", name, why, line, column);
}

/* The node after `item` in the order in which values stand in the text; `depth` holds the way up. */
typedef struct { cJSON **up; int n, cap; } Walk;

static cJSON *walk_next(Walk *walk, cJSON *item)
{
    if (item->child) {
        MEMORY_PUSH(walk->up, walk->n, walk->cap) = item;
        return item->child;
    }
    while (!item->next) {
        if (!walk->n) return NULL;
        item = walk->up[--walk->n];
    }
    return item->next;
}

static size_t skip_string(const char *s, size_t i, size_t n)
{
    for (i++; i < n && s[i] != '"'; i++)
        if (s[i] == '\\') i++;
    return i + 1;
}

/* Python reads and writes NaN and Infinity, cJSON does not: they become numbers of the same length, in place. `0e0` is told
 * from a number that was written so by the text as it was given. */
static void replace_constants(char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        if (s[i] == '"') { i = skip_string(s, i, n); continue; }
        if (n - i >= 8 && !memcmp(s + i, "Infinity", 8)) memcpy(s + i, "1e999   ", 8);
        if (n - i >= 3 && !memcmp(s + i, "NaN", 3)) memcpy(s + i, "0e0", 3);
        i++;
    }
}

/* `s` is the text that cJSON read, `given` the text before replace_constants. */
static void mark_numbers(cJSON *root, const char *s, const char *given, size_t n)
{
    Walk walk = {0};
    cJSON *item = root;
    for (size_t i = 0; i < n && item;) {
        if (s[i] == '"') { i = skip_string(s, i, n); continue; }
        if (s[i] != '-' && (s[i] < '0' || s[i] > '9')) { i++; continue; }
        size_t end = i + strspn(s + i, "+-.0123456789eE");
        while (item && !cJSON_IsNumber(item)) item = walk_next(&walk, item);
        if (item) {
            bool integer = true;
            for (size_t k = i; k < end; k++) integer = integer && !strchr(".eE", s[k]);
            if (integer) item->type |= WRITTEN_AS_INTEGER;
            if (integer && fabs(item->valuedouble) >= exact_integers) item->valuestring = memory_format("%.*s", (int)(end - i), s + i);
            if (given[i] == 'N') item->valuedouble = NAN;
            item = walk_next(&walk, item);
        }
        i = end;
    }
    free(walk.up);
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Where a string holds \u0000, which would end it, or \u without four digits, which cJSON takes for zeros; n if nowhere. */
static size_t bad_escape(const char *s, size_t n)
{
    bool inside = false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"') inside = !inside;
        if (!inside || s[i] != '\\') continue;
        int code = 0, digits = 0;
        if (i + 1 < n && s[i + 1] == 'u')
            while (digits < 4 && i + 2 + (size_t)digits < n && hex(s[i + 2 + (size_t)digits]) >= 0) code = 16 * code + hex(s[i + 2 + (size_t)digits++]);
        if (i + 1 < n && s[i + 1] == 'u' && (digits < 4 || !code)) return i;
        i++;
    }
    return n;
}

Status json_parse(Json **json, const char *name, const char *bytes, size_t n)
{
    size_t valid = utf8_valid((const uint8_t *)bytes, n);
    if (valid < n) return refuse(name, bytes, valid, "invalid UTF-8");
    if (n && memchr(bytes, 0, n)) return refuse(name, bytes, (size_t)((char *)memchr(bytes, 0, n) - bytes), "a NUL byte");
    size_t escape = bad_escape(bytes, n);
    if (escape < n) return refuse(name, bytes, escape, "\\u0000 or \\u without four hexadecimal digits");
    char *text = memory_new(n + 1, 1);          /* cJSON and strspn want a terminator */
    if (n) memcpy(text, bytes, n);
    replace_constants(text, n);
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, n + 1, &end, false);
    size_t at = end ? (size_t)(end - text) : 0;
    if (at > n) at = n;
    Status status = STATUS_OK;
    if (!root) status = refuse(name, bytes, at, n ? "not JSON" : "not JSON (it is empty)");
    else if (at + strspn(text + at, " \t\r\n") < n)
        status = refuse(name, bytes, at + strspn(text + at, " \t\r\n"), "not JSON: something stands behind the value");
    if (status == STATUS_OK) {
        mark_numbers(root, text, bytes, n);
        *json = wrap(root);
    } else {
        cJSON_Delete(root);
    }
    free(text);
    return status;
}

Status json_read(Json **json, const char *path)
{
    Mapped file = {0};
    TRY(mapped_open(&file, path));
    Status status = json_parse(json, path, (const char *)file.bytes, file.n_bytes);
    mapped_close(&file);
    return status;
}

void json_free(Json *json) { cJSON_Delete(node(json)); }

JsonKind json_kind(const Json *json)
{
    const cJSON *item = node(json);
    if (!item) return JSON_NULL;
    switch (item->type & 0xFF) {
    case cJSON_False: case cJSON_True: return JSON_BOOL;
    case cJSON_Number: return item->type & WRITTEN_AS_INTEGER ? JSON_INTEGER : JSON_REAL;
    case cJSON_String: return JSON_STRING;
    case cJSON_Array: return JSON_ARRAY;
    case cJSON_Object: return JSON_OBJECT;
    default: return JSON_NULL;
    }
}

bool json_is_number(const Json *json) { return json_kind(json) == JSON_INTEGER || json_kind(json) == JSON_REAL; }

const char *json_kind_name(const Json *json)
{
    static const char *const names[] = { "null", "a boolean", "an integer", "a number", "a string", "a list", "an object" };
    return names[json_kind(json)];
}

const Json *json_get(const Json *object, const char *key)
{
    const cJSON *found = NULL;
    if (json_kind(object) == JSON_OBJECT)
        for (const cJSON *item = node(object)->child; item; item = item->next)
            if (!strcmp(item->string, key)) found = item;
    return (const Json *)found;
}

static const cJSON *children(const Json *json)
{
    return json_kind(json) == JSON_ARRAY || json_kind(json) == JSON_OBJECT ? node(json)->child : NULL;
}

const Json *json_at(const Json *array, int64_t i)
{
    const cJSON *item = children(array);
    while (item && i-- > 0) item = item->next;
    return i >= 0 && item ? NULL : (const Json *)item;
}

int64_t json_count(const Json *json)
{
    int64_t n = 0;
    for (const cJSON *item = children(json); item; item = item->next) n++;
    return n;
}

const Json *json_first(const Json *json) { return (const Json *)children(json); }
const Json *json_next(const Json *json) { return json ? (const Json *)node(json)->next : NULL; }
const char *json_key(const Json *member) { return member ? node(member)->string : NULL; }
const char *json_string(const Json *json) { return json_kind(json) == JSON_STRING ? node(json)->valuestring : NULL; }
double json_number(const Json *json) { return json_is_number(json) ? node(json)->valuedouble : 0; }

static const char *digits_of(const Json *json) { return node(json)->valuestring; }

int64_t json_integer(const Json *json)
{
    double x = json_number(json);
    if (json_kind(json) == JSON_INTEGER && digits_of(json)) return strtoll(digits_of(json), NULL, 10);      /* clamps */
    if (x >= 9223372036854775808.0) return INT64_MAX;
    if (x < -9223372036854775808.0) return INT64_MIN;
    return x == x ? (int64_t)x : 0;
}

bool json_fits_int64(const Json *json)
{
    errno = 0;
    if (json_kind(json) == JSON_INTEGER && digits_of(json)) strtoll(digits_of(json), NULL, 10);
    return !errno;
}

bool json_bool(const Json *json) { return json && (node(json)->type & 0xFF) == cJSON_True; }

Json *json_new_object(void) { return wrap(made(cJSON_CreateObject())); }
Json *json_new_array(void) { return wrap(made(cJSON_CreateArray())); }
Json *json_new_string(const char *text) { return text ? wrap(made(cJSON_CreateString(text))) : json_new_null(); }
Json *json_new_real(double x) { return wrap(made(cJSON_CreateNumber(x))); }
Json *json_new_bool(bool x) { return wrap(made(cJSON_CreateBool(x))); }
Json *json_new_null(void) { return wrap(made(cJSON_CreateNull())); }

static Json *new_integer(double x, const char *digits)
{
    cJSON *item = made(cJSON_CreateNumber(x));
    item->type |= WRITTEN_AS_INTEGER;
    if (fabs(x) >= exact_integers) item->valuestring = memory_string(digits);
    return wrap(item);
}

Json *json_new_integer(int64_t x)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)x);
    return new_integer((double)x, digits);
}

Json *json_new_unsigned(uint64_t x)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)x);
    return new_integer((double)x, digits);
}

/* A member's copy stands alone: it has no key. */
Json *json_copy(const Json *json)
{
    if (!json) return json_new_null();
    cJSON *copy = made(cJSON_Duplicate(node(json), true));
    cJSON_free(copy->string);
    copy->string = NULL;
    return wrap(copy);
}

void json_set(Json *object, const char *key, Json *value)
{
    const Json *old = json_get(object, key);
    if (!old) {
        cJSON_AddItemToObject(node(object), key, node(value));
        return;
    }
    cJSON_AddItemToObject(node(object), key, node(value));      /* gives it the key; then move it to the old place */
    cJSON_DetachItemViaPointer(node(object), node(value));
    cJSON_ReplaceItemViaPointer(node(object), node(old), node(value));
}

void json_append(Json *object, const char *key, Json *value) { cJSON_AddItemToObject(node(object), key, node(value)); }
void json_push(Json *array, Json *value) { cJSON_AddItemToArray(node(array), node(value)); }

/* The last digit of "d.ddde±xx" one up. */
static void round_up(char *digits)
{
    char *last = strchr(digits, 'e') - 1;
    for (; last > digits && (*last == '9' || *last == '.'); last--)
        if (*last == '9') *last = '0';
    if (*last >= '0' && *last < '9') ++*last;
}

/* Below a power of two doubles lie closer, so the nearest number of some digits may not read back while the next one up does. */
static bool reads_back(char digits[40], int precision, double x)
{
    snprintf(digits, 40, "%.*e", precision - 1, x);
    if (strtod(digits, NULL) == x) return true;
    round_up(digits);
    return strtod(digits, NULL) == x;
}

void json_format_real(char out[40], double x)
{
    if (isnan(x)) { strcpy(out, "NaN"); return; }
    if (isinf(x)) { strcpy(out, x > 0 ? "Infinity" : "-Infinity"); return; }
    char digits[40];
    int precision = 1;
    while (!reads_back(digits, precision, x) && precision < 17) precision++;
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent < -4 || exponent >= 16) {
        size_t mantissa = (size_t)(strchr(digits, 'e') - digits);
        snprintf(out, 40, "%.*se%c%02d", (int)mantissa, digits, exponent < 0 ? '-' : '+', abs(exponent));
    } else {
        int decimals = precision - 1 - exponent;
        snprintf(out, 40, "%.*f", decimals < 1 ? 1 : decimals, x);
    }
}

static void print_string(Buffer *out, const char *text, bool ascii)
{
    buffer_add_char(out, '"');
    for (const uint8_t *s = (const uint8_t *)text; *s; s++) {
        static const char named[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
        const char *known = strchr(named, *s);
        if (known) {
            buffer_add_char(out, '\\');
            buffer_add_char(out, letters[known - named]);
        } else if (*s < 0x20 || (*s == 0x7F && ascii)) {
            buffer_format(out, "\\u%04x", *s);
        } else if (*s < 0x80 || !ascii) {
            buffer_add_char(out, (char)*s);
        } else {
            int more = *s >= 0xF0 ? 3 : *s >= 0xE0 ? 2 : 1;
            unsigned code = *s & (0x3Fu >> more);
            for (int i = 0; i < more; i++) code = code << 6 | (*++s & 0x3Fu);
            if (code < 0x10000) buffer_format(out, "\\u%04x", code);
            else buffer_format(out, "\\u%04x\\u%04x", 0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
        }
    }
    buffer_add_char(out, '"');
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

static void new_line(Buffer *out, const JsonStyle *style, int depth)
{
    if (style->indent) buffer_format(out, "\n%*s", style->indent * depth, "");
}

static void print(Buffer *out, const Json *json, const JsonStyle *style, int depth);

static void print_children(Buffer *out, const Json *json, const JsonStyle *style, int depth)
{
    bool object = json_kind(json) == JSON_OBJECT;
    int64_t n = json_count(json), i = 0;
    cJSON **item = memory_new((size_t)n, sizeof *item);
    for (cJSON *child = node(json)->child; child; child = child->next) item[i++] = child;
    if (object && style->sort_keys) qsort(item, (size_t)n, sizeof *item, by_key);
    buffer_add_char(out, object ? '{' : '[');
    for (i = 0; i < n; i++) {
        if (i) buffer_add_string(out, style->item_separator);
        new_line(out, style, depth + 1);
        if (object) {
            print_string(out, item[i]->string, style->ascii);
            buffer_add_string(out, style->key_separator);
        }
        print(out, wrap(item[i]), style, depth + 1);
    }
    if (n) new_line(out, style, depth);
    buffer_add_char(out, object ? '}' : ']');
    free(item);
}

static void print(Buffer *out, const Json *json, const JsonStyle *style, int depth)
{
    char number[40];
    switch (json_kind(json)) {
    case JSON_NULL: buffer_add_string(out, "null"); break;
    case JSON_BOOL: buffer_add_string(out, json_bool(json) ? "true" : "false"); break;
    case JSON_INTEGER:
        if (digits_of(json)) buffer_add_string(out, digits_of(json));
        else buffer_format(out, "%lld", (long long)json_integer(json));
        break;
    case JSON_REAL: json_format_real(number, json_number(json)); buffer_add_string(out, number); break;
    case JSON_STRING: print_string(out, json_string(json), style->ascii); break;
    case JSON_ARRAY: case JSON_OBJECT: print_children(out, json, style, depth); break;
    }
}

void json_print(Buffer *out, const Json *json, JsonStyle style)
{
    if (!style.item_separator) style.item_separator = style.indent ? "," : ", ";
    if (!style.key_separator) style.key_separator = ": ";
    print(out, json, &style, 0);
    if (style.newline) buffer_add_char(out, '\n');
}

Status json_save(const Json *json, const char *dir, const char *name, JsonStyle style)
{
    Buffer text = {0};
    char *path = memory_format("%s/%s", dir, name);
    json_print(&text, json, style);
    Status status = output_save(path, text.data, text.len);
    free(path);
    buffer_free(&text);
    return status;
}

bool json_equal(const Json *a, const Json *b)
{
    Buffer x = {0}, y = {0};
    json_print(&x, a, (JsonStyle){0});
    json_print(&y, b, (JsonStyle){0});
    bool same = !strcmp(x.data, y.data);
    buffer_free(&x);
    buffer_free(&y);
    return same;
}
