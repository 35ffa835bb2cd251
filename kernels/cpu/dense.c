/* y = x W^T, or x W, where W is a value, and its gradients: three products, each cut into tiles as tall as the workers allow. A tile sums
 * over all of K, so its bits do not depend on the cut. */
#include "kernels/cpu/cpu.h"

#include "kernels/cpu/instructions.h"
#include "kernels/cpu/matrix.h"

enum { ROWS = 2048 };      /* of a tile, at most */

/* C [m, n] = op(A) op(B) + beta C, both as they are by default. */
typedef struct {
    const Instructions *isa;
    int64_t m, n, k;
    Orientation a_is, b_is;
    Tensor a, b, c;
    float beta;
    int64_t tile_rows, tile_cols;
} Product;

static Block line(Tensor t, Orientation is, int64_t i) { return (Block){ t.data + i * (is == AS_IS ? t.cols : 1), t.cols }; }

static void tile(const void *ctx, int task, int worker)
{
    (void)worker;
    const Product *p = ctx;
    int64_t across = ceil_div(p->n, p->tile_cols), row = task / across * p->tile_rows, col = task % across * p->tile_cols;
    Orientation b_lines = p->b_is == AS_IS ? TRANSPOSED : AS_IS;        /* B is cut along its columns */
    matmul(p->isa, least(p->tile_rows, p->m - row), least(p->tile_cols, p->n - col), p->k, 1, p->a_is, line(p->a, p->a_is, row), p->b_is, line(p->b, b_lines, col),
           p->beta, p->c.data + row * p->n + col, p->n);
}

static void run(const Backend *backend, Product p)
{
    p.isa = backend->isa;
    p.tile_cols = p.isa->gemm->width;
    int64_t across = ceil_div(p.n, p.tile_cols);
    p.tile_rows = cpu_tile_rows(backend, p.m, ROWS, across);
    pool_run(backend->pool, (int)(ceil_div(p.m, p.tile_rows) * across), tile, &p);
}

void cpu_dense_fwd(const Backend *backend, const OpCall *c)
{
    Tensor x = c->in[0], w = c->in[1], y = c->out[0];
    run(backend, (Product){ .m = x.rows, .n = y.cols, .k = x.cols, .a = x, .b_is = c->args->dense.transposed ? AS_IS : TRANSPOSED, .b = w, .c = y });
}

void cpu_dense_bwd(const Backend *backend, const OpCall *c)
{
    Tensor x = c->in[0], w = c->in[1], dy = c->dout[0], dx = c->din[0], dw = c->din[1];
    bool transposed = c->args->dense.transposed;
    Tensor left = transposed ? x : dy, right = transposed ? dy : x;
    if (dx.data)
        run(backend, (Product){ .m = dx.rows, .n = dx.cols, .k = dy.cols, .a = dy, .b_is = transposed ? TRANSPOSED : AS_IS, .b = w, .c = dx, .beta = c->beta[0] });
    if (dw.data) run(backend, (Product){ .m = dw.rows, .n = dw.cols, .k = x.rows, .a_is = TRANSPOSED, .a = left, .b = right, .c = dw, .beta = c->beta[1] });
}
