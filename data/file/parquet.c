#include "data/file/parquet.h"

#include <pthread.h>
#include <stdlib.h>

#include "data/file/parquet/footer.h"
#include "data/file/parquet/row_group.h"
#include "data/file/parquet/schema.h"
#include "kernels/memory.h"

enum { MAX_KEPT = 4, BASE_LIMIT = 128 << 20, BYTES_PER_BYTE = 64 };

/* A decoded row group. Threads that read its rows count as users; only one without users may go. */
typedef struct { RowGroup rows; int i_group, users; uint64_t used_at; } Kept;

typedef struct { pthread_mutex_t lock; Kept **kept; int n, cap; uint64_t clock; } Cache;

struct Parquet {
    Mapped file, own;            /* own: to be closed, {0} when the file is the caller's */
    Footer footer;
    Schema schema;
    size_t limit;
    Cache  *cache;
};

/* Opening ----------------------------------------------------------------------------------------------------------- */

static Status read_structure(Parquet *parquet)
{
    TRY(footer_read(&parquet->footer, &parquet->file));
    TRY(schema_build(&parquet->schema, parquet->footer.element, parquet->footer.n_elements));
    for (int i = 0; i < parquet->footer.n_groups; i++) TRY(row_group_check(&parquet->schema, &parquet->footer, i, &parquet->file));
    return STATUS_OK;
}

Status parquet_parse(Parquet **out, const Mapped *file)
{
    Parquet *parquet = memory_new(1, sizeof *parquet);
    parquet->file = *file;
    parquet->limit = BASE_LIMIT + BYTES_PER_BYTE * file->n_bytes;
    parquet->cache = memory_new(1, sizeof *parquet->cache);
    pthread_mutex_init(&parquet->cache->lock, NULL);
    Status status = read_structure(parquet);
    if (status == STATUS_OK) *out = parquet;
    else parquet_close(parquet);
    return status == STATUS_OK ? STATUS_OK : status_context(status, "%s", file->path);
}

Status parquet_open(Parquet **out, const char *path)
{
    Mapped file = {0};
    TRY(mapped_open(&file, path));
    Status status = parquet_parse(out, &file);
    if (status == STATUS_OK) (*out)->own = file;
    else mapped_close(&file);
    return status;
}

static void drop(Cache *cache, int i)
{
    row_group_free(&cache->kept[i]->rows);
    free(cache->kept[i]);
    cache->kept[i] = cache->kept[--cache->n];
}

void parquet_close(Parquet *parquet)
{
    if (!parquet) return;
    while (parquet->cache->n) drop(parquet->cache, 0);
    pthread_mutex_destroy(&parquet->cache->lock);
    free(parquet->cache->kept);
    free(parquet->cache);
    schema_free(&parquet->schema);
    footer_free(&parquet->footer);
    mapped_close(&parquet->own);
    free(parquet);
}

int64_t parquet_rows(const Parquet *parquet) { return parquet->footer.n_rows; }

/* Row groups -------------------------------------------------------------------------------------------------------- */

/* The last group that starts at or before row i: behind empty ones. */
static int group_of(const Footer *footer, int64_t i)
{
    int low = 0, high = footer->n_groups;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (footer->group[middle].first_row <= i) low = middle;
        else high = middle;
    }
    return low;
}

/* The one without users that was used longest ago; -1 if there is none. */
static int idlest(const Cache *cache)
{
    int found = -1;
    for (int i = 0; i < cache->n; i++)
        if (!cache->kept[i]->users && (found < 0 || cache->kept[i]->used_at < cache->kept[found]->used_at)) found = i;
    return found;
}

static void make_room(Cache *cache, size_t limit)
{
    for (int i; (i = idlest(cache)) >= 0;) {
        size_t used = 0;
        for (int k = 0; k < cache->n; k++) used += cache->kept[k]->rows.store.used;
        if (cache->n < MAX_KEPT && used <= limit / 2) return;
        drop(cache, i);
    }
}

static Status decode(const Parquet *parquet, int i_group, Kept **out)
{
    Cache *cache = parquet->cache;
    make_room(cache, parquet->limit);
    Kept *kept = memory_new(1, sizeof *kept);
    kept->i_group = i_group;
    Status status = row_group_decode(&kept->rows, &parquet->schema, &parquet->footer, i_group, &parquet->file, parquet->limit);
    if (status == STATUS_OK) {
        *out = MEMORY_PUSH(cache->kept, cache->n, cache->cap) = kept;
        return STATUS_OK;
    }
    row_group_free(&kept->rows);
    free(kept);
    return status;
}

/* The group, decoded, with the caller among its users. */
static Status take_group(const Parquet *parquet, int i_group, Kept **out)
{
    Cache *cache = parquet->cache;
    Status status = STATUS_OK;
    *out = NULL;
    pthread_mutex_lock(&cache->lock);
    for (int i = 0; i < cache->n; i++)
        if (cache->kept[i]->i_group == i_group) *out = cache->kept[i];
    if (!*out) status = decode(parquet, i_group, out);
    if (status == STATUS_OK) {
        (*out)->users++;
        (*out)->used_at = ++cache->clock;
    }
    pthread_mutex_unlock(&cache->lock);
    return status;
}

static void give_back(const Parquet *parquet, Kept *kept)
{
    pthread_mutex_lock(&parquet->cache->lock);
    kept->users--;
    pthread_mutex_unlock(&parquet->cache->lock);
}

Status parquet_row(const Parquet *parquet, int64_t i, Json **out)
{
    CHECK(i >= 0 && i < parquet->footer.n_rows, "row %lld of %lld", (long long)i, (long long)parquet->footer.n_rows);
    int i_group = group_of(&parquet->footer, i);
    Kept *kept;
    TRY(take_group(parquet, i_group, &kept), "%s", parquet->file.path);
    Status status = row_group_row(&kept->rows, i - parquet->footer.group[i_group].first_row, out);
    give_back(parquet, kept);
    if (status != STATUS_OK) return status_context(status, "%s: row %lld", parquet->file.path, (long long)i + 1);
    return STATUS_OK;
}
