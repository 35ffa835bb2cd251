/* Which modules an adapter sits on, by PEFT's rules (peft 0.21.2 tuners_utils.check_target_module_exists), and their ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "kernels/memory.h"
#include "train/adapter/method.h"
#include "train/adapter/module_path.h"
#include "train/adapter/replication.h"
#include "train/adapter/trained.h"

static bool is_all_linear(const Words *words) { return words->pattern && words->n && !strcasecmp(words->item[0], "all-linear"); }

/* Equal to the entry, or ending in "." + entry: whole components of the path. */
static bool has_suffix(const char *path, const char *entry)
{
    size_t n = strlen(path), m = strlen(entry);
    return n == m ? !strcmp(path, entry) : n > m && path[n - m - 1] == '.' && !strcmp(path + n - m, entry);
}

static Status in_words(const Words *words, const char *path, bool *found)
{
    *found = false;
    if (words->pattern && words->n) return module_path_matches(words->item[0], path, found);
    for (int i = 0; i < words->n; i++) *found = *found || has_suffix(path, words->item[i]);
    return STATUS_OK;
}

static bool is_exact(const Words *words, const char *path)
{
    for (int i = 0; i < words->n; i++)
        if (!strcmp(words->item[i], path)) return true;
    return false;
}

/* The layer's index must be right behind one of layers_pattern, where those are given. */
static Status layer_is_named(const LoraConfig *c, const Module *module, bool *named)
{
    *named = !c->layers_pattern.n;
    for (int i = 0; i < c->layers_pattern.n && !*named; i++) {
        char *pattern = memory_format("(?:.*\\.)?(?:%s)\\.%d\\..*", c->layers_pattern.item[i], module->layer);
        Status status = module_path_matches(pattern, module->path, named);
        free(pattern);
        TRY(status, "layers_pattern");
    }
    return STATUS_OK;
}

static bool in_integers(const Integers *integers, int64_t value)
{
    bool found = false;
    for (int i = 0; i < integers->n; i++) found = found || integers->item[i] == value;
    return found;
}

static Status is_target(const LoraConfig *c, const Module *module, bool *target)
{
    bool excluded, saved, named;
    TRY(in_words(&c->exclude_modules, module->path, &excluded), "exclude_modules");
    TRY(trained_excludes(c, module->path, &saved));
    *target = !excluded && !saved && module->kind == MODULE_LINEAR;
    if (excluded || saved || is_all_linear(&c->target_modules)) return STATUS_OK;
    TRY(in_words(&c->target_modules, module->path, target), "target_modules");
    if (!*target || !c->layers_to_transform.n || c->target_modules.pattern || is_exact(&c->target_modules, module->path)) return STATUS_OK;
    TRY(layer_is_named(c, module, &named));
    *target = module->layer >= 0 && named && in_integers(&c->layers_to_transform, module->layer);
    return STATUS_OK;
}

/* The first entry of rank_pattern or alpha_pattern whose key matches the path or its end; else the general value. */
static Status pattern_value(const Json *patterns, const char *key, const char *path, double general, double *out)
{
    *out = general;
    for (const Json *item = json_first(patterns); item; item = json_next(item)) {
        char *pattern = memory_format("(?:.*\\.)?(?:%s)", json_key(item));
        bool matches = false;
        Status status = module_path_matches(pattern, path, &matches);
        free(pattern);
        TRY(status, "%s", key);
        if (!matches) continue;
        *out = json_number(item);
        return STATUS_OK;
    }
    return STATUS_OK;
}

static Status attach_module(Adapter *adapter, const Module *module)
{
    const LoraConfig *c = &adapter->config;
    double rank, alpha;
    TRY(pattern_value(c->rank_pattern, "rank_pattern", module->path, (double)c->r, &rank));
    TRY(pattern_value(c->alpha_pattern, "alpha_pattern", module->path, c->lora_alpha, &alpha));
    Adapted *at = &adapter->at[module->index];
    at->rank = (int64_t)rank;
    at->scale = (float)(c->use_rslora ? alpha / sqrt(rank) : alpha / rank);
    adapter->n_adapted++;
    return adapter->method->attach(adapter, module);
}

static void list_words(Buffer *out, const Words *words)
{
    for (int i = 0; i < words->n; i++) buffer_format(out, "%s%s", i ? ", " : "", words->item[i]);
}

static void set_word(Words *words, int i, const char *text)
{
    words->item = memory_grow(words->item, (size_t)i + 1, sizeof *words->item);
    words->item[i] = memory_string(text);
    words->n = i + 1;
}

static const char *last_component(const char *path) { return strrchr(path, '.') ? strrchr(path, '.') + 1 : path; }

static void list_linears(Buffer *out, const Adapter *adapter)
{
    for (int i = 0; i < adapter->modules.n; i++) {
        const Module *m = &adapter->modules.item[i];
        if (m->kind == MODULE_LINEAR && !m->layer) buffer_format(out, "%s%s", out->len ? ", " : "", last_component(m->path));
    }
}

/* In a larger model of which this is the text part, other modules have these names too. */
#define OF_TEXT ".*language_model\\..*\\.(q_proj|v_proj)"

/* PEFT's for the model_type, where none are given. It knows none of multimodal models. */
static Status take_default_targets(Adapter *adapter)
{
    Words *targets = &adapter->config.target_modules;
    const ModelConfig *c = &adapter->model->config;
    if (targets->n) return STATUS_OK;
    for (int i = 0; !c->multimodal && c->family->default_targets[i]; i++) set_word(targets, i, c->family->default_targets[i]);
    if (targets->n) return STATUS_OK;
    Buffer known = {0};
    list_linears(&known, adapter);
    Status status = fail(STATUS_INPUT, "lora_target_modules must be given: PEFT knows none for %s; all-linear, or some of %s%s",
                         c->multimodal ? c->family->text_of : c->family->model_type, known.data, c->multimodal ? ", best as an expression: " OF_TEXT : "");
    buffer_free(&known);
    return status;
}

static Status nothing_matched(const Adapter *adapter)
{
    const LoraConfig *c = &adapter->config;
    Buffer asked = {0}, known = {0};
    list_words(&asked, &c->target_modules);
    list_linears(&known, adapter);
    bool more = c->exclude_modules.n || c->layers_to_transform.n || c->modules_to_save.n;
    Status status = fail(STATUS_INPUT, "target_modules %s%s: no module of this model is adapted%s; it has, in each of %lld layers: %s",
                         asked.data, c->target_modules.pattern ? " (a regular expression over whole paths)" : "",
                         more ? " (exclude_modules, layers_to_transform and modules_to_save count too)" : "", (long long)adapter->model->config.num_hidden_layers, known.data);
    buffer_free(&asked);
    buffer_free(&known);
    return status;
}

/* Entries that match nothing while others do. */
static void notice_unmatched(const Adapter *adapter, Notices *notices)
{
    const Words *targets = &adapter->config.target_modules;
    for (int i = 0; i < targets->n && !targets->pattern; i++) {
        bool found = false;
        for (int m = 0; m < adapter->modules.n; m++) found = found || has_suffix(adapter->modules.item[m].path, targets->item[i]);
        if (!found) notice(notices, "target_modules: \"%s\" is no module of this model", targets->item[i]);
    }
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void add_word_once(Words *words, const char *text)
{
    for (int i = 0; i < words->n; i++)
        if (!strcmp(words->item[i], text)) return;
    set_word(words, words->n, text);
}

/* PEFT saves the names that all-linear stood for: the modules' paths, or from 20 on their shortest unambiguous endings. */
static void expand_all_linear(Adapter *adapter)
{
    Words names = {0}, *targets = &adapter->config.target_modules;
    int n_linear = 0;
    for (int i = 0; i < adapter->modules.n; i++) n_linear += adapter->modules.item[i].kind == MODULE_LINEAR;
    for (int i = 0; i < adapter->modules.n; i++) {
        const Module *m = &adapter->modules.item[i];
        if (m->kind == MODULE_LINEAR) add_word_once(&names, n_linear < 20 ? m->path : last_component(m->path));
    }
    qsort(names.item, (size_t)names.n, sizeof *names.item, by_text);
    for (int i = 0; i < targets->n; i++) free(targets->item[i]);
    free(targets->item);
    *targets = names;
}

static Status attach_targets(Adapter *adapter, Notices *notices)
{
    for (int i = 0; i < adapter->modules.n; i++) {
        const Module *module = &adapter->modules.item[i];
        bool target;
        TRY(is_target(&adapter->config, module, &target));
        if (target) TRY(attach_module(adapter, module));
    }
    if (!adapter->n_adapted) return nothing_matched(adapter);
    notice_unmatched(adapter, notices);
    if (adapter->model->config.multimodal && (!adapter->config.target_modules.pattern || is_all_linear(&adapter->config.target_modules)))
        notice(notices, "target_modules: only the text part of %s is trained, and PEFT will adapt what has these names in its other parts too; "
                        "an expression such as " OF_TEXT " means the text part only", adapter->model->config.family->text_of);
    return STATUS_OK;
}

Status adapter_attach(Adapter *adapter, State *state, Model *model, LoraConfig *config, Notices *notices)
{
    *adapter = (Adapter){ .method = &lora, .config = *config, .state = state, .model = model };
    *config = (LoraConfig){0};
    TRY(replication_apply(&adapter->config, model));
    adapter->modules = model->modules;
    adapter->at = memory_new((size_t)adapter->modules.n, sizeof *adapter->at);
    for (int i = 0; i < adapter->modules.n; i++) adapter->at[i] = (Adapted){ .weight = NO_PARAM, .bias = NO_PARAM, .tokens = NO_PARAM };
    LoraConfig *c = &adapter->config;
    TRY(take_default_targets(adapter));
    TRY(trained_prepare(adapter, notices));
    TRY(attach_targets(adapter, notices));
    TRY(trained_attach(adapter, notices));
    if (is_all_linear(&c->target_modules)) expand_all_linear(adapter);
    for (int i = 0; i < adapter->modules.n; i++)
        if (adapter->at[i].n && adapter->modules.item[i].kind == MODULE_LINEAR) c->fan_in_fan_out = model->config.family->conv1d;
    return STATUS_OK;
}

void adapter_initialize(const Adapter *adapter, uint64_t seed)
{
    Random random;
    random_seed(&random, seed);
    for (int i = 0; i < adapter->modules.n; i++)
        if (adapter->at[i].n) adapter->method->initialize(adapter, &adapter->modules.item[i], &random);
    trained_initialize(adapter);
}

void adapter_free(Adapter *adapter)
{
    lora_config_free(&adapter->config);
    free(adapter->at);
    free(adapter->token_row);
    *adapter = (Adapter){0};
}
