/* cuBLAS, opened at run time: one binary runs with it and without it.
 *
 * Looked for are, in this order: `named` (GRAFT_CUBLAS: a file or a folder), the loader's own path, then the folders in which PyPI's wheel puts
 * it in the active Python environment (lib/python3.x/site-packages/nvidia/.../lib). Version 13, then 12. Prototypes and numbers
 * are our own, so that no header of cuBLAS is needed. Without cuBLAS the
 * products are our own kernel's. */
#ifndef KERNELS_CUDA_BLAS_H
#define KERNELS_CUDA_BLAS_H
#include <stdbool.h>
#include <stddef.h>

#include "kernels/cuda/device.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BLAS_OP_N = 0, BLAS_OP_T = 1 };
enum { BLAS_F32 = 0, BLAS_F16 = 2, BLAS_BF16 = 14 };                   /* cudaDataType */
enum { BLAS_COMPUTE_F32 = 68, BLAS_ALGORITHM_DEFAULT = -1 };
enum { BLAS_OK = 0 };

struct cublasContext;      /* cuBLAS's own */
typedef struct {
    int (*create)(struct cublasContext **);
    int (*destroy)(struct cublasContext *);
    int (*set_stream)(struct cublasContext *, struct CUstream_st *);
    int (*set_workspace)(struct cublasContext *, void *, size_t);
    int (*get_version)(struct cublasContext *, int *);
    int (*gemm)(struct cublasContext *, int op_a, int op_b, int m, int n, int k, const void *alpha, const void *a, int a_type, int lda, const void *b, int b_type,
                int ldb, const void *beta, void *c, int c_type, int ldc, int compute, int algorithm);
} BlasFunctions;

typedef struct Blas Blas;

/* NULL where there is none, or it does not start; `why` says so in one line. `workspace` is device memory of the caller's, kept while open. */
Blas *blas_open(Device *, const char *named, const char *python_prefix, void *workspace, size_t workspace_bytes, char why[256]);
void  blas_close(Blas *);                                             /* accepts NULL */
int   blas_version(const Blas *);                                     /* 130101: 13.1.1 */

/* Row-major C [m, n] = alpha op(A) op(B) + beta C, by the device's stream; strides in elements. A and B of one type, C of it or float32.
 * False: cuBLAS refused, and nothing was done. */
typedef struct { const void *data; int type; long long stride; bool transposed; } BlasMatrix;
typedef struct { int m, n, k; float alpha, beta; BlasMatrix a, b; void *c; int c_type; long long c_stride; } BlasProduct;
bool  blas_multiply(Blas *, const BlasProduct *);

#ifdef __cplusplus
}
#endif
#endif
