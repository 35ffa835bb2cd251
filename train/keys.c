#include "train/keys.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/yaml.h"
#include "kernels/memory.h"
#include "train/key_value.h"

/* Values gathered from one place, the checked form of each beside its row. */
typedef struct {
    const Keys *keys;
    Json      **value;           /* [keys->n] NULL: not given */
    char      **where;           /* [keys->n] how the user wrote it, for messages */
    Notices    *notices;
} Layer;

static Layer layer_init(const Keys *keys, Notices *notices)
{
    return (Layer){ keys, memory_new((size_t)keys->n, sizeof(Json *)), memory_new((size_t)keys->n, sizeof(char *)), notices };
}

static void layer_free(Layer *layer)
{
    for (int i = 0; i < layer->keys->n; i++) {
        json_free(layer->value[i]);
        free(layer->where[i]);
    }
    free(layer->value);
    free(layer->where);
}

/* Finding a key, or the one that was meant */

static const Key *find(const Keys *keys, const char *name)
{
    for (int i = 0; i < keys->n; i++)
        if (!strcmp(keys->key[i].name, name)) return &keys->key[i];
    return NULL;
}

static int smallest(int a, int b, int c) { return a < b ? (a < c ? a : c) : (b < c ? b : c); }

/* Levenshtein's distance; both shorter than NAME_MAX_BYTES. */
enum { NAME_MAX_BYTES = 64 };

static int distance(const char *a, const char *b)
{
    int row[NAME_MAX_BYTES + 1], n = (int)strlen(b);
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 0; a[i]; i++) {
        int diagonal = row[0];
        row[0] = i + 1;
        for (int j = 1; j <= n; j++) {
            int above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

static const Key *nearest(const Keys *keys, const char *name)
{
    if (strlen(name) > NAME_MAX_BYTES) return NULL;
    const Key *best = NULL;
    int least = 2 + (int)strlen(name) / 5;
    for (int i = 0; i < keys->n; i++) {
        int d = distance(name, keys->key[i].name);
        if (d > least || (best && d == least)) continue;
        least = d;
        best = &keys->key[i];
    }
    return best;
}

static Status unknown(const Keys *keys, const char *prefix, const char *dashes, const char *name)
{
    const Key *meant = nearest(keys, name);
    if (meant) return fail(STATUS_INPUT, "%sunknown key %s%s; did you mean %s%s?", prefix, dashes, name, dashes, meant->name);
    return fail(STATUS_INPUT, "%sunknown key %s%s; `%s --help` lists the keys", prefix, dashes, name, keys->command);
}

/* Setting one key of a layer */

static const Key *target_of(const Keys *keys, const Key *key)
{
    if (key->status != KEY_ALIAS && key->status != KEY_OLD) return key;
    const Key *target = find(keys, key->to);
    CHECK(target, "%s renames a key that is not in the table", key->name);
    return target;
}

/* The row that says how a value is read. */
static const Key *reader_of(const Keys *keys, const Key *key) { return key->type == KEY_ANY ? target_of(keys, key) : key; }

static bool is_neutral(const Key *key, const Json *value)
{
    Buffer text = {0};
    json_print(&text, value, (JsonStyle){0});
    bool neutral = key->fallback && key_listed(key->fallback, text.data);
    buffer_free(&text);
    return neutral;
}

static Status without_effect(const Key *key, const char *where, const Json *value, Notices *notices)
{
    if (is_neutral(key, value)) return STATUS_OK;
    if (key->status == KEY_REFUSED) {
        char *found = key_text(value);
        Status status = fail(STATUS_INPUT, "%s: found %s, which graft does not support: %s", where, found, key->meaning);
        free(found);
        return status;
    }
    notice(notices, "%s has no effect: %s", where, key->meaning);
    return STATUS_OK;
}

/* An outdated key in its own form, then in the words of the key that took its place. */
static Status rename_old(const Key *old, const char *where, Json **value, Notices *notices)
{
    if (old->type != KEY_ANY) TRY(key_check(old, where, value));
    char *found = key_text(*value), *renamed = key_renamed(old->same, found);
    if (renamed) {
        json_free(*value);
        *value = json_new_string(renamed);
    }
    notice(notices, "%s is an old name; read as %s %s", where, old->to, renamed ? renamed : found);
    free(found);
    free(renamed);
    return STATUS_OK;
}

static Status twice(const char *where, const Json *value, const char *before, const Json *old)
{
    char *found = key_text(value), *first = key_text(old);
    Status status = fail(STATUS_INPUT, "%s: found %s, but %s is %s; they are one key: give one value", where, found, before, first);
    free(found);
    free(first);
    return status;
}

static bool equal(const Json *a, const Json *b)
{
    Buffer left = {0}, right = {0};
    json_print(&left, a, (JsonStyle){0});
    json_print(&right, b, (JsonStyle){0});
    bool same = !strcmp(left.data, right.data);
    buffer_free(&left);
    buffer_free(&right);
    return same;
}

/* Takes `value` in every case. */
static Status layer_set(Layer *layer, const Key *written, const char *where, Json *value)
{
    Status status = STATUS_OK;
    const Key *key = target_of(layer->keys, written);
    if (key->status == KEY_IGNORED || key->status == KEY_REFUSED) {
        TRY_GOTO(done, status, key_check(key, where, &value));
        status = without_effect(key, where, value, layer->notices);
        goto done;
    }
    if (written->status == KEY_OLD) TRY_GOTO(done, status, rename_old(written, where, &value, layer->notices));
    TRY_GOTO(done, status, key_check(key, where, &value));
    int i = (int)(key - layer->keys->key);
    if (!layer->value[i]) {
        layer->value[i] = value;
        layer->where[i] = memory_string(where);
        return STATUS_OK;
    }
    if (!equal(value, layer->value[i])) status = twice(where, value, layer->where[i], layer->value[i]);
done:
    json_free(value);
    return status;
}

/* Flags */

typedef struct { char *name; const char *text; } Flag;        /* text: behind "=", or NULL */

static Flag flag_split(const char *argument)
{
    const char *equals = strchr(argument, '=');
    Flag flag = { memory_format("%.*s", equals ? (int)(equals - argument) : (int)strlen(argument), argument), equals ? equals + 1 : NULL };
    for (char *c = flag.name; *c; c++)
        if (*c == '-') *c = '_';
    return flag;
}

static bool is_flag(const char *argument) { return !strncmp(argument, "--", 2); }

/* Whether the flag alone means true. */
static bool may_stand_alone(const Key *key)
{
    if (key->type == KEY_BOOL || key->type == KEY_MAYBE || key->type == KEY_ANY || key->path_or_true) return true;
    for (int i = 0; key->type == KEY_ENUM && key->names[i]; i++)
        if (!strcmp(key->names[i], "true")) return true;
    return false;
}

static bool takes_many(const Key *key)
{
    return key->type == KEY_ANY || key->type == KEY_WORDS || key->type == KEY_PATTERN || key->type == KEY_INTEGERS;
}

static const Key *denied(const Keys *keys, const char *name)
{
    const Key *key = strncmp(name, "no_", 3) ? NULL : find(keys, name + 3);
    return key && may_stand_alone(reader_of(keys, key)) ? key : NULL;
}

/* Whether an argument fits a flag that may also stand alone. */
static bool fits(const Key *reader, const char *argument)
{
    Json *value = key_from_text(reader, &argument, 1);
    bool text = json_string(value) != NULL;
    json_free(value);
    return !text;
}

/* How many of the arguments behind a flag are its values. Where arguments may stand alone, `--render FILE` is two of them. */
static int count_values(const Keys *keys, const Key *reader, int argc, char **argv)
{
    int n = 0, most = takes_many(reader) ? argc : 1;
    if (keys->positional && (reader->type == KEY_BOOL || reader->type == KEY_MAYBE) && argc && !fits(reader, argv[0])) return 0;
    while (n < argc && n < most && !is_flag(argv[n])) n++;
    return n;
}

static Status no_value(const Key *reader, const char *where)
{
    Buffer expected = {0};
    key_describe(reader, &expected);
    Status status = fail(STATUS_INPUT, "%s needs a value: %s", where, expected.data);
    buffer_free(&expected);
    return status;
}

static Status set_flag(Layer *layer, const Flag *flag, const char *where, int argc, char **argv, int *used)
{
    *used = 0;
    const Key *key = find(layer->keys, flag->name), *not = key ? NULL : denied(layer->keys, flag->name);
    if (not && !flag->text) return layer_set(layer, not, where, json_new_bool(false));
    if (!key) return unknown(layer->keys, "", "--", flag->name);
    const Key *reader = reader_of(layer->keys, key);
    if (flag->text) return layer_set(layer, key, where, key_from_text(reader, &flag->text, 1));
    *used = count_values(layer->keys, reader, argc, argv);
    if (*used) return layer_set(layer, key, where, key_from_text(reader, (const char *const *)argv, *used));
    if (!may_stand_alone(reader)) return no_value(reader, where);
    return layer_set(layer, key, where, json_new_bool(true));
}

static Status set_positional(Layer *layer, const char *argument)
{
    const char *name = layer->keys->positional;
    if (!name) return fail(STATUS_INPUT, "found \"%s\" where a --key was expected", argument);
    const Key *key = find(layer->keys, name);
    return layer_set(layer, key, name, key_from_text(key, &argument, 1));
}

static Status read_flags(Layer *layer, int argc, char **argv)
{
    for (int i = 0; i < argc;) {
        if (!is_flag(argv[i])) {
            TRY(set_positional(layer, argv[i++]));
            continue;
        }
        Flag flag = flag_split(argv[i] + 2);
        char *where = memory_format("--%s", flag.name);
        int used;
        Status status = set_flag(layer, &flag, where, argc - i - 1, argv + i + 1, &used);
        free(flag.name);
        free(where);
        TRY(status);
        i += 1 + used;
    }
    return STATUS_OK;
}

/* Files */

static Status read_member(Layer *layer, const Json *member, const char *place)
{
    const char *name = json_key(member);
    char *where = memory_format("%s: %s", place, name), *prefix = memory_format("%s: ", place);
    const Key *key = find(layer->keys, name);
    Status status = !key                         ? unknown(layer->keys, prefix, "", name)
                    : key->status == KEY_CONFIG ? fail(STATUS_INPUT, "%s: a file cannot name another one", where)
                                                : layer_set(layer, key, where, json_copy(member));
    free(where);
    free(prefix);
    return status;
}

static Status read_object(Layer *layer, const Json *object, const char *place)
{
    if (json_kind(object) != JSON_OBJECT) return fail(STATUS_INPUT, "%s: found %s, expected an object of keys", place, json_kind_name(object));
    for (const Json *member = json_first(object); member; member = json_next(member)) TRY(read_member(layer, member, place));
    return STATUS_OK;
}

static const char *config_path(const Layer *flags)
{
    for (int i = 0; i < flags->keys->n; i++)
        if (flags->keys->key[i].status == KEY_CONFIG) return json_string(flags->value[i]);
    return NULL;
}

static bool is_yaml(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
}

static Status read_config(Layer *layer, const char *path)
{
    Json *document = NULL;
    TRY(is_yaml(path) ? yaml_read(&document, path) : json_read(&document, path));
    Status status = read_object(layer, document, path);
    json_free(document);
    return status;
}

/* From layers to the struct */

static void fill(const Keys *keys, void *target, Json **given, const Layer *flags, const Layer *file)
{
    *given = json_new_object();
    for (int i = 0; i < keys->n; i++) {
        const Key *key = &keys->key[i];
        if (key->status != KEY_READ) continue;
        const Json *value = flags->value[i] ? flags->value[i] : file->value[i];
        if (value) json_set(*given, key->name, json_copy(value));
        Json *fallback = value ? NULL : key_fallback(key);
        key_store(key, target, value ? value : fallback);
        json_free(fallback);
    }
}

Status keys_parse(const Keys *keys, void *target, Json **given, int argc, char **argv, Notices *notices)
{
    Layer flags = layer_init(keys, notices), file = layer_init(keys, notices);
    Status status;
    TRY_GOTO(done, status, read_flags(&flags, argc, argv));
    if (config_path(&flags)) TRY_GOTO(done, status, read_config(&file, config_path(&flags)));
    fill(keys, target, given, &flags, &file);
done:
    layer_free(&flags);
    layer_free(&file);
    return status;
}

Status keys_read(const Keys *keys, void *target, Json **given, const Json *object, const char *where, Notices *notices)
{
    Layer layer = layer_init(keys, notices);
    Status status;
    TRY_GOTO(done, status, read_object(&layer, object, where));
    fill(keys, target, given, &layer, &layer);
done:
    layer_free(&layer);
    return status;
}

Json *keys_to_json(const Keys *keys, const void *target)
{
    Json *object = json_new_object();
    for (int i = 0; i < keys->n; i++)
        if (keys->key[i].status == KEY_READ) json_set(object, keys->key[i].name, key_load(&keys->key[i], target));
    return object;
}

void keys_free(const Keys *keys, void *target)
{
    for (int i = 0; i < keys->n; i++)
        if (keys->key[i].status == KEY_READ) key_free(&keys->key[i], target);
}
