#include "train/rows/rows_keys.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "train/recipe_keys.h"

/* `own` with `key` and `n` of another table in place of its own; `key` is the caller's to free. */
static Keys joined(const Keys *own)
{
    Keys all = *own;
    Key *key = memory_new((size_t)(recipe_keys.n + own->n), sizeof *key);
    memcpy(key, own->key, (size_t)own->n * sizeof *key);
    memcpy(key + own->n, recipe_keys.key, (size_t)recipe_keys.n * sizeof *key);
    all.key = key;
    all.n = own->n + recipe_keys.n;
    return all;
}

Status rows_keys_parse(const Keys *own, Recipe *target, int argc, char **argv, Notices *notices)
{
    Keys all = joined(own);
    Status status = keys_parse(&all, target, &target->given, argc, argv, notices);
    free((Key *)all.key);
    if (status == STATUS_OK) status = recipe_settle_rows(target, notices);
    if (status != STATUS_OK) rows_keys_free(own, target);
    return status;
}

void rows_keys_free(const Keys *own, Recipe *target)
{
    keys_free(own, target);
    recipe_free(target);
}

/* The group "Data", the model before it, and the file of a recipe. */
static bool matters(const Key *key, const char *group)
{
    return key->status == KEY_CONFIG || (group && !strcmp(group, "Data")) || !strcmp(key->name, "model_name_or_path");
}

void rows_keys_help(const Keys *own, FILE *out)
{
    Keys all = joined(own);
    Key *key = (Key *)all.key;
    const char *group = NULL;
    all.n = own->n;
    for (int i = 0; i < recipe_keys.n; i++) {
        if (recipe_keys.key[i].group) group = recipe_keys.key[i].group;
        if (recipe_keys.key[i].status <= KEY_CONFIG && matters(&recipe_keys.key[i], group)) key[all.n++] = recipe_keys.key[i];
    }
    keys_help(&all, out);
    free(key);
}
