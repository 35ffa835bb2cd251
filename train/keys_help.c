/* The help text of a command, from its table of keys. */
#include <string.h>

#include "train/key_value.h"
#include "train/keys.h"

enum { COLUMNS = 100, INDENT = 33 };

bool keys_want_help(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return true;
    return false;
}

/* Prints words from column `indent` on, where the cursor stands, and breaks lines at COLUMNS. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
    int at = indent;
    for (const char *word = text; *word; word += strspn(word, " ")) {
        int n = (int)strcspn(word, " "), space = at > indent;
        if (space && at + 1 + n > COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
            space = 0;
        }
        fprintf(out, "%s%.*s", space ? " " : "", n, word);
        at += space + n;
        word += n;
    }
    fputc('\n', out);
}

static void add_values(Buffer *text, const Key *key)
{
    if (key->type != KEY_ENUM || !key->names[1]) return;
    buffer_add_string(text, " (");
    key_describe(key, text);
    buffer_add_char(text, ')');
}

static void add_aliases(Buffer *text, const Keys *keys, const Key *key)
{
    for (int i = 0; i < keys->n; i++)
        if (keys->key[i].status == KEY_ALIAS && !strcmp(keys->key[i].to, key->name)) buffer_format(text, ". Also --%s", keys->key[i].name);
}

static void add_fallback(Buffer *text, const Key *key)
{
    if (key->status != KEY_READ || !strcmp(key->fallback, "null")) return;
    Json *value = key_fallback(key);
    Buffer printed = {0};
    json_print(&printed, value, (JsonStyle){0});
    buffer_format(text, " [%s]", json_string(value) ? json_string(value) : printed.data);
    buffer_free(&printed);
    json_free(value);
}

static void print_key(FILE *out, const Keys *keys, const Key *key)
{
    Buffer text = {0};
    buffer_add_string(&text, key->meaning);
    add_values(&text, key);
    add_aliases(&text, keys, key);
    add_fallback(&text, key);
    fprintf(out, "  --%-*s ", INDENT - 5, key->name);
    print_wrapped(out, text.data, INDENT);
    buffer_free(&text);
}

static void print_names(FILE *out, const Keys *keys, KeyStatus status, const char *heading)
{
    Buffer text = {0};
    for (int i = 0; i < keys->n; i++)
        if (keys->key[i].status == status) buffer_format(&text, "%s%s", text.len ? ", " : "", keys->key[i].name);
    if (text.len) {
        fprintf(out, "\n%s\n  ", heading);
        print_wrapped(out, text.data, 2);
    }
    buffer_free(&text);
}

void keys_help(const Keys *keys, FILE *out)
{
    fputs(keys->usage, out);
    for (int i = 0; i < keys->n; i++) {
        const Key *key = &keys->key[i];
        if (key->status != KEY_READ && key->status != KEY_CONFIG) continue;
        if (key->group) fprintf(out, "\n%s\n", key->group);
        print_key(out, keys, key);
    }
    print_names(out, keys, KEY_OLD, "Old names, still read");
    print_names(out, keys, KEY_IGNORED, "Accepted, without effect here");
    print_names(out, keys, KEY_REFUSED, "Known, refused unless left at their neutral value");
}
