#include "kernels/cuda/elementwise.cuh"

/* block 256, shared 0, registers 40. A thread has a pair of elements of one head that turn together, or one that does not turn; `items` of both
 * has a head. sign -1 turns back. In place too: a thread reads what it writes. */
static __global__ void rope_turn(const float *x, const float *cos, const float *sin, const int32_t *position, float sign, float beta, unsigned pieces,
                                 unsigned heads, unsigned head_dim, unsigned half, bool interleaved, float *y)
{
    Place at = place_in_row(pieces);
    unsigned items = head_dim - half, head = at.col / items, i = at.col - head * items;
    if (head >= heads) return;
    int64_t base = (at.row * heads + head) * head_dim;
    if (i >= half) {
        int64_t e = base + half + i;
        y[e] = added(y, e, beta, x[e]);
        return;
    }
    int64_t first = base + (interleaved ? 2 * i : i), second = first + (interleaved ? 1 : half), angle = (int64_t)position[at.row] * half + i;
    float a = x[first], b = x[second], c = cos[angle], s = sign * sin[angle];
    float low = a * c - b * s, high = b * c + a * s;
    y[first] = added(y, first, beta, low);
    y[second] = added(y, second, beta, high);
}

static void turn(const Backend *b, const OpCall *c, Tensor x, float sign, float beta, Tensor y)
{
    int head_dim = c->args->rope.head_dim, half = c->args->rope.rotary_dim / 2;
    int64_t heads = x.cols / head_dim, items = heads * (head_dim - half);
    RUN(b, c, rope_turn, blocks_for_rows(x.rows, items), ELEMENTWISE, 0, x.data, placed(b, c->args->rope.cos), placed(b, c->args->rope.sin),
        placed(b, c->args->rope.position), sign, beta, row_pieces(items), (unsigned)heads, (unsigned)head_dim, (unsigned)half,
        c->args->rope.interleaved, y.data);
}

void cuda_rope_fwd(const Backend *b, const OpCall *c) { turn(b, c, c->in[0], 1, 0, c->out[0]); }
void cuda_rope_bwd(const Backend *b, const OpCall *c) { turn(b, c, c->dout[0], -1, c->beta[0], c->din[0]); }
