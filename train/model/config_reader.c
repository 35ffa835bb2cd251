#include "train/model/config_reader.h"

#include <math.h>

Status reader_bad(const ConfigReader *r, const char *key, const char *expected)
{
    const Json *value = json_get(r->object, key);
    Buffer found = {0}, name = {0};
    bool said = value && !(r->object == r->keys->values && json_kind(value) == JSON_NULL);      /* there, a key nobody said is null */
    if (said) json_print(&found, value, (JsonStyle){0});
    else buffer_add_string(&found, "nothing");
    if (*r->prefix) buffer_format(&name, "%s%s", r->prefix, key);
    else config_keys_spell(r->keys, key, &name);
    Status status = fail(STATUS_INPUT, "%s: %s: expected %s, found %.80s", r->keys->path, name.data, expected, found.data);
    buffer_free(&found);
    buffer_free(&name);
    return status;
}

bool reader_is_null(const ConfigReader *r, const char *key) { return json_kind(json_get(r->object, key)) == JSON_NULL; }
bool reader_has(const ConfigReader *r, const char *key) { return json_get(r->object, key) != NULL; }

Status reader_count(const ConfigReader *r, const char *key, int64_t most, int64_t fallback, int64_t *out)
{
    const Json *value = json_get(r->object, key);
    *out = fallback;
    if (reader_is_null(r, key) && fallback) return STATUS_OK;
    *out = json_integer(value);
    if (json_kind(value) != JSON_INTEGER || *out < 1 || *out > most) return reader_bad(r, key, "a whole number above 0 and of a size that can be");
    return STATUS_OK;
}

Status reader_real(const ConfigReader *r, const char *key, double least, double fallback, double *out)
{
    const Json *value = json_get(r->object, key);
    *out = fallback;
    if (reader_is_null(r, key) && isfinite(fallback)) return STATUS_OK;
    *out = json_number(value);
    if (!json_is_number(value) || !isfinite(*out) || *out < least) return reader_bad(r, key, least > 0 ? "a number above 0" : "a number of at least 0");
    return STATUS_OK;
}

Status reader_flag(const ConfigReader *r, const char *key, bool *out)
{
    *out = json_bool(json_get(r->object, key));
    if (!reader_is_null(r, key) && json_kind(json_get(r->object, key)) != JSON_BOOL) return reader_bad(r, key, "true or false");
    return STATUS_OK;
}

Status reader_same_count(const ConfigReader *r, const char *key, int64_t size, const char *expected)
{
    int64_t found;
    TRY(reader_count(r, key, INT32_MAX, size, &found));
    return found == size ? STATUS_OK : reader_bad(r, key, expected);
}
