#include "data/set/data_files.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/path.h"
#include "kernels/memory.h"

/* What is searched: the files below a folder, and what of them was chosen. */
typedef struct { const char *folder; Paths all, chosen; const char *split; Buffer splits; } Search;

static const char *split_of(const DataPlace *place) { return place->split ? place->split : "train"; }

/* Patterns ------------------------------------------------------------------------------------------------------------- */

static bool is_ignored(const char *path, const char *pattern)
{
    static const char *const ignored[] = { "README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dummy_data.zip", "dataset_dict.json" };
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *asked = strrchr(pattern, '/');
    for (size_t k = 0; k < sizeof ignored / sizeof *ignored; k++)
        if (!strcmp(name, ignored[k])) return strcmp(asked ? asked + 1 : pattern, name) != 0;
    return false;
}

static int choose(const Search *search, const char *pattern, Paths *out)
{
    int n = 0;
    for (int i = 0; i < search->all.n; i++) {
        if (!glob_matches(pattern, search->all.path[i]) || is_ignored(search->all.path[i], pattern)) continue;
        if (out) paths_add(out, search->all.path[i]);
        n++;
    }
    return n;
}

static bool add_split(Search *search, const char *split)
{
    buffer_format(&search->splits, "%s%s", search->splits.len ? ", " : "", split);
    return !strcmp(split, search->split);
}

/* Splits of a folder --------------------------------------------------------------------------------------------------- */

#define FIVE_DIGITS "[0-9][0-9][0-9][0-9][0-9]"
#define APART "[-._ 0-9]"
static const char shard[] = "-" FIVE_DIGITS "-of-" FIVE_DIGITS "*.*";

static const struct { const char *split, *keyword[5]; } known_splits[] = {
    { "train", { "train", "training" } }, { "validation", { "validation", "valid", "dev", "val" } }, { "test", { "test", "testing", "eval", "evaluation" } },
};
static const char *const by_folder[] = { "**/%s/**", "**/%s" APART "*/**", "**/*" APART "%s/**", "**/*" APART "%s" APART "*/**", NULL };
static const char *const by_name[] = { "**/%s" APART "*", "**/*" APART "%s" APART "*", NULL };

/* The split of data/SPLIT-00000-of-00001.jsonl. */
static char *shard_split(const char *path)
{
    const char *name = strrchr(path, '/') + 1, *end = NULL;
    for (const char *at = strchr(name, '-'); at; at = strchr(at + 1, '-'))
        if (at > name && glob_matches(shard, at)) end = at;
    return end ? memory_format("%.*s", (int)(end - name), name) : NULL;
}

static bool find_shards(Search *search)
{
    char *last = NULL, *pattern = memory_format("data/*%s", shard);
    Paths shards = {0};
    choose(search, pattern, &shards);
    free(pattern);
    for (int i = 0; i < shards.n; i++) {
        char *split = shard_split(shards.path[i]);
        bool another = split && (!last || strcmp(last, split));      /* sorted: shards of a split stand together */
        if (another && add_split(search, split)) {
            pattern = memory_format("data/%s%s", split, shard);
            choose(search, pattern, &search->chosen);
            free(pattern);
        }
        free(last);
        last = split;
    }
    free(last);
    paths_free(&shards);
    return search->splits.len > 0;
}

/* The files of one known split, by one of the ways to name it. */
static int choose_known(const Search *search, const char *const *keyword, const char *const *way, Paths *out)
{
    int n = 0;
    for (; *keyword; keyword++)
        for (const char *const *form = way; *form; form++) {
            char *pattern = memory_format(*form, *keyword);
            n += choose(search, pattern, out);
            free(pattern);
        }
    return n;
}

static bool find_known(Search *search, const char *const *way)
{
    for (size_t k = 0; k < sizeof known_splits / sizeof *known_splits; k++) {
        Paths files = {0};
        bool asked = choose_known(search, known_splits[k].keyword, way, &files) && add_split(search, known_splits[k].split);
        if (asked) search->chosen = files;
        else paths_free(&files);
    }
    return search->splits.len > 0;
}

static void find_any(Search *search)
{
    if (choose(search, "**", NULL) && add_split(search, "train")) choose(search, "**", &search->chosen);
}

static void find_splits(Search *search)
{
    if (find_shards(search) || find_known(search, by_folder) || find_known(search, by_name)) return;
    find_any(search);
}

/* data_files ----------------------------------------------------------------------------------------------------------- */

/* The pattern's own folder is searched where it does not lie below: "/data/x.csv", "../x.csv". */
static Status choose_elsewhere(const char *pattern, Paths *out)
{
    const char *magic = strpbrk(pattern, "*?["), *end = magic ? magic : pattern + strlen(pattern);
    while (end > pattern && end[-1] != '/') end--;
    char *folder = end > pattern ? memory_format("%.*s", (int)(end - pattern), pattern) : memory_string(".");
    Search search = { .folder = folder };
    Status status = glob_files(&search.all, folder);
    if (status == STATUS_OK) choose(&search, end, &search.chosen);
    for (int i = 0; i < search.chosen.n; i++) {
        char *path = memory_format("%.*s%s", (int)(end - pattern), pattern, search.chosen.path[i]);
        paths_add(out, path);
        free(path);
    }
    paths_free(&search.all);
    paths_free(&search.chosen);
    free(folder);
    return status;
}

static Status choose_one(const char *folder, const char *pattern, Paths *out)
{
    char *full = *pattern == '/' || !*folder ? memory_string(pattern) : memory_format("%s/%s", folder, pattern);
    int before = out->n;
    Status status = STATUS_OK;
    if (glob_has_magic(pattern)) status = choose_elsewhere(full, out);
    else paths_add(out, full);
    if (status == STATUS_OK && out->n == before) status = fail(STATUS_INPUT, "%s: no file matches", full);
    free(full);
    return status;
}

static Status choose_listed(const char *folder, const Json *patterns, Paths *out)
{
    if (json_string(patterns)) return choose_one(folder, json_string(patterns), out);
    if (json_kind(patterns) != JSON_ARRAY) return fail(STATUS_INPUT, "data_files: found %s, expected a path, a list of paths, or an object from split to these",
                                                       json_kind_name(patterns));
    for (const Json *item = json_first(patterns); item; item = json_next(item)) {
        if (!json_string(item)) return fail(STATUS_INPUT, "data_files: an item of the list is %s, expected a path", json_kind_name(item));
        TRY(choose_one(folder, json_string(item), out));
    }
    return STATUS_OK;
}

static const Json *patterns_of(Search *search, const Json *data_files)
{
    if (json_kind(data_files) != JSON_OBJECT) return add_split(search, "train") ? data_files : NULL;
    const Json *found = NULL;
    for (const Json *member = json_first(data_files); member; member = json_next(member))
        if (add_split(search, json_key(member))) found = member;
    return found;
}

/* ------------------------------------------------------------------------------------------------------------------- */

static void notice_twice(const Paths *paths, Notices *notices)
{
    for (int i = 0; i < paths->n; i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(paths->path[i], paths->path[k])) {
                notice(notices, "%s: is read twice, as `datasets` does: two patterns of its split match it", paths->path[i]);
                break;
            }
}

/* Only files of the format that most have are kept. */
static void keep_format(DataFiles *files, const char *where, Notices *notices)
{
    int kept = 0, n = files->paths.n;
    for (int i = 0; i < n; i++) {
        char *path = files->paths.path[i];
        if (row_format_of(path) == files->format) files->paths.path[kept++] = path;
        else free(path);
    }
    files->paths.n = kept;
    if (kept < n) notice(notices, "%s: %d of %d files are not read: they are not %s, as most are", where, n - kept, n, files->format->name);
}

static Status settle_format(DataFiles *files, const char *where, Notices *notices)
{
    if (files->format) return STATUS_OK;
    files->format = row_format_of_most(files->paths.path, files->paths.n);
    if (!files->format) return fail(STATUS_INPUT, "%s: none of its files has an ending that says its format: jsonl, json, csv, tsv, txt or parquet", where);
    keep_format(files, where, notices);
    files->format = NULL;      /* the ending of each says more: .csv and .tsv */
    return STATUS_OK;
}

static Status no_split(const Search *search, const char *where)
{
    return fail(STATUS_INPUT, "%s: no split \"%s\"; found: %s", where, search->split, search->splits.len ? search->splits.data : "no files");
}

static Status find_in_folder(Search *search, DataFiles *files)
{
    TRY(glob_files(&search->all, *search->folder ? search->folder : "."));
    find_splits(search);
    for (int i = 0; i < search->chosen.n; i++) {
        char *path = *search->folder ? memory_format("%s/%s", search->folder, search->chosen.path[i]) : memory_string(search->chosen.path[i]);
        paths_add(&files->paths, path);
        free(path);
    }
    return STATUS_OK;
}

/* A folder, or files that are listed below `folder`. */
static Status find_split(DataFiles *files, const DataPlace *place, const char *folder, const char *where)
{
    Search search = { .folder = folder, .split = split_of(place) };
    Status status = STATUS_OK;
    const Json *patterns = place->data_files ? patterns_of(&search, place->data_files) : NULL;
    if (patterns) status = choose_listed(folder, patterns, &files->paths);
    else if (!place->data_files) status = find_in_folder(&search, files);
    if (status == STATUS_OK && !files->paths.n) status = no_split(&search, where);
    paths_free(&search.all);
    paths_free(&search.chosen);
    buffer_free(&search.splits);
    return status;
}

static bool is_format_name(const DataPlace *place) { return row_format_named(place->path) && (place->data_files || place->data_dir); }

bool data_place_has_splits(const DataPlace *place)
{
    return json_kind(place->data_files) == JSON_OBJECT || (!place->data_files && (path_is_folder(place->path) || is_format_name(place)));
}

static Status find(DataFiles *files, const DataPlace *place, Notices *notices)
{
    const char *path = place->path, *dir = place->data_dir;
    bool named = is_format_name(place);
    if (!named && !path_is_folder(path)) {
        if (place->data_files || dir)
            return fail(STATUS_INPUT, "%s: data_files and data_dir go with a folder or the name of a format: json, csv, text or parquet", path);
        TRY(choose_one("", path, &files->paths));
        return glob_has_magic(path) ? settle_format(files, path, notices) : STATUS_OK;
    }
    if (named) files->format = row_format_named(path);
    char *folder = named ? memory_string(dir ? dir : "") : dir ? memory_format("%s/%s", path, dir) : memory_string(path);
    Status status = find_split(files, place, folder, path);
    free(folder);
    TRY(status);
    notice_twice(&files->paths, notices);
    return settle_format(files, path, notices);
}

Status data_files_find(DataFiles *files, const DataPlace *place, Notices *notices)
{
    *files = (DataFiles){0};
    Status status = find(files, place, notices);
    if (status != STATUS_OK) data_files_free(files);
    return status;
}

void data_files_free(DataFiles *files)
{
    paths_free(&files->paths);
    *files = (DataFiles){0};
}
