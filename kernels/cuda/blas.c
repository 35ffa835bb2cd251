#include "kernels/cuda/blas.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/memory.h"
#ifdef GRAFT_EMULATOR
#include "kernels/cuda/emulator/fake_device.h"
#endif

struct Blas {
    void  *library;
    struct cublasContext *context;
    BlasFunctions call;
    int    version;
};

/* --- finding it */

#ifdef GRAFT_EMULATOR
static void *find_library(const char *named, const char *python_prefix)
{
    (void)named, (void)python_prefix;
    return dlopen(NULL, RTLD_NOW);
}
static void *find_function(void *library, const char *name)
{
    (void)library;
    return fake_device_cublas(name);
}
#else
static const char *const file_names[] = { "libcublas.so.13", "libcublas.so.12" };
enum { FILES = sizeof file_names / sizeof *file_names };

static void *open_file(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }

static void *open_in(const char *folder)
{
    void *library = NULL;
    for (int i = 0; i < FILES && !library; i++) {
        char *path = memory_format("%s/%s", folder, file_names[i]);
        library = open_file(path);
        free(path);
    }
    return library;
}

static void *open_in_python(const char *prefix)
{
    void *library = NULL;
    glob_t found;
    char *pattern = memory_format("%s/lib/python3*/site-packages/nvidia/*/lib", prefix);
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc && !library; i++) library = open_in(found.gl_pathv[i]);
        globfree(&found);
    }
    free(pattern);
    return library;
}

/* What is named is meant: nothing else is looked for then. */
static void *find_library(const char *named, const char *python_prefix)
{
    void *library = NULL;
    if (named) return (library = open_file(named)) ? library : open_in(named);
    for (int i = 0; i < FILES && !library; i++) library = open_file(file_names[i]);
    return library || !python_prefix ? library : open_in_python(python_prefix);
}
static void *find_function(void *library, const char *name) { return dlsym(library, name); }
#endif

static const char *find_functions(Blas *b)
{
    const struct { const char *name; void **slot; } wanted[] = {
        { "cublasCreate_v2", (void **)&b->call.create }, { "cublasDestroy_v2", (void **)&b->call.destroy },
        { "cublasSetStream_v2", (void **)&b->call.set_stream }, { "cublasSetWorkspace_v2", (void **)&b->call.set_workspace },
        { "cublasGetVersion_v2", (void **)&b->call.get_version }, { "cublasGemmEx", (void **)&b->call.gemm },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].slot = find_function(b->library, wanted[i].name);
        if (!*wanted[i].slot) return wanted[i].name;
    }
    return NULL;
}

/* --- its life */

static bool start(Blas *b, Device *d, void *workspace, size_t bytes)
{
    if (b->call.create(&b->context) != BLAS_OK) return b->context = NULL, false;
    return b->call.set_stream(b->context, device_stream(d)) == BLAS_OK && b->call.set_workspace(b->context, workspace, bytes) == BLAS_OK &&
           b->call.get_version(b->context, &b->version) == BLAS_OK;
}

Blas *blas_open(Device *d, const char *named, const char *python_prefix, void *workspace, size_t workspace_bytes, char why[256])
{
    Blas *b = memory_new(1, sizeof *b);
    const char *missing;
    why[0] = 0;
    b->library = find_library(named, python_prefix);
    if (!b->library) snprintf(why, 256, "cuBLAS was not found%s%s", named ? " at " : "", named ? named : "");
    else if ((missing = find_functions(b))) snprintf(why, 256, "cuBLAS has no %s", missing);
    else if (!start(b, d, workspace, workspace_bytes)) snprintf(why, 256, "cuBLAS does not start");
    if (!why[0]) return b;
    blas_close(b);
    return NULL;
}

void blas_close(Blas *b)
{
    if (!b) return;
    if (b->context) b->call.destroy(b->context);
    if (b->library) dlclose(b->library);
    free(b);
}

int blas_version(const Blas *b) { return b->version; }

/* cuBLAS stores by columns: there, what is stored here is its transpose, and C^T = op(B)^T op(A)^T has the same ops. */
bool blas_multiply(Blas *b, const BlasProduct *p)
{
    CHECK(p->a.stride <= INT_MAX && p->b.stride <= INT_MAX && p->c_stride <= INT_MAX, "a matrix too wide for cuBLAS");
    return b->call.gemm(b->context, p->b.transposed ? BLAS_OP_T : BLAS_OP_N, p->a.transposed ? BLAS_OP_T : BLAS_OP_N, p->n, p->m, p->k, &p->alpha,
                        p->b.data, p->b.type, (int)p->b.stride, p->a.data, p->a.type, (int)p->a.stride, &p->beta, p->c, p->c_type, (int)p->c_stride,
                        BLAS_COMPUTE_F32, BLAS_ALGORITHM_DEFAULT) == BLAS_OK;
}
