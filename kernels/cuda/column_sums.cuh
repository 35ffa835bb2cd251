/* Sums over rows, one for each column: gradients of what is the same in every row. In double, since many terms nearly cancel, and in an order
 * that the shape alone decides: rows are cut into parts, a part's rows are added one after another, then the parts. */
#ifndef KERNELS_CUDA_COLUMN_SUMS_CUH
#define KERNELS_CUDA_COLUMN_SUMS_CUH
#include "kernels/cuda/launch.cuh"

/* [rows, n]: sum over rows of dy, or of dy (x - mean) rstd where x is not NULL. Element e's rstd, and mean unless NULL, is number e / width. */
typedef struct { const float *dy, *x, *mean, *rstd; int64_t rows, n, width; } ColumnTerms;

size_t column_sums_scratch(int64_t rows, int64_t n);
void   column_sums(const Backend *, const OpCall *, ColumnTerms, void *scratch, float beta, float *to);

#endif
