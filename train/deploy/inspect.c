#include "train/deploy/inspect.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/file/gguf.h"
#include "kernels/memory.h"
#include "train/keys.h"

static bool has(const char *dir, const char *name)
{
    char *path = memory_format("%s/%s", dir, name);
    bool there = !access(path, F_OK);
    free(path);
    return there;
}

static bool ends_in(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcmp(path + n - m, end);
}

Status inspect_path(const char *path, Json **report)
{
    Json *out = json_new_object();
    Status status;
    json_set(out, "path", json_new_string(path));
    if (access(path, F_OK)) status = fail(STATUS_INPUT, "%s: No such file or directory", path);
    else if (has(path, "adapter_config.json")) {
        status = inspect_adapter(out, path);
        if (status == STATUS_OK) status = inspect_training(out, path);
    } else if (gguf_is_named(path) || has(path, "config.json")) status = inspect_model(out, path);
    else if (ends_in(path, ".safetensors")) status = inspect_tensors(out, path);
    else
        status = fail(STATUS_INPUT, "%s: neither a model (a folder with config.json, or a .gguf file), nor an adapter or checkpoint (a folder with "
                                    "adapter_config.json), nor a .safetensors file", path);
    if (status == STATUS_OK) *report = out;
    else json_free(out);
    return status;
}

/* Text */

enum { INDENT = 2, LABEL = 34 };

/* 134515008 as 134,515,008. */
static void add_integer(Buffer *out, int64_t n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
    for (int i = 0; i < length; i++) {
        buffer_add_char(out, digits[i]);
        if (digits[i] != '-' && i < length - 1 && (length - 1 - i) % 3 == 0) buffer_add_char(out, ',');
    }
}

static void add_value(Buffer *out, const char *key, const Json *value)
{
    if (json_string(value)) buffer_add_string(out, json_string(value));
    else if (json_kind(value) == JSON_INTEGER && ends_in(key, "bytes")) buffer_format(out, "%.1f MB", json_number(value) / 1e6);
    else if (json_is_number(value) && json_number(value) == (double)json_integer(value)) add_integer(out, json_integer(value));
    else if (json_kind(value) == JSON_REAL && ends_in(key, "share")) buffer_format(out, "%.4g %%", 100 * json_number(value));
    else if (json_kind(value) == JSON_REAL) buffer_format(out, "%.6g", json_number(value));
    else if (json_kind(value) == JSON_BOOL) buffer_add_string(out, json_bool(value) ? "yes" : "no");
    else if (json_kind(value) == JSON_ARRAY)
        for (const Json *item = json_first(value); item; item = json_next(item)) {
            if (item != json_first(value)) buffer_add_string(out, ", ");
            add_value(out, key, item);
        }
    else buffer_add_string(out, "none");
}

/* A name of this format; names of modules and tensors, which have dots, stay as they are. */
static void add_label(Buffer *out, const char *key, int depth, bool alone)
{
    size_t begin = out->len;
    buffer_format(out, "%*s%s", depth * INDENT, "", key);
    for (size_t i = begin; i < out->len && !strchr(key, '.'); i++)
        if (out->data[i] == '_') out->data[i] = ' ';
    while (!alone && out->len - begin < LABEL) buffer_add_char(out, ' ');
}

static void add_object(Buffer *out, const Json *object, int depth)
{
    for (const Json *member = json_first(object); member; member = json_next(member)) {
        bool section = json_kind(member) == JSON_OBJECT;
        if (section && !depth) buffer_add_char(out, '\n');
        add_label(out, json_key(member), depth, section);
        if (!section) {
            buffer_add_char(out, ' ');
            add_value(out, json_key(member), member);
        }
        buffer_add_char(out, '\n');
        if (section) add_object(out, member, depth + 1);
    }
}

void inspect_print(const Json *report, FILE *out)
{
    Buffer text = {0};
    add_object(&text, report, 0);
    fwrite(text.data, 1, text.len, out);
    buffer_free(&text);
}

/* The command */

static void help(void)
{
    printf("graft inspect says what a file or folder is.\n\nusage: graft inspect PATH [--json]\n\n"
           "PATH is a model folder, a GGUF file, an adapter folder, a checkpoint or a .safetensors file.\n"
           "--json prints one JSON object instead of text.\n");
}

static void print_json(const Json *report)
{
    Buffer text = {0};
    json_print(&text, report, (JsonStyle){ .indent = 2 });
    printf("%s\n", text.data);
    buffer_free(&text);
}

Status inspect_command(int argc, char **argv)
{
    const char *path = NULL;
    bool as_json = false;
    if (keys_want_help(argc, argv)) {
        help();
        return STATUS_OK;
    }
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) as_json = true;
        else if (!strncmp(argv[i], "--", 2)) return fail(STATUS_INPUT, "unknown key %s; `graft inspect --help` says how it is called", argv[i]);
        else if (path) return fail(STATUS_INPUT, "found \"%s\" and \"%s\"; graft inspect takes one path", path, argv[i]);
        else path = argv[i];
    }
    if (!path) return fail(STATUS_INPUT, "which file or folder? usage: graft inspect PATH [--json]");
    Json *report;
    TRY(inspect_path(path, &report));
    if (as_json) print_json(report);
    else inspect_print(report, stdout);
    json_free(report);
    return STATUS_OK;
}
