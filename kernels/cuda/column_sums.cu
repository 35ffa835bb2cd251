#include "kernels/cuda/column_sums.cuh"

#include "kernels/cuda/elementwise.cuh"

enum { PART = 64 };      /* rows */

/* block 256, shared 0, registers 40. A thread has one column of one part. */
static __global__ void column_sums_of_parts(const float *dy, const float *x, const float *mean, const float *rstd, int64_t rows, unsigned n, unsigned width,
                                            unsigned pieces, double *part)
{
    Place at = place_in_row(pieces);
    if (at.col >= n) return;
    int64_t begin = at.row * PART, end = begin + PART < rows ? begin + PART : rows;
    unsigned groups_of_row = n / width, group_in_row = at.col / width;
    double sum = 0;
    for (int64_t r = begin; r < end; r++) {
        int64_t e = r * n + at.col, group = r * groups_of_row + group_in_row;
        sum += x ? (double)dy[e] * (double)(x[e] - (mean ? mean[group] : 0.0f)) * (double)rstd[group] : (double)dy[e];
    }
    part[at.row * n + at.col] = sum;
}

/* block 256, shared 0, registers 40. A thread has one column. */
static __global__ void column_sums_of_all(const double *part, int64_t parts, int64_t n, float beta, float *to)
{
    int64_t i = grid_thread();
    if (i >= n) return;
    double sum = 0;
    for (int64_t p = 0; p < parts; p++) sum += part[p * n + i];
    to[i] = (float)((beta != 0 ? (double)to[i] : 0) + sum);
}

static int64_t parts_of(int64_t rows) { return (rows + PART - 1) / PART; }

size_t column_sums_scratch(int64_t rows, int64_t n) { return (size_t)(parts_of(rows) * n) * sizeof(double); }

void column_sums(const Backend *b, const OpCall *c, ColumnTerms t, void *scratch, float beta, float *to)
{
    RUN(b, c, column_sums_of_parts, blocks_for_rows(parts_of(t.rows), t.n), ELEMENTWISE, 0, t.dy, t.x, t.mean, t.rstd, t.rows, (unsigned)t.n, (unsigned)t.width,
        row_pieces(t.n), (double *)scratch);
    RUN(b, c, column_sums_of_all, blocks_for(t.n, ELEMENTWISE), ELEMENTWISE, 0, (const double *)scratch, parts_of(t.rows), t.n, beta, to);
}
