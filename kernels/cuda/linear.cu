/* y = x W^T + b + sum_k s_k (drop_k(x) A_k^T) B_k^T. W comes panel by panel: of y each panel makes some columns, to dx each adds its part, in
 * order. Masks are made again where x is read and where dx is written. */
#include "kernels/cuda/panel.cuh"
#include "kernels/cuda/product.cuh"

typedef struct {
    const Backend *b;
    const OpCall *c;
    const Weight *w;
    int64_t rows, in, out;
    float *room, *shares, *dxa;        /* a panel; of the longest product; [rows, the largest rank] */
} Linear;

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static Tensor term_a(const OpCall *c, int k) { return c->in[1 + 2 * k]; }
static Tensor term_b(const OpCall *c, int k) { return c->in[2 + 2 * k]; }
static float scale(const OpCall *c, int k) { return c->args->linear.scale[k]; }
static Dropout drop(const OpCall *c, int k) { return c->args->linear.drop[k]; }
static int64_t rank(const OpCall *c, int k) { return c->saved[k].cols; }

static int64_t largest_rank(const OpCall *c)
{
    int64_t r = 0;
    for (int k = 0; k < c->n_saved; k++) r = most(r, rank(c, k));
    return r;
}

/* The most that any thin product needs. More rows never need less. */
static int64_t share_floats(const OpCall *c, bool bwd)
{
    int64_t rows = c->in[0].rows, in = c->args->linear.w->cols, out = c->args->linear.w->rows, r = largest_rank(c);
    if (!bwd) return product_share_floats(rows, r, in);
    return most(product_share_floats(rows, r, out), most(product_share_floats(r, in, rows), product_share_floats(out, r, rows)));
}

size_t cuda_linear_scratch(const Backend *, const OpCall *c, bool bwd)
{
    return (size_t)(panel_floats(c->args->linear.w) + share_floats(c, bwd) + (bwd ? c->in[0].rows * largest_rank(c) : 0)) * sizeof(float);
}

static Linear prepare(const Backend *b, const OpCall *c, bool bwd)
{
    const Weight *w = c->args->linear.w;
    Linear l = { b, c, w, c->in[0].rows, w->cols, w->rows, (float *)c->scratch, NULL, NULL };
    l.shares = l.room + panel_floats(w);
    l.dxa = l.shares + share_floats(c, bwd);
    return l;
}

/* saved_k = drop_k(x) A_k^T */
static void xa(const Linear *l, int k)
{
    Tensor to = l->c->saved[k];
    Product p = { .m = l->rows, .n = to.cols, .k = l->in, .a = { l->c->in[0].data, l->in, false }, .b = { term_a(l->c, k).data, l->in, true }, .c = to.data,
                  .c_stride = to.cols, .where = DROP_A, .drop = drop(l->c, k), .shares = l->shares };
    product(l->b, l->c, &p);
}

/* What W and b make of x, and what term k adds. */
static void y_of_w(const Linear *l, int64_t row, int64_t n)
{
    const float *bias = placed(l->b, l->c->args->linear.b);
    Product p = { .m = l->rows, .n = n, .k = l->in, .a = { l->c->in[0].data, l->in, false }, .b = { panel(l->b, l->c, l->w, row, n, l->room), l->in, true },
                  .c = l->c->out[0].data + row, .c_stride = l->out, .bias = bias ? bias + row : NULL };
    product(l->b, l->c, &p);
}

static void y_of_term(const Linear *l, int k)
{
    int64_t r = rank(l->c, k);
    Product p = { .m = l->rows, .n = l->out, .k = r, .a = { l->c->saved[k].data, r, false }, .b = { term_b(l->c, k).data, r, true }, .c = l->c->out[0].data,
                  .c_stride = l->out, .alpha = scale(l->c, k), .beta = 1 };
    product(l->b, l->c, &p);
}

void cuda_linear_fwd(const Backend *b, const OpCall *c)
{
    Linear l = prepare(b, c, false);
    int64_t step = panel_rows(l.w);
    for (int k = 0; k < c->n_saved; k++) xa(&l, k);
    if (!c->out[0].data) return;
    for (int64_t row = 0; row < l.out; row += step) y_of_w(&l, row, l.out - row < step ? l.out - row : step);
    for (int k = 0; k < c->n_saved; k++) y_of_term(&l, k);
}

/* dxa_k = s_k dy B_k */
static void dxa(const Linear *l, int k)
{
    int64_t r = rank(l->c, k);
    Product p = { .m = l->rows, .n = r, .k = l->out, .a = { l->c->dout[0].data, l->out, false }, .b = { term_b(l->c, k).data, r, false }, .c = l->dxa,
                  .c_stride = r, .alpha = scale(l->c, k), .shares = l->shares };
    product(l->b, l->c, &p);
}

/* dB_k = s_k dy^T xa_k */
static void db(const Linear *l, int k)
{
    int64_t r = rank(l->c, k);
    Product p = { .m = l->out, .n = r, .k = l->rows, .a = { l->c->dout[0].data, l->out, true }, .b = { l->c->saved[k].data, r, false },
                  .c = l->c->din[2 + 2 * k].data, .c_stride = r, .alpha = scale(l->c, k), .beta = l->c->beta[2 + 2 * k], .shares = l->shares };
    product(l->b, l->c, &p);
}

/* dA_k = dxa_k^T drop_k(x) */
static void da(const Linear *l, int k)
{
    int64_t r = rank(l->c, k);
    Product p = { .m = r, .n = l->in, .k = l->rows, .a = { l->dxa, r, true }, .b = { l->c->in[0].data, l->in, false }, .c = l->c->din[1 + 2 * k].data,
                  .c_stride = l->in, .beta = l->c->beta[1 + 2 * k], .where = DROP_B, .drop = drop(l->c, k), .shares = l->shares };
    product(l->b, l->c, &p);
}

/* dx = dy W, and dx += drop'_k(dxa_k A_k) */
static void dx_of_w(const Linear *l, int64_t row, int64_t n)
{
    Product p = { .m = l->rows, .n = l->in, .k = n, .a = { l->c->dout[0].data + row, l->out, false }, .b = { panel(l->b, l->c, l->w, row, n, l->room), l->in, false },
                  .c = l->c->din[0].data, .c_stride = l->in, .beta = row ? 1 : l->c->beta[0] };
    product(l->b, l->c, &p);
}

static void dx_of_term(const Linear *l, int k)
{
    int64_t r = rank(l->c, k);
    Product p = { .m = l->rows, .n = l->in, .k = r, .a = { l->dxa, r, false }, .b = { term_a(l->c, k).data, l->in, false }, .c = l->c->din[0].data,
                  .c_stride = l->in, .beta = 1, .where = DROP_C, .drop = drop(l->c, k) };
    product(l->b, l->c, &p);
}

void cuda_linear_bwd(const Backend *b, const OpCall *c)
{
    Linear l = prepare(b, c, true);
    bool to_x = c->din[0].data;
    int64_t step = panel_rows(l.w);
    for (int64_t row = 0; to_x && row < l.out; row += step) dx_of_w(&l, row, l.out - row < step ? l.out - row : step);
    for (int k = 0; k < c->n_saved; k++) {
        bool to_a = c->din[1 + 2 * k].data;
        if (to_x || to_a) dxa(&l, k);
        if (to_x) dx_of_term(&l, k);
        if (to_a) da(&l, k);
        if (c->din[2 + 2 * k].data) db(&l, k);
    }
}
