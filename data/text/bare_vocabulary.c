#include "data/text/bare_vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/path.h"
#include "kernels/memory.h"

enum { MAX_RESERVED = 1 << 16 };      /* Llama 3 has 256; keeps a hostile id from asking for memory */

enum { BOS, EOS, UNK, SEP, PAD, CLS, MASK, NAMES };
static const char *const names[NAMES] = { "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token" };

/* ---- What the files say ---- */

/* tokenizer_config.json with special_tokens_map.json over it. */
typedef struct { const FolderConfig *folder; Json *config; } Named;

static bool is_list(const Json *value) { return json_kind(value) == JSON_ARRAY && json_count(value); }

static void merge(Json *config, const Json *map)
{
    const Json *more = json_get(map, "extra_special_tokens");
    if (!json_get(config, "extra_special_tokens") && is_list(json_get(config, "additional_special_tokens")))
        json_set(config, "extra_special_tokens", json_copy(json_get(config, "additional_special_tokens")));
    Json *extra = is_list(json_get(config, "extra_special_tokens")) && is_list(more) ? json_copy(json_get(config, "extra_special_tokens")) : NULL;
    for (const Json *item = json_first(map); item; item = json_next(item)) json_set(config, json_key(item), json_copy(item));
    if (!extra) return;
    for (const Json *item = json_first(more); item; item = json_next(item)) json_push(extra, json_copy(item));
    json_set(config, "extra_special_tokens", extra);
}

static Named named_of(const FolderConfig *folder)
{
    Named named = { folder, folder->tokenizer ? json_copy(folder->tokenizer) : json_new_object() };
    if (!json_get(named.config, "added_tokens_decoder")) merge(named.config, folder->map);
    return named;
}

/* The token named names[i]; content NULL: none. */
static AddedToken named_token(const Named *named, int i)
{
    const TokenizerClass *class = named->folder->class;
    const char *const missing[NAMES] = { [BOS] = class->part[TOKEN_BOS], [EOS] = class->part[TOKEN_EOS], [UNK] = class->part[TOKEN_UNK], [SEP] = class->sep,
                                         [PAD] = class->part[TOKEN_PAD], [CLS] = class->cls,             [MASK] = class->mask };
    const Json *found = json_get(named->config, names[i]);
    return found ? added_token_of(found, true) : (AddedToken){ .content = (char *)missing[i], .special = true };
}

static bool has_name(const Named *named, const char *content)
{
    for (int i = 0; i < NAMES; i++) {
        const char *token = named_token(named, i).content;
        if (token && !strcmp(token, content)) return true;
    }
    return false;
}

/* ---- added_tokens_decoder ---- */

typedef struct { int64_t id; AddedToken token; } Entry;
typedef struct { Entry *entry; int32_t n, cap; Json *file; } Entries;      /* strings are those of the Json they were read from */

static int by_id(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static Status push(Entries *entries, Entry entry, const char *file)
{
    if (!entry.token.content || entry.id < 0 || entry.id > VOCABULARY_MAX_ID)
        return fail(STATUS_INPUT, "%s: an added token has no content, or an id that is not from 0 to %d", file, VOCABULARY_MAX_ID);
    MEMORY_PUSH(entries->entry, entries->n, entries->cap) = entry;
    return STATUS_OK;
}

/* {"id": {"content": …}, …} */
static Status read_decoder(Entries *entries, const Named *named, const char *dir)
{
    for (const Json *item = json_first(json_get(named->config, "added_tokens_decoder")); item; item = json_next(item)) {
        AddedToken token = added_token_of(item, json_bool(json_get(item, "special")));
        token.special = token.special || (token.content && has_name(named, token.content));
        TRY(push(entries, (Entry){ json_key(item) ? atoll(json_key(item)) : -1, token }, dir));
    }
    return STATUS_OK;
}

/* added_tokens.json: {"token": id, …} */
static Status read_file(Entries *entries, const Named *named, const char *file)
{
    TRY(json_read(&entries->file, file));
    for (const Json *item = json_first(entries->file); item; item = json_next(item)) {
        bool special = json_key(item) && has_name(named, json_key(item));
        int64_t id = json_kind(item) == JSON_INTEGER ? json_integer(item) : -1;
        TRY(push(entries, (Entry){ id, { .content = (char *)json_key(item), .special = special, .normalized = !special } }, file));
    }
    return STATUS_OK;
}

static Status read_entries(Entries *entries, const Named *named)
{
    const char *dir = named->folder->dir;
    char *file = memory_format("%s/added_tokens.json", dir);
    Status status = STATUS_OK;
    if (json_get(named->config, "added_tokens_decoder")) status = read_decoder(entries, named, dir);
    else if (path_exists(file)) status = read_file(entries, named, file);
    if (status == STATUS_OK && entries->n) qsort(entries->entry, (size_t)entries->n, sizeof *entries->entry, by_id);
    free(file);
    return status;
}

/* ---- Adding them ---- */

static Status add(Tokenizer *t, AddedToken token, const char *file)
{
    return token.content ? added_tokens_add(&t->added, token, &t->model.vocabulary, file) : STATUS_OK;
}

static Status add_all(Tokenizer *t, const Json *list, const char *file)
{
    for (const Json *item = json_first(list); item; item = json_next(item)) TRY(add(t, added_token_of(item, true), file));
    return STATUS_OK;
}

/* Those without a name: a list, under its new or its old name. */
static const Json *nameless(const Json *config)
{
    const Json *extra = json_get(config, "extra_special_tokens");
    return is_list(extra) ? extra : json_get(config, "additional_special_tokens");
}

/* How a token is matched follows from its first coming, how much it takes in from the last. */
static Status add_reserved(Tokenizer *t, const Entries *entries, const char *file)
{
    int64_t id = t->model.vocabulary.count, end = entries->n ? entries->entry[entries->n - 1].id + 1 : 0;
    if (end - id > MAX_RESERVED) return fail(STATUS_INPUT, "%s: added tokens up to id %lld, but the vocabulary ends at %lld", file, (long long)end - 1, (long long)id);
    for (int32_t i = 0; id < end; id++) {
        while (entries->entry[i].id < id) i++;
        bool given = entries->entry[i].id == id;
        AddedToken token = given ? entries->entry[i].token : (AddedToken){0};
        char *filler = given ? NULL : memory_format("<|reserved_token_%lld|>", (long long)id);
        if (!given) token.content = filler;
        token.special = true;
        token.normalized = false;
        Status status = add(t, token, file);
        free(filler);
        TRY(status);
    }
    return STATUS_OK;
}

static bool is_token_key(const char *key)
{
    size_t n = strlen(key);
    for (int i = 0; i < NAMES; i++)
        if (!strcmp(key, names[i])) return false;
    return n > 6 && !strcmp(key + n - 6, "_token");
}

static Status add_tokens(Tokenizer *t, const Named *named, const Entries *entries, bool tiktoken, const char *file)
{
    const Json *extra = json_get(named->config, "extra_special_tokens");
    if (tiktoken) TRY(add_reserved(t, entries, file));
    if (tiktoken) TRY(add_all(t, nameless(named->folder->tokenizer), file));
    for (int32_t i = 0; i < entries->n; i++) TRY(add(t, entries->entry[i].token, file));
    for (int i = 0; i < NAMES; i++) TRY(add(t, named_token(named, i), file));
    for (const Json *item = json_first(named->config); item; item = json_next(item))
        if (is_token_key(json_key(item))) TRY(add(t, added_token_of(item, true), file));
    if (json_kind(extra) == JSON_OBJECT) TRY(add_all(t, extra, file));
    return add_all(t, nameless(named->config), file);
}

static void set_parts(Tokenizer *t, const Named *named)
{
    static const int name[TOKEN_PARTS] = { [TOKEN_BOS] = BOS, [TOKEN_EOS] = EOS, [TOKEN_PAD] = PAD, [TOKEN_UNK] = UNK };
    for (int i = 0; i < TOKEN_PARTS; i++) t->part[i] = memory_string(named_token(named, name[i]).content);
}

/* ---- The pipeline ---- */

static SpecToken around(const Tokenizer *t, const Json *config, const char *key, TokenPart part)
{
    return json_bool(json_get(config, key)) && t->part[part] ? (SpecToken){ t->part[part], tokenizer_part_id(t, part) } : (SpecToken){0};
}

Status bare_vocabulary_finish(Tokenizer *t, const FolderConfig *folder, BarePipeline pipeline, const char *file, Notices *notices)
{
    Named named = named_of(folder);
    Entries entries = {0};
    Status status = read_entries(&entries, &named);
    set_parts(t, &named);
    if (status == STATUS_OK) status = add_tokens(t, &named, &entries, pipeline.tiktoken, file);
    t->pipeline = spec_pipeline((SpecPipeline){
        .normalizer = pipeline.normalizer, .pre_tokenizer = pipeline.pre_tokenizer, .decoder = spec_byte_level(true, true, true),
        .post_processor = spec_post_processor(around(t, named.config, "add_bos_token", TOKEN_BOS), around(t, named.config, "add_eos_token", TOKEN_EOS)),
    });
    if (status == STATUS_OK) status = tokenizer_read_pipeline(t, t->pipeline, file, notices);
    json_free(named.config);
    json_free(entries.file);
    free(entries.entry);
    return status;
}
