#include "data/set/packing.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/memory.h"
#include "kernels/status.h"

enum { CHUNK_ROWS = 1000 };

/* A run of tokens of the unpacked examples that becomes a document: where it starts, its place in the order of rows, and its
 * bin with the next piece there. */
typedef struct { int64_t begin, length, place, next; } Piece;
typedef struct { Piece *piece; int64_t n, cap; } Pieces;

/* A bin's first and last piece, its room, and the next younger bin with as much room. */
typedef struct { int64_t first, last, room, next; } Bin;
typedef struct { Bin *bin; int64_t n, cap; } Bins;

/* Bins by their room: a queue, oldest first, for each number of free tokens, and a tree over them whose nodes say whether
 * anything below is not empty, so the least room that holds a piece is found in log(max_length). */
typedef struct { int64_t *first, *last; int32_t *count; int64_t n_leaves; } Rooms;

enum { NONE = -1 };

static void rooms_init(Rooms *rooms, int64_t max_length)
{
    for (rooms->n_leaves = 1; rooms->n_leaves < max_length + 1; rooms->n_leaves *= 2) continue;
    rooms->first = memory_new((size_t)max_length + 1, sizeof *rooms->first);
    rooms->last = memory_new((size_t)max_length + 1, sizeof *rooms->last);
    rooms->count = memory_new(2 * (size_t)rooms->n_leaves, sizeof *rooms->count);
    for (int64_t room = 0; room <= max_length; room++) rooms->first[room] = NONE;
}

static void rooms_free(Rooms *rooms)
{
    free(rooms->first);
    free(rooms->last);
    free(rooms->count);
}

static void rooms_count(Rooms *rooms, int64_t room, int32_t change)
{
    for (int64_t node = rooms->n_leaves + room; node; node /= 2) rooms->count[node] += change;
}

static void rooms_push(Rooms *rooms, Bins *bins, int64_t bin)
{
    int64_t room = bins->bin[bin].room;
    bins->bin[bin].next = NONE;
    if (rooms->first[room] == NONE) rooms->first[room] = bin;
    else bins->bin[rooms->last[room]].next = bin;
    rooms->last[room] = bin;
    rooms_count(rooms, room, 1);
}

static int64_t rooms_pop(Rooms *rooms, const Bins *bins, int64_t room)
{
    int64_t bin = rooms->first[room];
    rooms->first[room] = bins->bin[bin].next;
    rooms_count(rooms, room, -1);
    return bin;
}

/* The smallest room of at least `length` that some bin has, or NONE: up until something lies to the right, then down. */
static int64_t rooms_find(const Rooms *rooms, int64_t length)
{
    int64_t node = rooms->n_leaves + length;
    while (!rooms->count[node]) {
        while (node & 1) node /= 2;
        if (!node) return NONE;
        node++;
    }
    while (node < rooms->n_leaves) node = rooms->count[2 * node] ? 2 * node : 2 * node + 1;
    return node - rooms->n_leaves;
}

static int longest_first(const void *a, const void *b)
{
    const Piece *x = a, *y = b;
    if (x->length != y->length) return x->length < y->length ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

/* The documents of rows [first, end): rows without tokens give none. */
static void cut_rows(const Examples *rows, int64_t first, int64_t end, PackingOptions options, Pieces *out, PackingCounts *counts)
{
    out->n = 0;
    for (int64_t i = first; i < end; i++) {
        int64_t length = examples_length(rows, i), kept = options.strategy == PACKING_BFD && length > options.max_length ? options.max_length : length;
        counts->cut_rows += kept < length;
        counts->lost_tokens += length - kept;
        for (int64_t at = 0; at < kept; at += options.max_length) {
            int64_t left = kept - at, place = out->n;
            MEMORY_PUSH(out->piece, out->n, out->cap) =
                (Piece){ rows->begin[i] + at, left < options.max_length ? left : options.max_length, place, NONE };
        }
    }
}

static void put_in_bin(Pieces *pieces, int64_t piece, Rooms *rooms, Bins *bins, int64_t max_length)
{
    int64_t length = pieces->piece[piece].length, room = rooms_find(rooms, length), bin = bins->n;
    if (room == NONE) {
        MEMORY_PUSH(bins->bin, bins->n, bins->cap) = (Bin){ piece, piece, max_length - length, NONE };
    } else {
        bin = rooms_pop(rooms, bins, room);
        pieces->piece[bins->bin[bin].last].next = piece;
        bins->bin[bin].last = piece;
        bins->bin[bin].room -= length;
    }
    if (bins->bin[bin].room) rooms_push(rooms, bins, bin);
}

/* Reused for every bin: its tokens and the lengths of its documents. */
typedef struct { int32_t *ids, *labels, *length; } Scratch;

static void add_bin(const Examples *rows, const Pieces *pieces, const Bin *bin, Scratch *scratch, Examples *out)
{
    int64_t n_documents = 0, at = 0;
    for (int64_t i = bin->first; i != NONE; i = pieces->piece[i].next) {
        Piece piece = pieces->piece[i];
        memcpy(scratch->ids + at, rows->ids + piece.begin, (size_t)piece.length * sizeof *scratch->ids);
        memcpy(scratch->labels + at, rows->labels + piece.begin, (size_t)piece.length * sizeof *scratch->labels);
        scratch->length[n_documents++] = (int32_t)piece.length;
        at += piece.length;
    }
    examples_add_packed(out, scratch->ids, scratch->labels, scratch->length, n_documents);
}

static void pack_bfd(const Examples *rows, int64_t first, int64_t end, PackingOptions options, Scratch *scratch, Examples *out, PackingCounts *counts)
{
    Pieces pieces = {0};
    Bins bins = {0};
    Rooms rooms;
    cut_rows(rows, first, end, options, &pieces, counts);
    if (pieces.n) qsort(pieces.piece, (size_t)pieces.n, sizeof *pieces.piece, longest_first);
    rooms_init(&rooms, options.max_length);
    for (int64_t i = 0; i < pieces.n; i++) put_in_bin(&pieces, i, &rooms, &bins, options.max_length);
    for (int64_t i = 0; i < bins.n; i++) add_bin(rows, &pieces, &bins.bin[i], scratch, out);
    rooms_free(&rooms);
    free(pieces.piece);
    free(bins.bin);
}

static void pack_wrapped(const Examples *rows, int64_t first, int64_t end, int64_t max_length, Examples *out)
{
    for (int64_t at = rows->begin[first], stop = rows->begin[end]; at < stop; at += max_length)
        examples_add(out, rows->ids + at, rows->labels + at, stop - at < max_length ? stop - at : max_length);
}

PackingCounts packing_pack(const Examples *rows, PackingOptions options, Examples *out)
{
    CHECK(options.max_length > 0 && options.max_length <= INT32_MAX);
    PackingCounts counts = {0};
    int64_t n_tokens = rows->n ? rows->begin[rows->n] : 0;
    if (options.max_length > n_tokens) options.max_length = n_tokens ? n_tokens : 1;      /* no bin holds more, and tables are as long */
    Scratch scratch = { memory_new((size_t)options.max_length, sizeof *scratch.ids), memory_new((size_t)options.max_length, sizeof *scratch.labels),
                        memory_new((size_t)options.max_length, sizeof *scratch.length) };
    int64_t parts = options.n_processes > 1 ? options.n_processes : 1, done = 0;
    if (parts > rows->n) parts = rows->n;
    for (int64_t part = 0; part < parts; part++) {
        int64_t part_end = done + rows->n / parts + (part < rows->n % parts);
        for (int64_t end; done < part_end; done = end) {
            end = part_end - done < CHUNK_ROWS ? part_end : done + CHUNK_ROWS;
            if (options.strategy == PACKING_WRAPPED) pack_wrapped(rows, done, end, options.max_length, out);
            else pack_bfd(rows, done, end, options, &scratch, out, &counts);
        }
    }
    free(scratch.ids);
    free(scratch.labels);
    free(scratch.length);
    return counts;
}
