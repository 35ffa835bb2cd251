#include "data/file/parquet/chunk.h"

#include <stdbool.h>
#include <stdlib.h>

#include "data/file/parquet/codec.h"
#include "data/file/parquet/encoding.h"
#include "data/file/parquet/thrift.h"
#include "kernels/memory.h"

typedef enum { PAGE_DATA, PAGE_INDEX, PAGE_DICTIONARY, PAGE_DATA_V2 } PageType;

typedef struct {
    int type, plain_bytes, n_bytes;            /* with and without compression */
    int n_entries, encoding, def_encoding, rep_encoding;
    int def_bytes, rep_bytes;                  /* v2 */
    bool compressed;
    bool described;                            /* the part of the header that belongs to the type was there */
} PageHeader;

typedef struct {
    Chunk *out;
    const FooterChunk *where;
    const Mapped *file;
    Store *store;
    Dictionary dictionary;
    bool has_dictionary;
    size_t at, end;                            /* of the file: what is still to be read */
    int64_t cap_values;
} Reading;

/* Headers ----------------------------------------------------------------------------------------------------------- */

static void read_data_header(Thrift *t, ThriftField field, PageHeader *h)
{
    h->described = thrift_enter(t, field);
    for (ThriftField member = {0}; !t->failed && thrift_next(t, &member);)
        switch (member.id) {
        case 1: h->n_entries = thrift_int(t, member); break;
        case 2: h->encoding = thrift_int(t, member); break;
        case 3: h->def_encoding = thrift_int(t, member); break;
        case 4: h->rep_encoding = thrift_int(t, member); break;
        default: thrift_skip(t, member);
        }
}

static void read_dictionary_header(Thrift *t, ThriftField field, PageHeader *h)
{
    h->described = thrift_enter(t, field);
    for (ThriftField member = {0}; !t->failed && thrift_next(t, &member);)
        switch (member.id) {
        case 1: h->n_entries = thrift_int(t, member); break;
        case 2: h->encoding = thrift_int(t, member); break;
        default: thrift_skip(t, member);
        }
}

static void read_data_header_v2(Thrift *t, ThriftField field, PageHeader *h)
{
    h->described = thrift_enter(t, field);
    h->def_encoding = h->rep_encoding = ENCODING_RLE;
    for (ThriftField member = {0}; !t->failed && thrift_next(t, &member);)
        switch (member.id) {
        case 1: h->n_entries = thrift_int(t, member); break;
        case 4: h->encoding = thrift_int(t, member); break;
        case 5: h->def_bytes = thrift_int(t, member); break;
        case 6: h->rep_bytes = thrift_int(t, member); break;
        case 7: h->compressed = thrift_bool(t, member); break;
        default: thrift_skip(t, member);
        }
}

static void read_header(Thrift *t, PageHeader *h)
{
    *h = (PageHeader){ .type = -1, .compressed = true };
    for (ThriftField field = {0}; thrift_next(t, &field);)
        switch (field.id) {
        case 1: h->type = thrift_int(t, field); break;
        case 2: h->plain_bytes = thrift_int(t, field); break;
        case 3: h->n_bytes = thrift_int(t, field); break;
        case 5: read_data_header(t, field, h); break;
        case 7: read_dictionary_header(t, field, h); break;
        case 8: read_data_header_v2(t, field, h); break;
        default: thrift_skip(t, field);
        }
}

static Status next_page(Reading *r, PageHeader *h, const uint8_t **bytes)
{
    Thrift t = { .bytes = r->file->bytes + r->at, .n = r->end - r->at };
    if (r->at == r->end)
        return fail(STATUS_INPUT, "the column's pages end after %lld of %lld entries", (long long)r->out->n_entries, (long long)r->where->n_values);
    read_header(&t, h);
    bool positive = h->plain_bytes >= 0 && h->n_bytes >= 0 && h->n_entries >= 0 && h->def_bytes >= 0 && h->rep_bytes >= 0;
    if (t.failed || !positive) return fail(STATUS_INPUT, "a page header that is damaged");
    if ((size_t)h->n_bytes > t.n - t.at) return fail(STATUS_INPUT, "a page of %d bytes, the column has %zu left", h->n_bytes, t.n - t.at);
    if (!h->described && h->type != PAGE_INDEX && h->type <= (int)PAGE_DATA_V2) return fail(STATUS_INPUT, "a page header without its second half");
    *bytes = t.bytes + t.at;
    r->at += t.at + (size_t)h->n_bytes;
    return STATUS_OK;
}

/* Pages ------------------------------------------------------------------------------------------------------------- */

static Status read_dictionary(Reading *r, const PageHeader *h, const uint8_t *bytes)
{
    Encoded e = { .leaf = r->out->leaf, .n_bytes = (size_t)h->plain_bytes, .store = r->store };
    if (h->encoding != ENCODING_PLAIN && h->encoding != ENCODING_PLAIN_DICTIONARY) return fail(STATUS_INPUT, "a dictionary with encoding %d", h->encoding);
    TRY(codec_decompress(r->where->codec, bytes, (size_t)h->n_bytes, e.n_bytes, r->store, &e.bytes));
    TRY(store_new(r->store, (size_t)h->n_entries, sizeof *r->dictionary.value, &r->dictionary.value));
    r->dictionary.n = h->n_entries;
    r->has_dictionary = true;
    return h->n_entries ? encoding_get(&e, h->n_entries, r->dictionary.value) : STATUS_OK;
}

/* Room for `n` more values: twice as much as before, but not more than the column can have. */
static Status grow_values(Reading *r, int64_t n)
{
    int64_t wanted = r->out->n_values + n, cap = r->cap_values * 2 < r->where->n_values ? r->cap_values * 2 : r->where->n_values;
    if (wanted <= r->cap_values) return STATUS_OK;
    if (cap < wanted) cap = wanted;
    TRY(store_claim(r->store, (size_t)(cap - r->cap_values), sizeof *r->out->value));
    r->out->value = memory_grow(r->out->value, (size_t)cap, sizeof *r->out->value);
    r->cap_values = cap;
    return STATUS_OK;
}

/* The page's entries: their levels are in, its values are decoded behind those of the pages before. */
static Status read_values(Reading *r, const PageHeader *h, const uint8_t *bytes, size_t n_bytes)
{
    Chunk *out = r->out;
    Encoded e = { .leaf = out->leaf, .bytes = bytes, .n_bytes = n_bytes, .encoding = h->encoding, .store = r->store };
    int64_t n = h->n_entries;
    if (r->has_dictionary) e.dictionary = &r->dictionary;
    if (out->def)
        for (int64_t i = n = 0; i < h->n_entries; i++) n += out->def[out->n_entries + i] == out->leaf->max_def;
    TRY(grow_values(r, n));
    if (n) TRY(encoding_get(&e, n, out->value + out->n_values));
    out->n_values += n;
    out->n_entries += h->n_entries;
    return STATUS_OK;
}

/* Levels of the page's entries, where the column has any; `sized`: they say their own length. */
static Status read_rep(Reading *r, const PageHeader *h, const uint8_t *bytes, size_t n_bytes, bool sized, size_t *used)
{
    const EncodedLevels levels = { bytes, n_bytes, h->rep_encoding, r->out->leaf->max_rep, sized };
    *used = 0;
    if (levels.max) TRY(encoding_levels(&levels, h->n_entries, r->out->rep + r->out->n_entries, used), "repetition levels");
    return STATUS_OK;
}

static Status read_def(Reading *r, const PageHeader *h, const uint8_t *bytes, size_t n_bytes, bool sized, size_t *used)
{
    const EncodedLevels levels = { bytes, n_bytes, h->def_encoding, r->out->leaf->max_def, sized };
    *used = 0;
    if (levels.max) TRY(encoding_levels(&levels, h->n_entries, r->out->def + r->out->n_entries, used), "definition levels");
    return STATUS_OK;
}

/* Repetition levels, definition levels and values lie in one compressed piece. */
static Status read_data(Reading *r, const PageHeader *h, const uint8_t *packed)
{
    const uint8_t *bytes = NULL;
    size_t n = (size_t)h->plain_bytes, rep, def;
    TRY(codec_decompress(r->where->codec, packed, (size_t)h->n_bytes, n, r->store, &bytes));
    TRY(read_rep(r, h, bytes, n, true, &rep));
    TRY(read_def(r, h, bytes + rep, n - rep, true, &def));
    return read_values(r, h, bytes + rep + def, n - rep - def);
}

/* Levels lie before the values, uncompressed, and the header has their lengths. */
static Status read_data_v2(Reading *r, const PageHeader *h, const uint8_t *bytes)
{
    const uint8_t *values = NULL;
    size_t rep = (size_t)h->rep_bytes, def = (size_t)h->def_bytes, levels = rep + def, used;
    if (levels > (size_t)h->n_bytes || levels > (size_t)h->plain_bytes) return fail(STATUS_INPUT, "%zu bytes of levels in a page of %d", levels, h->n_bytes);
    TRY(read_rep(r, h, bytes, rep, false, &used));
    TRY(read_def(r, h, bytes + rep, def, false, &used));
    size_t packed = (size_t)h->n_bytes - levels, plain = (size_t)h->plain_bytes - levels;
    TRY(codec_decompress(h->compressed ? r->where->codec : CODEC_NONE, bytes + levels, packed, plain, r->store, &values));
    return read_values(r, h, values, plain);
}

static Status read_page(Reading *r, const PageHeader *h, const uint8_t *bytes)
{
    if (h->type == PAGE_DICTIONARY) return read_dictionary(r, h, bytes);
    if (h->type != PAGE_DATA && h->type != PAGE_DATA_V2) return STATUS_OK;      /* an index, or what is not known yet */
    if (h->n_entries > r->where->n_values - r->out->n_entries)
        return fail(STATUS_INPUT, "%d entries, the column has %lld left", h->n_entries, (long long)(r->where->n_values - r->out->n_entries));
    return h->type == PAGE_DATA ? read_data(r, h, bytes) : read_data_v2(r, h, bytes);
}

static Status read_pages(Reading *r)
{
    for (int page = 0; r->out->n_entries < r->where->n_values; page++) {
        PageHeader h;
        const uint8_t *bytes = NULL;
        TRY(next_page(r, &h, &bytes), "page %d", page);
        TRY(read_page(r, &h, bytes), "page %d", page);
    }
    return STATUS_OK;
}

/* The whole column -------------------------------------------------------------------------------------------------- */

static int64_t begin_of(const FooterChunk *where)
{
    return where->dictionary_at > 0 && where->dictionary_at < where->data_at ? where->dictionary_at : where->data_at;
}

Status chunk_check(const Leaf *leaf, const FooterChunk *where, const Mapped *file)
{
    int64_t begin = begin_of(where);
    if (where->encrypted) return fail(STATUS_INPUT, "it is encrypted, which is not supported");
    if (where->elsewhere) return fail(STATUS_INPUT, "its data is in another file, which is not supported");
    TRY(codec_check(where->codec));
    if (where->physical != leaf->physical)
        return fail(STATUS_INPUT, "values of type %s, the schema says %s", leaf_type_name(where->physical), leaf_type_name(leaf->physical));
    if (where->n_values < 0) return fail(STATUS_INPUT, "%lld entries", (long long)where->n_values);
    if (begin < 0 || where->n_bytes < 0 || (uint64_t)begin > file->n_bytes || (uint64_t)where->n_bytes > file->n_bytes - (uint64_t)begin)
        return fail(STATUS_INPUT, "%lld bytes at byte %lld, the file has %zu: it is cut short or damaged", (long long)where->n_bytes, (long long)begin,
                    file->n_bytes);
    return STATUS_OK;
}

static Status find_values(Chunk *chunk, Store *store)
{
    int64_t before = 0;
    if (!chunk->def) return STATUS_OK;
    TRY(store_new(store, (size_t)(chunk->n_entries / 64 + 1), sizeof *chunk->values_before, &chunk->values_before));
    for (int64_t i = 0; i < chunk->n_entries; i++) {
        if (i % 64 == 0) chunk->values_before[i / 64] = before;
        before += chunk->def[i] == chunk->leaf->max_def;
    }
    return STATUS_OK;
}

static Status find_rows(Chunk *chunk, int64_t n_rows, Store *store)
{
    int64_t n = chunk->rep ? 0 : chunk->n_entries;
    if (chunk->rep && chunk->n_entries && chunk->rep[0]) return fail(STATUS_INPUT, "it starts inside of a row");
    for (int64_t i = 0; chunk->rep && i < chunk->n_entries; i++) n += !chunk->rep[i];
    if (n != n_rows) return fail(STATUS_INPUT, "%lld rows, its row group has %lld", (long long)n, (long long)n_rows);
    if (!chunk->rep) return STATUS_OK;
    TRY(store_new(store, (size_t)n_rows + 1, sizeof *chunk->row, &chunk->row));
    for (int64_t i = n = 0; i < chunk->n_entries; i++)
        if (!chunk->rep[i]) chunk->row[n++] = i;
    chunk->row[n] = chunk->n_entries;
    return STATUS_OK;
}

Status chunk_decode(Chunk *chunk, const Leaf *leaf, const FooterChunk *where, int64_t n_rows, const Mapped *file, Store *store)
{
    size_t begin = (size_t)begin_of(where);
    Reading r = { .out = chunk, .where = where, .file = file, .store = store, .at = begin, .end = begin + (size_t)where->n_bytes };
    *chunk = (Chunk){ .leaf = leaf };
    if (leaf->max_def) TRY(store_new(store, (size_t)where->n_values, 1, &chunk->def));
    if (leaf->max_rep) TRY(store_new(store, (size_t)where->n_values, 1, &chunk->rep));
    TRY(read_pages(&r));
    TRY(find_values(chunk, store));
    return find_rows(chunk, n_rows, store);
}

void chunk_free(Chunk *chunk)
{
    free(chunk->value);
    *chunk = (Chunk){0};
}

int64_t chunk_row(const Chunk *chunk, int64_t row) { return chunk->row ? chunk->row[row] : row; }

int64_t chunk_value_index(const Chunk *chunk, int64_t entry)
{
    if (!chunk->def) return entry;
    int64_t n = entry < chunk->n_entries ? chunk->values_before[entry / 64] : chunk->n_values;
    for (int64_t i = entry / 64 * 64; entry < chunk->n_entries && i < entry; i++) n += chunk->def[i] == chunk->leaf->max_def;
    return n;
}
