#include "data/set/mixture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/set/shuffle.h"
#include "kernels/memory.h"

/* Columns -------------------------------------------------------------------------------------------------------------- */

static bool keeps(const DataSource *source, const char *column)
{
    if (!source->columns) return true;
    for (const Json *name = json_first(source->columns); name; name = json_next(name))
        if (!strcmp(json_string(name), column)) return true;
    return false;
}

static const char *new_name(const DataSource *source, const char *column)
{
    const char *name = json_string(json_get(source->column_mapping, column));
    return name ? name : column;
}

/* The columns that are kept, by their new names; takes the row. */
static Json *arrange(const DataSource *source, Json *row)
{
    if (!source->columns && !source->column_mapping) return row;
    Json *arranged = json_new_object();
    for (const Json *member = json_first(row); member; member = json_next(member))
        if (keeps(source, json_key(member))) json_set(arranged, new_name(source, json_key(member)), json_copy(member));
    json_free(row);
    return arranged;
}

static Status no_column(const MixturePiece *piece, const char *key, const char *column, const Json *row)
{
    Buffer found = {0};
    for (const Json *member = json_first(row); member; member = json_next(member))
        buffer_format(&found, "%s%s", found.len ? ", " : "", json_key(member));
    Status status = fail(STATUS_INPUT, "%s: %s names \"%s\", which the first row does not have; found: %s", piece->file.path, key, column,
                         found.len ? found.data : "none");
    buffer_free(&found);
    return status;
}

static Status check_names(const MixturePiece *piece, const Json *row)
{
    const DataSource *source = piece->source;
    for (const Json *name = json_first(source->columns); name; name = json_next(name)) {
        if (!json_string(name)) return fail(STATUS_INPUT, "columns: an item is %s, expected a name", json_kind_name(name));
        if (!json_get(row, json_string(name))) return no_column(piece, "columns", json_string(name), row);
    }
    for (const Json *rename = json_first(source->column_mapping); rename; rename = json_next(rename)) {
        if (!json_string(rename)) return fail(STATUS_INPUT, "column_mapping: \"%s\" is %s, expected a name", json_key(rename), json_kind_name(rename));
        if (!json_get(row, json_key(rename)) || !keeps(source, json_key(rename))) return no_column(piece, "column_mapping", json_key(rename), row);
    }
    return STATUS_OK;
}

/* Two columns of one name would hide each other. */
static Status check_apart(const MixturePiece *piece, const Json *row)
{
    for (const Json *a = json_first(row); a; a = json_next(a))
        for (const Json *b = json_next(a); b; b = json_next(b)) {
            const char *name = new_name(piece->source, json_key(a));
            if (strcmp(json_key(a), json_key(b)) && keeps(piece->source, json_key(a)) && keeps(piece->source, json_key(b)) &&
                !strcmp(name, new_name(piece->source, json_key(b))))
                return fail(STATUS_INPUT, "%s: column_mapping makes two columns \"%s\"", piece->file.path, name);
        }
    return STATUS_OK;
}

static Status check_columns(const MixturePiece *piece)
{
    Json *row = NULL;
    if (!piece->source->columns && !piece->source->column_mapping) return STATUS_OK;
    TRY(row_file_row(&piece->file, 0, &row));
    Status status = check_names(piece, row);
    if (status == STATUS_OK) status = check_apart(piece, row);
    json_free(row);
    return status;
}

/* Sources -------------------------------------------------------------------------------------------------------------- */

static Status open_files(Mixture *mixture, const DataSource *source, const DataFiles *files)
{
    for (int i = 0; i < files->paths.n; i++) {
        MixturePiece piece = { .source = source };
        TRY(row_file_open(&piece.file, files->paths.path[i], files->format, source->field));
        piece.n = piece.file.n;
        MEMORY_PUSH(mixture->piece, mixture->n_pieces, mixture->cap) = piece;
        if (!i) TRY(check_columns(&mixture->piece[mixture->n_pieces - 1]));
    }
    return STATUS_OK;
}

static Status open_source(Mixture *mixture, const DataSource *source, Notices *notices)
{
    DataFiles files;
    TRY(data_files_find(&files, &source->place, notices));
    Status status = open_files(mixture, source, &files);
    data_files_free(&files);
    return status;
}

static int64_t count_rows(const Mixture *mixture, const DataSource *source)
{
    int64_t n = 0;
    for (int k = 0; k < mixture->n_pieces; k++) n += mixture->piece[k].source == source ? mixture->piece[k].n : 0;
    return n;
}

static void keep_first(Mixture *mixture, const DataSource *source, int64_t n)
{
    for (int k = 0; k < mixture->n_pieces; k++) {
        MixturePiece *piece = &mixture->piece[k];
        if (piece->source != source) continue;
        if (piece->n > n) piece->n = n;
        n -= piece->n;
    }
}

/* In the order of TRL's sums, so that shares round as they do there. */
static Status apply_fractions(Mixture *mixture, const DataMix *mix)
{
    double sum = 0, total = INFINITY;
    int n_given = 0;
    for (int s = 0; s < mix->n; s++) {
        sum += mix->source[s].fraction;
        n_given += mix->source[s].fraction > 0;
    }
    if (!n_given) return STATUS_OK;
    if (n_given < mix->n) return fail(STATUS_INPUT, "fraction is given for %d of %d datasets; give it for each of them or for none", n_given, mix->n);
    for (int s = 0; s < mix->n; s++) total = fmin(total, (double)count_rows(mixture, &mix->source[s]) / (mix->source[s].fraction / sum));
    for (int s = 0; s < mix->n; s++) keep_first(mixture, &mix->source[s], (int64_t)nearbyint(mix->source[s].fraction / sum * total));
    return STATUS_OK;
}

static void number_rows(Mixture *mixture)
{
    for (int k = 0; k < mixture->n_pieces; k++) {
        mixture->piece[k].first = mixture->n;
        mixture->n += mixture->piece[k].n;
    }
}

/* Held out rows -------------------------------------------------------------------------------------------------------- */

static Status hold_out(Mixture *mixture, const DataMix *mix)
{
    int64_t n = mixture->n;
    double size = mix->test_split_size;
    int64_t n_test = (int64_t)(size < 1 ? ceil(size * (double)n) : size);
    if (n_test >= n)
        return fail(STATUS_INPUT, "%s: test_split_size %.15g holds out %lld of %lld rows, and none is left to train on", mixture->name, size,
                    (long long)n_test, (long long)n);
    int64_t *order = memory_new((size_t)n, sizeof *order);
    shuffle_order(mix->seed, n, order);
    mixture->n = mix->test ? n_test : n - n_test;
    mixture->order = memory_copy(order + (mix->test ? 0 : n_test), (size_t)mixture->n, sizeof *order);
    free(order);
    return STATUS_OK;
}

/* ------------------------------------------------------------------------------------------------------------------- */

static char *name_of(const Mixture *mixture, const DataMix *mix)
{
    if (mixture->n_pieces == 1) return memory_string(mixture->piece[0].file.path);
    return mix->n == 1 ? memory_string(mix->source[0].place.path) : memory_format("the mixture of %d datasets", mix->n);
}

static Status fill(Mixture *mixture, const DataMix *mix, Notices *notices)
{
    for (int s = 0; s < mix->n; s++) TRY(open_source(mixture, &mix->source[s], notices));
    TRY(apply_fractions(mixture, mix));
    number_rows(mixture);
    mixture->name = name_of(mixture, mix);
    if (mix->max_samples && mixture->n > mix->max_samples) mixture->n = mix->max_samples;
    if (!mixture->n) return fail(STATUS_INPUT, "%s: the fractions leave no row", mixture->name);
    return mix->test_split_size > 0 ? hold_out(mixture, mix) : STATUS_OK;
}

Status mixture_open(Mixture *mixture, const DataMix *mix, Notices *notices)
{
    *mixture = (Mixture){0};
    Status status = fill(mixture, mix, notices);
    if (status != STATUS_OK) mixture_close(mixture);
    return status;
}

void mixture_close(Mixture *mixture)
{
    for (int k = 0; k < mixture->n_pieces; k++) row_file_close(&mixture->piece[k].file);
    free(mixture->piece);
    free(mixture->order);
    free(mixture->name);
    *mixture = (Mixture){0};
}

/* The piece that row i is in, and its number there. */
static const MixturePiece *find_piece(const Mixture *mixture, int64_t i, int64_t *row)
{
    int64_t at = mixture->order ? mixture->order[i] : i;
    int low = 0, high = mixture->n_pieces - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (mixture->piece[middle].first <= at) low = middle;
        else high = middle - 1;
    }
    *row = at - mixture->piece[low].first;
    return &mixture->piece[low];
}

Status mixture_row(const Mixture *mixture, int64_t i, Json **object)
{
    int64_t row;
    Json *whole = NULL;
    const MixturePiece *piece = find_piece(mixture, i, &row);
    TRY(row_file_row(&piece->file, row, &whole));
    *object = arrange(piece->source, whole);
    return STATUS_OK;
}

RowPlace mixture_place(const Mixture *mixture, int64_t i)
{
    int64_t row;
    const MixturePiece *piece = find_piece(mixture, i, &row);
    return (RowPlace){ piece->file.path, row_file_line(&piece->file, row) };
}
