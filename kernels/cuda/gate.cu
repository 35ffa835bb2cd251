/* g and u are two tensors, or the two sides of one: row r of either begins at r * stride. */
#include "kernels/cuda/activation.cuh"

struct Sides { float *g, *u; int64_t stride; };

static Sides sides(const OpCall *c, const Tensor t[])
{
    int64_t cols = c->out[0].cols;
    if (c->n_in == 2) return Sides{ t[0].data, t[1].data, cols };
    return Sides{ t[0].data, t[0].data ? t[0].data + cols : NULL, 2 * cols };
}

/* block 256, shared 0, registers 32. A thread has one element of y; a row is cut into `pieces`. */
static __global__ void gate_values(Act act, const float *g, const float *u, int64_t stride, unsigned pieces, unsigned cols, float *y)
{
    Place at = place_in_row(pieces);
    if (at.col >= cols) return;
    int64_t i = at.row * stride + at.col;
    y[at.row * cols + at.col] = activation(act, g[i]) * u[i];
}

/* block 256, shared 0, registers 40. dg = dy u act'(g), du = dy act(g); dg may lie on dy, so both are made before either is written. */
static __global__ void gate_gradient(Act act, const float *g, const float *u, int64_t stride, const float *dy, unsigned pieces, unsigned cols,
                                     float beta_g, float beta_u, float *dg, float *du)
{
    Place at = place_in_row(pieces);
    if (at.col >= cols) return;
    int64_t i = at.row * stride + at.col;
    Sloped a = activation_sloped(act, g[i]);
    float d = dy[at.row * cols + at.col], to_u = d * a.y, to_g = d * u[i] * a.slope;
    if (du) du[i] = added(du, i, beta_u, to_u);
    if (dg) dg[i] = added(dg, i, beta_g, to_g);
}

void cuda_gate_fwd(const Backend *b, const OpCall *c)
{
    Sides in = sides(c, c->in);
    int64_t cols = c->out[0].cols;
    RUN(b, c, gate_values, blocks_for_rows(c->out[0].rows, cols), ELEMENTWISE, 0, c->args->gate.act, in.g, in.u, in.stride, row_pieces(cols), (unsigned)cols,
        c->out[0].data);
}

void cuda_gate_bwd(const Backend *b, const OpCall *c)
{
    Sides in = sides(c, c->in), to = sides(c, c->din);
    int64_t cols = c->out[0].cols;
    RUN(b, c, gate_gradient, blocks_for_rows(c->out[0].rows, cols), ELEMENTWISE, 0, c->args->gate.act, in.g, in.u, in.stride, c->dout[0].data,
        row_pieces(cols), (unsigned)cols, c->beta[0], c->beta[c->n_in - 1], to.g, to.u);
}
