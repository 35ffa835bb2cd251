/* One column of one row group, decoded: the levels of every entry, and where each value lies. */
#ifndef DATA_FILE_PARQUET_CHUNK_H
#define DATA_FILE_PARQUET_CHUNK_H
#include <stdint.h>

#include "data/file/mapped.h"
#include "data/file/parquet/footer.h"
#include "data/file/parquet/leaf.h"
#include "data/file/parquet/store.h"
#include "kernels/status.h"

typedef struct {
    const Leaf *leaf;
    int64_t n_entries, n_values;
    uint8_t *def, *rep;              /* [n_entries]; NULL where the largest level is 0 */
    const uint8_t **value;           /* [n_values] the entries that are not null: plain values (encoding.h) */
    int64_t *values_before;          /* of every 64th entry */
    int64_t *row;                    /* [rows + 1] first entry of each row; NULL when a row is one entry */
} Chunk;

/* Whether it can be read, as far as the footer says. */
Status chunk_check(const Leaf *, const FooterChunk *where, const Mapped *file);

/* Of one that was checked. Memory is the store's but for the list of values, and values may lie in the file. `n_rows`: what the row group has. Freeable also
 * on error. */
Status chunk_decode(Chunk *, const Leaf *, const FooterChunk *where, int64_t n_rows, const Mapped *file, Store *);
void   chunk_free(Chunk *);                                  /* accepts {0} */

int64_t chunk_row(const Chunk *, int64_t row);               /* its first entry */
int64_t chunk_value_index(const Chunk *, int64_t entry);     /* how many values stand before it */

#endif
