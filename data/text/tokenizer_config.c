/* The small files beside a tokenizer.json, read as transformers 5 reads them: tokenizer_config.json says which token plays which
 * part; special_tokens_map.json has the last word in folders so old that the config lists no added_tokens_decoder.
 * Every token named there is special from then on. With a tokenizer.json, add_bos_token and add_eos_token are ignored: its
 * post-processor decides. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/text/tokenizer_class.h"
#include "data/text/tokenizer_parts.h"
#include "data/text/utf8.h"
#include "kernels/memory.h"

static const char *const part_keys[TOKEN_PARTS] = { "bos_token", "eos_token", "pad_token", "unk_token" };

/* ---- Files ---- */

/* Keeps DIR/NAME open to be saved; NULL when there is none. */
static Status keep(Tokenizer *t, const char *dir, const char *name, const Mapped **out)
{
    *out = NULL;
    char *path = memory_format("%s/%s", dir, name);
    Mapped file = {0};
    Status status = access(path, F_OK) ? STATUS_OK : mapped_open(&file, path);
    if (status == STATUS_OK && file.path) {
        MEMORY_PUSH(t->saved, t->n_saved, t->cap_saved) = (SavedFile){ memory_string(name), file };
        *out = &t->saved[t->n_saved - 1].file;
    }
    free(path);
    return status;
}

static Status keep_json(Tokenizer *t, const char *dir, const char *name, Json **out)
{
    const Mapped *file;
    TRY(keep(t, dir, name, &file));
    if (!file) return STATUS_OK;
    TRY(json_parse(out, file->path, (const char *)file->bytes, file->n_bytes));
    if (json_kind(*out) == JSON_OBJECT) return STATUS_OK;
    return fail(STATUS_INPUT, "%s: it is %s, expected an object", file->path, json_kind_name(*out));
}

/* ---- Tokens ---- */

static Status add_special(Tokenizer *t, const Json *token, bool special, const char *file)
{
    AddedToken added = added_token_of(token, special);
    return added.content ? added_tokens_add(&t->added, added, &t->model.vocabulary, file) : STATUS_OK;
}

static Status add_list(Tokenizer *t, const Json *list, const char *file)
{
    for (const Json *item = json_first(list); item; item = json_next(item)) TRY(add_special(t, item, true, file));
    return STATUS_OK;
}

static int by_id(const void *a, const void *b)
{
    long long x = atoll(json_key(*(const Json *const *)a)), y = atoll(json_key(*(const Json *const *)b));
    return x < y ? -1 : x > y;
}

/* "added_tokens_decoder": {"id": {"content": …}, …}, in order of id. */
static Status add_decoder(Tokenizer *t, const Json *decoder, const char *file)
{
    int64_t n = json_kind(decoder) == JSON_OBJECT ? json_count(decoder) : 0, i = 0;
    if (!n) return STATUS_OK;
    const Json **item = memory_new((size_t)n, sizeof *item);
    for (const Json *member = json_first(decoder); member; member = json_next(member)) item[i++] = member;
    qsort(item, (size_t)n, sizeof *item, by_id);
    Status status = STATUS_OK;
    for (i = 0; status == STATUS_OK && i < n; i++) status = add_special(t, item[i], json_bool(json_get(item[i], "special")), file);
    free(item);
    return status;
}

static bool is_token_key(const char *key)
{
    size_t n = strlen(key);
    return n > 6 && !strcmp(key + n - 6, "_token");
}

/* bos_token, image_token, …: every key that ends in _token. */
static Status add_named(Tokenizer *t, const Json *config, const char *file)
{
    for (const Json *member = json_first(config); member; member = json_next(member))
        if (is_token_key(json_key(member))) TRY(add_special(t, member, true, file));
    TRY(add_list(t, json_get(config, "additional_special_tokens"), file));
    return add_list(t, json_get(config, "extra_special_tokens"), file);
}

/* Only tokens that there are. */
static void set_parts_of_class(Tokenizer *t, const TokenizerClass *class)
{
    for (int k = 0; k < TOKEN_PARTS; k++) {
        if (!class->part[k] || tokenizer_id(t, class->part[k]) < 0) continue;
        free(t->part[k]);
        t->part[k] = memory_string(class->part[k]);
    }
}

static void set_parts(Tokenizer *t, const Json *config)
{
    for (int i = 0; i < TOKEN_PARTS; i++) {
        if (!json_get(config, part_keys[i])) continue;
        free(t->part[i]);
        t->part[i] = memory_string(added_token_of(json_get(config, part_keys[i]), true).content);
    }
}

/* ---- Chat templates: a string, or a list of {"name", "template"}, of which "default" and "tool_use" are meant; where there are
 * files, they alone count ---- */

static const char *template_of(const Json *value, const char *name)
{
    const char *found = !strcmp(name, "default") ? json_string(value) : NULL;
    for (const Json *item = json_kind(value) == JSON_ARRAY ? json_first(value) : NULL; item; item = json_next(item)) {
        const char *found_name = json_string(json_get(item, "name"));
        if (found_name && !strcmp(found_name, name)) found = json_string(json_get(item, "template"));
    }
    return found;
}

/* NULL: no such file. */
static Status read_template_file(Tokenizer *t, const char *dir, const char *name, char **out)
{
    const Mapped *file;
    *out = NULL;
    TRY(keep(t, dir, name, &file));
    if (!file) return STATUS_OK;
    size_t broken, valid = utf8_valid((const char *)file->bytes, file->n_bytes, &broken);
    if (valid < file->n_bytes || (valid && memchr(file->bytes, 0, valid))) return fail(STATUS_INPUT, "%s: not UTF-8 text", file->path);
    Buffer text = {0};
    buffer_add(&text, file->bytes, file->n_bytes);
    *out = buffer_take(&text);
    return STATUS_OK;
}

static Status read_templates(Tokenizer *t, const char *dir, const Json *config)
{
    TRY(read_template_file(t, dir, CHAT_TEMPLATE_FILE, &t->chat_template));
    TRY(read_template_file(t, dir, TOOL_TEMPLATE_FILE, &t->tool_template));
    if (t->chat_template || t->tool_template) return STATUS_OK;
    t->chat_template = memory_string(template_of(config, "default"));
    t->tool_template = memory_string(template_of(config, "tool_use"));
    return STATUS_OK;
}

/* ---- The folder ---- */

Status folder_config_open(FolderConfig *config, Tokenizer *t, const char *dir)
{
    char *model = memory_format("%s/config.json", dir);
    const Mapped *tokenizer;
    Status status;
    config->dir = dir;
    TRY_GOTO(done, status, keep(t, dir, "tokenizer.json", &tokenizer));
    TRY_GOTO(done, status, keep_json(t, dir, "tokenizer_config.json", &config->tokenizer));
    TRY_GOTO(done, status, keep_json(t, dir, "special_tokens_map.json", &config->map));
    if (!access(model, F_OK)) TRY_GOTO(done, status, json_read(&config->model, model));
    config->class = tokenizer_class_of(config->tokenizer, config->model);
    TRY_GOTO(done, status, read_templates(t, dir, json_get(config->tokenizer, "chat_template")));
done:
    free(model);
    return status;
}

void folder_config_close(FolderConfig *config)
{
    json_free(config->tokenizer);
    json_free(config->map);
    json_free(config->model);
}

Status folder_config_apply(const FolderConfig *config, Tokenizer *t)
{
    const Json *decoder = json_get(config->tokenizer, "added_tokens_decoder");
    set_parts_of_class(t, config->class);
    set_parts(t, config->tokenizer);
    if (!decoder) set_parts(t, config->map);
    TRY(add_decoder(t, decoder, config->dir));
    if (!decoder) TRY(add_named(t, config->map, config->dir));
    return add_named(t, config->tokenizer, config->dir);
}
