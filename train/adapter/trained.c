#include "train/adapter/trained.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/adapter/module_path.h"

/* modules_to_save. Names are matched as PEFT does: by the end of a path, in the middle of a name too. */

static bool ends_with(const char *text, size_t n, const char *end) { return n >= strlen(end) && !strncmp(text + n - strlen(end), end, strlen(end)); }

/* The module, or one that it is in, ends in an entry. */
static bool is_whole(const LoraConfig *c, const char *path)
{
    for (size_t n = 1; n <= strlen(path); n++)
        for (int i = 0; (path[n] == '.' || !path[n]) && i < c->modules_to_save.n; i++)
            if (ends_with(path, n, c->modules_to_save.item[i])) return true;
    return false;
}

Status trained_excludes(const LoraConfig *c, const char *path, bool *excluded)
{
    *excluded = false;
    for (int i = 0; i < c->modules_to_save.n && !*excluded; i++) {
        char *pattern = memory_format("(^|.*\\.)%s($|\\..*)", c->modules_to_save.item[i]);
        Status status = module_path_matches(pattern, path, excluded);
        free(pattern);
        TRY(status, "modules_to_save");
    }
    return STATUS_OK;
}

static Module *first(const Adapter *adapter, ModuleKind kind)
{
    for (int i = 0; i < adapter->modules.n; i++)
        if (adapter->modules.item[i].kind == kind) return &adapter->modules.item[i];
    return NULL;
}

/* Where PEFT's rules look for a name: these two, whatever the family calls its own. */
static bool names_embedding_or_head(const char *entry)
{
    const char *dot = strrchr(entry, '.'), *name = dot ? dot + 1 : entry;
    return !strcmp(name, "embed_tokens") || !strcmp(name, "lm_head");
}

static bool any_names_embedding_or_head(const Words *words)
{
    bool any = false;
    for (int i = 0; i < words->n && !words->pattern; i++) any = any || names_embedding_or_head(words->item[i]);
    return any;
}

static void add_word(Words *words, const char *text)
{
    words->item = memory_grow(words->item, (size_t)words->n + 1, sizeof *words->item);
    words->item[words->n++] = memory_string(text);
}

/* The list as PEFT rewrites it: the embedding's whole path is in it, what names the head is not. */
static Status tie(Adapter *adapter)
{
    Words *words = &adapter->config.modules_to_save;
    const char *embedding = first(adapter, MODULE_EMBEDDING)->path, *head = first(adapter, MODULE_HEAD)->path;
    bool listed = false, found = false;
    for (int i = 0; i < words->n; i++) listed = listed || !strcmp(words->item[i], embedding);
    if (!listed) add_word(words, embedding);
    for (int i = 0; i < words->n && !found; i++) {
        LoraConfig one = { .modules_to_save = { .item = &words->item[i], .n = 1 } };
        TRY(trained_excludes(&one, head, &found));
        if (!found) continue;
        free(words->item[i]);
        memmove(&words->item[i], &words->item[i + 1], (size_t)(--words->n - i) * sizeof *words->item);
    }
    adapter->tied = true;
    return STATUS_OK;
}

Status trained_prepare(Adapter *adapter, Notices *notices)
{
    const LoraConfig *c = &adapter->config;
    bool tied = adapter->model->config.tie_word_embeddings, saved = any_names_embedding_or_head(&c->modules_to_save), target = any_names_embedding_or_head(&c->target_modules);
    if (c->ensure_weight_tying && tied && saved) return tie(adapter);
    if (c->ensure_weight_tying && tied && target)
        return fail(STATUS_INPUT, "ensure_weight_tying puts the embedding's adapter on the head too, and the head cannot be adapted, in TRL neither");
    if (c->ensure_weight_tying) notice(notices, "ensure_weight_tying has no effect: %s", tied ? "neither embedding nor head is trained" : "the base does not tie its head to its embedding");
    else if (tied && (saved || target)) notice(notices, "the base ties its head to its embedding, and only one of both changes; ensure_weight_tying trains them as one");
    return STATUS_OK;
}

/* Parameters */

static int add(Adapter *adapter, const Module *m, const char *suffix, int64_t rows, int64_t cols)
{
    char *name = memory_format("base_model.model.%s.%s", m->path, suffix);
    bool decays = m->w && cols;
    int param = state_add(adapter->state, name, rows, cols, decays);
    free(name);
    return param;
}

/* Norms of heads are one matrix, or, with a number in the path, modules of their own. */
static Status attach_weight(Adapter *adapter, const Module *m)
{
    bool each = m->norm && m->norm->each;
    if (strstr(m->path, "%d")) return fail(STATUS_INPUT, "modules_to_save: %s, a norm of each head, cannot be trained", m->path);
    int64_t cols = m->w ? m->w->cols : each ? m->norm->width : 0, rows = each ? m->n / cols : m->n;
    adapter->at[m->index].weight = add(adapter, m, "weight", m->turned ? cols : rows, m->turned ? rows : cols);
    return STATUS_OK;
}

static bool trains_bias(const LoraConfig *c, const Adapted *at) { return c->bias == TRAIN_BIAS_ALL || (c->bias == TRAIN_BIAS_LORA_ONLY && at->n); }

static Status attach_module(Adapter *adapter, const Module *m)
{
    const LoraConfig *c = &adapter->config;
    Adapted *at = &adapter->at[m->index];
    bool whole = is_whole(c, m->path), tied = m->kind == MODULE_HEAD && adapter->tied;
    if (whole && at->n) return fail(STATUS_INPUT, "%s is a target, and trained whole since its name ends as an entry of modules_to_save does: exclude it, or write whole names", m->path);
    if (tied) at->weight = adapter->at[first(adapter, MODULE_EMBEDDING)->index].weight;
    else if (whole) TRY(attach_weight(adapter, m));
    bool biased = m->b && (whole || tied || trains_bias(c, at));
    if (biased) at->bias = add(adapter, m, at->n ? "base_layer.bias" : "bias", m->n, 0);
    return STATUS_OK;
}

static void notice_unmatched(const Adapter *adapter, Notices *notices)
{
    const Words *words = &adapter->config.modules_to_save;
    for (int i = 0; i < words->n; i++) {
        LoraConfig one = { .modules_to_save = { .item = &words->item[i], .n = 1 } };
        bool found = false;
        for (int m = 0; m < adapter->modules.n; m++) found = found || is_whole(&one, adapter->modules.item[m].path);
        if (!found) notice(notices, "modules_to_save: \"%s\" is no module of this model with weights", words->item[i]);
    }
}

/* trainable_token_indices. A token that stands twice has two rows, of which the last counts: PEFT's. */

static Status bad_tokens(const Json *found)
{
    Buffer text = {0};
    json_print(&text, found, (JsonStyle){0});
    Status status = fail(STATUS_INPUT, "trainable_token_indices: expected a list of token ids, or an object from the embedding's name to one, found %.80s", text.data);
    buffer_free(&text);
    return status;
}

static Status check_embedding(const Adapter *adapter, const Module *m)
{
    const Adapted *at = &adapter->at[m->index];
    if (adapter->model->config.tie_word_embeddings)
        return fail(STATUS_INPUT, "trainable_token_indices: the base ties its head to its embedding, and single rows of a head cannot be trained, in TRL neither");
    if (at->weight != NO_PARAM) return fail(STATUS_INPUT, "trainable_token_indices: modules_to_save already trains all of %s", m->path);
    if (at->n) return fail(STATUS_INPUT, "trainable_token_indices: %s is already a target", m->path);
    return STATUS_OK;
}

static Status attach_tokens(Adapter *adapter, const Json *tokens)
{
    const Module *m = first(adapter, MODULE_EMBEDDING);
    if (json_kind(tokens) != JSON_ARRAY || !json_count(tokens)) return bad_tokens(tokens);
    TRY(check_embedding(adapter, m));
    adapter->token_row = memory_new((size_t)m->n, sizeof *adapter->token_row);
    memset(adapter->token_row, 0xff, (size_t)m->n * sizeof *adapter->token_row);
    int32_t row = 0;
    for (const Json *item = json_first(tokens); item; item = json_next(item)) {
        int64_t token = json_integer(item);
        if (json_kind(item) != JSON_INTEGER) return bad_tokens(tokens);
        if (token < 0 || token >= m->n)
            return fail(STATUS_INPUT, "trainable_token_indices: token %lld is not in a vocabulary of %lld", (long long)token, (long long)m->n);
        adapter->token_row[token] = row++;
    }
    adapter->at[m->index].tokens = add(adapter, m, "token_adapter.trainable_tokens_delta", row, m->w->cols);
    return STATUS_OK;
}

static Status attach_tokens_by_name(Adapter *adapter, const Json *given)
{
    for (const Json *item = json_first(given); item; item = json_next(item)) {
        const char *name = json_key(item), *embedding = first(adapter, MODULE_EMBEDDING)->path, *head = first(adapter, MODULE_HEAD)->path;
        if (ends_with(head, strlen(head), name))
            return fail(STATUS_INPUT, "trainable_token_indices: single rows of %s cannot be trained, in TRL neither; modules_to_save trains all of it", head);
        if (!ends_with(embedding, strlen(embedding), name)) return fail(STATUS_INPUT, "trainable_token_indices: \"%s\" is no embedding of this model", name);
        TRY(attach_tokens(adapter, item));
    }
    return STATUS_OK;
}

Status trained_attach(Adapter *adapter, Notices *notices)
{
    const Json *tokens = adapter->config.trainable_token_indices;
    for (int i = 0; i < adapter->modules.n; i++) TRY(attach_module(adapter, &adapter->modules.item[i]));
    notice_unmatched(adapter, notices);
    if (!tokens) return STATUS_OK;
    return json_kind(tokens) == JSON_OBJECT ? attach_tokens_by_name(adapter, tokens) : attach_tokens(adapter, tokens);
}

/* Values */

static float *value(const Adapter *adapter, int param) { return adapter->state->value + adapter->state->param[param].offset; }

static void copy_tokens(const Adapter *adapter, const Module *m, float *rows)
{
    const Json *given = adapter->config.trainable_token_indices, *tokens = json_kind(given) == JSON_OBJECT ? json_first(given) : given;
    for (const Json *item = json_first(tokens); item; item = json_next(item), rows += m->w->cols) module_weight_row(m, json_integer(item), rows);
}

void trained_initialize(const Adapter *adapter)
{
    for (int i = 0; i < adapter->modules.n; i++) {
        const Module *m = &adapter->modules.item[i];
        const Adapted *at = &adapter->at[i];
        if (at->weight != NO_PARAM) module_weight(adapter->model, m, value(adapter, at->weight));
        if (at->bias != NO_PARAM) memcpy(value(adapter, at->bias), m->b, (size_t)m->n * sizeof *m->b);
        if (at->tokens != NO_PARAM) copy_tokens(adapter, m, value(adapter, at->tokens));
    }
}

int64_t trained_uncounted(const Adapter *adapter)
{
    int64_t n = 0;
    for (int i = 0; i < adapter->modules.n; i++) {
        const Module *m = &adapter->modules.item[i];
        const Adapted *at = &adapter->at[i];
        if (m->kind == MODULE_EMBEDDING && at->weight != NO_PARAM) n += m->n * m->w->cols;
        if (at->bias != NO_PARAM && at->weight == NO_PARAM) n += m->n;
    }
    return n;
}
