#include "data/file/parquet/footer.h"

#include <stdlib.h>
#include <string.h>

#include "data/file/parquet/thrift.h"
#include "kernels/memory.h"

/* The magic at both ends, and the length of the footer before the last. */
enum { MAGIC_BYTES = 4, TAIL_BYTES = 8 };

/* Schema ------------------------------------------------------------------------------------------------------------ */

/* A union is a structure with one field: its id. */
static int read_unit(Thrift *t, ThriftField field)
{
    int unit = 0;
    if (!thrift_enter(t, field)) return 0;
    for (ThriftField member = {0}; thrift_next(t, &member); thrift_skip(t, member)) unit = member.id;
    return unit;
}

/* The parameters of whichever logical type: field ids mean something else in each. */
static void read_parameters(Thrift *t, ThriftField field, Leaf *leaf)
{
    if (!thrift_enter(t, field)) return;
    for (ThriftField member = {0}; thrift_next(t, &member);) {
        bool decimal = leaf->logical == LOGICAL_DECIMAL, integer = leaf->logical == LOGICAL_INTEGER;
        bool time = leaf->logical == LOGICAL_TIME || leaf->logical == LOGICAL_TIMESTAMP;
        if (decimal && member.id == 1) leaf->scale = thrift_int(t, member);
        else if (decimal && member.id == 2) leaf->precision = thrift_int(t, member);
        else if (integer && member.id == 1) leaf->bits = thrift_int(t, member);
        else if (integer && member.id == 2) leaf->is_signed = thrift_bool(t, member);
        else if (time && member.id == 1) leaf->utc = thrift_bool(t, member);
        else if (time && member.id == 2) leaf->unit = read_unit(t, member);
        else thrift_skip(t, member);
    }
}

static void read_logical(Thrift *t, ThriftField field, Leaf *leaf)
{
    if (!thrift_enter(t, field)) return;
    for (ThriftField member = {0}; thrift_next(t, &member);) {
        leaf->logical = (Logical)member.id;
        read_parameters(t, member, leaf);
    }
}

/* What older files have in place of a logical type; times were in UTC. */
static void use_converted(Leaf *leaf, int converted)
{
    static const struct { Logical logical; int bits, is_signed, unit; } meant[] = {
        [0]  = { .logical = LOGICAL_STRING },
        [1]  = { .logical = LOGICAL_MAP },
        [2]  = { .logical = LOGICAL_MAP },
        [3]  = { .logical = LOGICAL_LIST },
        [4]  = { .logical = LOGICAL_ENUM },
        [5]  = { .logical = LOGICAL_DECIMAL },
        [6]  = { .logical = LOGICAL_DATE },
        [7]  = { .logical = LOGICAL_TIME, .unit = UNIT_MILLISECOND },
        [8]  = { .logical = LOGICAL_TIME, .unit = UNIT_MICROSECOND },
        [9]  = { .logical = LOGICAL_TIMESTAMP, .unit = UNIT_MILLISECOND },
        [10] = { .logical = LOGICAL_TIMESTAMP, .unit = UNIT_MICROSECOND },
        [11] = { .logical = LOGICAL_INTEGER, .bits = 8 },
        [12] = { .logical = LOGICAL_INTEGER, .bits = 16 },
        [13] = { .logical = LOGICAL_INTEGER, .bits = 32 },
        [14] = { .logical = LOGICAL_INTEGER, .bits = 64 },
        [15] = { .logical = LOGICAL_INTEGER, .bits = 8, .is_signed = 1 },
        [16] = { .logical = LOGICAL_INTEGER, .bits = 16, .is_signed = 1 },
        [17] = { .logical = LOGICAL_INTEGER, .bits = 32, .is_signed = 1 },
        [18] = { .logical = LOGICAL_INTEGER, .bits = 64, .is_signed = 1 },
        [19] = { .logical = LOGICAL_JSON },
        [20] = { .logical = LOGICAL_BSON },
    };
    if (converted < 0 || (size_t)converted >= sizeof meant / sizeof *meant || leaf->logical != LOGICAL_NONE) return;
    leaf->logical = meant[converted].logical;
    leaf->bits = meant[converted].bits;
    leaf->is_signed = meant[converted].is_signed;
    leaf->unit = meant[converted].unit;
    leaf->utc = leaf->logical == LOGICAL_TIMESTAMP;
}

static SchemaElement read_element(Thrift *t)
{
    SchemaElement e = { .name = { "", 0 }, .leaf.physical = -1 };
    int converted = -1, scale = 0, precision = 0;
    for (ThriftField field = {0}; thrift_next(t, &field);)
        switch (field.id) {
        case 1: e.leaf.physical = thrift_int(t, field); break;
        case 2: e.leaf.length = thrift_int(t, field); break;
        case 3: e.repetition = thrift_int(t, field); break;
        case 4: e.name = thrift_bytes(t, field); break;
        case 5: e.n_children = thrift_int(t, field); break;
        case 6: converted = thrift_int(t, field); break;
        case 7: scale = thrift_int(t, field); break;
        case 8: precision = thrift_int(t, field); break;
        case 10: read_logical(t, field, &e.leaf); break;
        default: thrift_skip(t, field);
        }
    bool given = e.leaf.logical == LOGICAL_DECIMAL;
    use_converted(&e.leaf, converted);
    if (!given) e.leaf.scale = scale, e.leaf.precision = precision;
    return e;
}

/* Row groups -------------------------------------------------------------------------------------------------------- */

static void read_column(Thrift *t, ThriftField field, FooterChunk *chunk)
{
    if (!thrift_enter(t, field)) return;
    for (ThriftField member = {0}; thrift_next(t, &member);)
        switch (member.id) {
        case 1: chunk->physical = thrift_int(t, member); break;
        case 4: chunk->codec = thrift_int(t, member); break;
        case 5: chunk->n_values = thrift_integer(t, member); break;
        case 7: chunk->n_bytes = thrift_integer(t, member); break;
        case 9: chunk->data_at = thrift_integer(t, member); break;
        case 11: chunk->dictionary_at = thrift_integer(t, member); break;
        default: thrift_skip(t, member);
        }
}

static FooterChunk read_chunk(Thrift *t)
{
    FooterChunk chunk = { .physical = -1 };
    for (ThriftField field = {0}; thrift_next(t, &field);)
        switch (field.id) {
        case 1: chunk.elsewhere = thrift_bytes(t, field).n; break;
        case 3: read_column(t, field, &chunk); break;
        case 8: case 9: chunk.encrypted = true; thrift_skip(t, field); break;
        default: thrift_skip(t, field);
        }
    return chunk;
}

static FooterGroup read_group(Thrift *t, Footer *footer)
{
    FooterGroup group = { .first_chunk = footer->n_chunks, .first_row = footer->n_rows };
    for (ThriftField field = {0}; thrift_next(t, &field);)
        switch (field.id) {
        case 1:
            for (int64_t n = thrift_list(t, field, THRIFT_STRUCT); n-- && !t->failed;)
                MEMORY_PUSH(footer->chunk, footer->n_chunks, footer->cap_chunks) = read_chunk(t);
            break;
        case 3: group.n_rows = thrift_integer(t, field); break;
        default: thrift_skip(t, field);
        }
    group.n_chunks = footer->n_chunks - group.first_chunk;
    return group;
}

static void read_groups(Thrift *t, ThriftField list, Footer *footer)
{
    for (int64_t n = thrift_list(t, list, THRIFT_STRUCT); n-- && !t->failed;) {
        FooterGroup group = read_group(t, footer);
        if (group.n_rows < 0 || group.n_rows > INT64_MAX - footer->n_rows) t->failed = true;
        else footer->n_rows += group.n_rows;
        MEMORY_PUSH(footer->group, footer->n_groups, footer->cap_groups) = group;
    }
}

static void read_elements(Thrift *t, ThriftField list, Footer *footer)
{
    for (int64_t n = thrift_list(t, list, THRIFT_STRUCT); n-- && !t->failed;)
        MEMORY_PUSH(footer->element, footer->n_elements, footer->cap_elements) = read_element(t);
}

static void read_metadata(Thrift *t, Footer *footer)
{
    for (ThriftField field = {0}; thrift_next(t, &field);)
        switch (field.id) {
        case 2: read_elements(t, field, footer); break;
        case 4: read_groups(t, field, footer); break;
        default: thrift_skip(t, field);
        }
}

/* Found at the end of the file: the footer's bytes. */
static Status find_metadata(const Mapped *file, Thrift *t)
{
    size_t n = file->n_bytes;
    uint32_t length;
    if (n >= MAGIC_BYTES && !memcmp(file->bytes, "PARE", MAGIC_BYTES)) return fail(STATUS_INPUT, "an encrypted Parquet file, which is not supported");
    if (n < MAGIC_BYTES + TAIL_BYTES || memcmp(file->bytes, "PAR1", MAGIC_BYTES))
        return fail(STATUS_INPUT, "not a Parquet file: it does not start with PAR1");
    if (memcmp(file->bytes + n - MAGIC_BYTES, "PAR1", MAGIC_BYTES)) return fail(STATUS_INPUT, "it does not end with PAR1: a Parquet file that is cut short");
    memcpy(&length, file->bytes + n - TAIL_BYTES, sizeof length);
    if (length > n - MAGIC_BYTES - TAIL_BYTES) return fail(STATUS_INPUT, "a footer of %u bytes in a file of %zu", length, n);
    *t = (Thrift){ .bytes = file->bytes + n - TAIL_BYTES - length, .n = length };
    return STATUS_OK;
}

Status footer_read(Footer *footer, const Mapped *file)
{
    Thrift t;
    *footer = (Footer){0};
    TRY(find_metadata(file, &t));
    read_metadata(&t, footer);
    if (t.failed) return fail(STATUS_INPUT, "its footer is damaged");
    return STATUS_OK;
}

void footer_free(Footer *footer)
{
    free(footer->element);
    free(footer->chunk);
    free(footer->group);
    *footer = (Footer){0};
}
