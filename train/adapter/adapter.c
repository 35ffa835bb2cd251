/* Which sites an adapter sits on, by PEFT's rules (peft 0.21.2 tuners_utils.check_target_module_exists), and their ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "train/adapter/module_path.h"
#include "kernels/memory.h"
#include "train/adapter/method.h"

Var site_forward(Tape *tape, const Adapter *active, const Site *site, SiteContext context, Var x)
{
    if (active && active->at[site->index].n) return active->method->forward(tape, active, site, context, x);
    return op_linear(tape, x, &site->w, site->b, NULL, 0);
}

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
static Status layer_is_named(const LoraConfig *c, const Site *site, bool *named)
{
    *named = !c->layers_pattern.n;
    for (int i = 0; i < c->layers_pattern.n && !*named; i++) {
        char *pattern = memory_format("(?:.*\\.)?(?:%s)\\.%d\\..*", c->layers_pattern.item[i], site->layer);
        Status status = module_path_matches(pattern, site->path, named);
        free(pattern);
        TRY(status, "layers_pattern");
    }
    return STATUS_OK;
}

static Status is_target(const LoraConfig *c, const Site *site, bool *target)
{
    bool excluded, named;
    TRY(in_words(&c->exclude_modules, site->path, &excluded), "exclude_modules");
    *target = !excluded;
    if (excluded || is_all_linear(&c->target_modules)) return STATUS_OK;
    TRY(in_words(&c->target_modules, site->path, target), "target_modules");
    if (!*target || !c->layers_to_transform.n || c->target_modules.pattern || is_exact(&c->target_modules, site->path)) return STATUS_OK;
    TRY(layer_is_named(c, site, &named));
    bool listed = false;
    for (int i = 0; i < c->layers_to_transform.n; i++) listed = listed || c->layers_to_transform.item[i] == site->layer;
    *target = named && listed;
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

static Status attach_site(Adapter *adapter, const Site *site)
{
    const LoraConfig *c = &adapter->config;
    double rank, alpha;
    TRY(pattern_value(c->rank_pattern, "rank_pattern", site->path, (double)c->r, &rank));
    TRY(pattern_value(c->alpha_pattern, "alpha_pattern", site->path, c->lora_alpha, &alpha));
    SiteParams *at = &adapter->at[site->index];
    at->rank = (int64_t)rank;
    at->scale = (float)(c->use_rslora ? alpha / sqrt(rank) : alpha / rank);
    adapter->method->attach(adapter, site);
    adapter->n_adapted++;
    return STATUS_OK;
}

static void list_words(Buffer *out, const Words *words)
{
    for (int i = 0; i < words->n; i++) buffer_format(out, "%s%s", i ? ", " : "", words->item[i]);
}

static const char *last_component(const char *path) { return strrchr(path, '.') ? strrchr(path, '.') + 1 : path; }

static Status nothing_matched(const LoraConfig *c, const Model *model)
{
    Buffer asked = {0}, known = {0};
    list_words(&asked, &c->target_modules);
    const Family *f = model->config.family;
    for (int i = 0; i < family_sites(f); i++) buffer_format(&known, "%s%s", i ? ", " : "", last_component(f->site[i].module));
    Status status = fail(STATUS_INPUT, "target_modules %s%s: no module of this model is adapted%s; it has, in each of %lld layers: %s",
                         asked.data, c->target_modules.pattern ? " (a regular expression over whole paths)" : "",
                         c->exclude_modules.n || c->layers_to_transform.n ? " (exclude_modules and layers_to_transform count too)" : "",
                         (long long)model->config.num_hidden_layers, known.data);
    buffer_free(&asked);
    buffer_free(&known);
    return status;
}

/* Would PEFT adapt this module, which graft has no site for? */
static Status is_asked_for(const LoraConfig *c, const char *path, bool *asked)
{
    bool excluded;
    TRY(in_words(&c->exclude_modules, path, &excluded), "exclude_modules");
    TRY(in_words(&c->target_modules, path, asked), "target_modules");
    *asked = *asked && !excluded;
    return STATUS_OK;
}

/* Targets that PEFT knows and graft does not, and entries that match nothing while others do. */
static Status check_targets(const LoraConfig *c, const Model *model, Notices *notices)
{
    bool head, embedding;
    if (is_all_linear(&c->target_modules)) return STATUS_OK;
    TRY(is_asked_for(c, model->head_path, &head));
    if (head) return fail(STATUS_INPUT, "target_modules: %s cannot be adapted, in TRL neither: the loss multiplies with its weight directly", model->head_path);
    TRY(is_asked_for(c, model->embedding_path, &embedding));
    if (embedding) return fail(STATUS_INPUT, "target_modules: adapters on %s are not supported", model->embedding_path);
    for (int i = 0; i < c->target_modules.n && !c->target_modules.pattern; i++) {
        const char *entry = c->target_modules.item[i];
        bool found = has_suffix(model->head_path, entry) || has_suffix(model->embedding_path, entry);
        for (int s = 0; s < model->n_sites; s++) found = found || has_suffix(model_site(model, s)->path, entry);
        if (!found) notice(notices, "target_modules: \"%s\" is no module of this model", entry);
    }
    return STATUS_OK;
}

static void set_word(Words *words, int i, const char *text)
{
    words->item = memory_grow(words->item, (size_t)i + 1, sizeof *words->item);
    words->item[i] = memory_string(text);
    words->n = i + 1;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* PEFT saves the names that all-linear stood for: the modules' paths, or from 20 on their shortest unambiguous endings. */
static void expand_all_linear(LoraConfig *c, const Model *model)
{
    Words names = {0};
    for (int s = 0; s < model->n_sites; s++) {
        const Site *site = model_site(model, s);
        if (model->n_sites < 20) set_word(&names, names.n, site->path);
        else if (!site->layer) set_word(&names, names.n, last_component(site->path));
    }
    qsort(names.item, (size_t)names.n, sizeof *names.item, by_text);
    for (int i = 0; i < c->target_modules.n; i++) free(c->target_modules.item[i]);
    free(c->target_modules.item);
    c->target_modules = names;
}

Status adapter_attach(Adapter *adapter, State *state, const Model *model, LoraConfig *config, Notices *notices)
{
    *adapter = (Adapter){ .method = &lora, .config = *config, .state = state, .n_sites = model->n_sites,
                          .at = memory_new((size_t)model->n_sites, sizeof *adapter->at) };
    *config = (LoraConfig){0};
    LoraConfig *c = &adapter->config;
    const char *const *fallback = model->config.family->default_targets;
    for (int i = 0; (!c->target_modules.n || i) && fallback[i]; i++) set_word(&c->target_modules, i, fallback[i]);
    TRY(check_targets(c, model, notices));
    for (int s = 0; s < model->n_sites; s++) {
        bool target;
        TRY(is_target(c, model_site(model, s), &target));
        if (target) TRY(attach_site(adapter, model_site(model, s)));
    }
    if (!adapter->n_adapted) return nothing_matched(c, model);
    if (is_all_linear(&c->target_modules)) expand_all_linear(c, model);
    return STATUS_OK;
}

void adapter_initialize(const Adapter *adapter, const Model *model, uint64_t seed)
{
    Random random;
    random_seed(&random, seed);
    for (int s = 0; s < model->n_sites; s++)
        if (adapter->at[s].n) adapter->method->initialize(adapter, model_site(model, s), &random);
}

void adapter_free(Adapter *adapter)
{
    lora_config_free(&adapter->config);
    free(adapter->at);
    *adapter = (Adapter){0};
}
