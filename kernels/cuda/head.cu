/* Logits, their statistics and the gradients of the hidden states and of W, a chunk of scored rows at a time.
 *
 * A chunk's logits are made panel by panel of W, turned in place into the gradient of the objective by each logit, and multiplied
 * back with W, and with x where W is trained; their sum over rows is b's. With score = (1 - eps) logp[target] + eps mean(logp) and its
 * coefficient c:
 *     d objective / d z_v = c ((1 - eps) [v = target] + eps / V - p_v)
 * and with capped logits the cap's slope, 1 - tanh^2, beside it. Only one chunk of logits ever exists. Where several chunks or several scored
 * rows give to one element, they do so in their order. */
#include "kernels/cuda/column_sums.cuh"
#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/panel.cuh"
#include "kernels/cuda/product.cuh"
#include "kernels/cuda/reduce.cuh"

static const int64_t CHUNK = 512;                       /* scored rows at a time */
enum { THREADS = 256, WARPS = THREADS / WARP };         /* of a block */

/* A scored row's largest logit, the first where there are several, and sums of e^(z - most), (z - most) e^(z - most), z - most. */
struct Largest { float most; int at; };
struct Sums { float e, weighted, plain; };

DEVICE Largest larger(Largest a, Largest b) { return b.most > a.most || (b.most == a.most && b.at < a.at) ? b : a; }

DEVICE Largest largest_of_block(Largest x)
{
    SHARED(Largest, of_warp, [WARPS]);
    for (int apart = WARP / 2; apart; apart /= 2) {
        Largest other = { __shfl_xor_sync(FULL_WARP, x.most, apart), __shfl_xor_sync(FULL_WARP, x.at, apart) };
        x = larger(x, other);
    }
    if (threadIdx.x % WARP == 0) of_warp[threadIdx.x / WARP] = x;
    __syncthreads();
    for (int w = 0; w < WARPS; w++) x = larger(x, of_warp[w]);
    return x;
}

DEVICE Sums sums_of_block(Sums x)
{
    SHARED(Sums, of_warp, [WARPS]);
    x = Sums{ warp_sum(x.e), warp_sum(x.weighted), warp_sum(x.plain) };
    if (threadIdx.x % WARP == 0) of_warp[threadIdx.x / WARP] = x;
    __syncthreads();
    Sums all = {};
    for (int w = 0; w < WARPS; w++) all = Sums{ all.e + of_warp[w].e, all.weighted + of_warp[w].weighted, all.plain + of_warp[w].plain };
    return all;
}

/* block 256, shared 256, registers 64. A block has one scored row, `first` + its number; a thread every 256th logit. coef NULL: logits stay. */
static __global__ void __launch_bounds__(THREADS) head_score(const float *bias, const int32_t *targets, const float *coef, int64_t first, int vocabulary, float softcap,
                                                             float eps, float *z, float *score, float *entropy, float *correct)
{
    int64_t row = first + blockIdx.x;
    int target = targets[row];
    Largest largest = { -INFINITY, vocabulary };
    z += (int64_t)blockIdx.x * vocabulary;
    for (int v = (int)threadIdx.x; v < vocabulary; v += THREADS) {
        float value = bias ? z[v] + bias[v] : z[v];
        if (softcap > 0) value = softcap * tanhf(value / softcap);
        z[v] = value;
        largest = larger(largest, Largest{ value, v });
    }
    largest = largest_of_block(largest);
    float most = largest.most, at_target = z[target];
    Sums sums = {};
    for (int v = (int)threadIdx.x; v < vocabulary; v += THREADS) {
        float d = z[v] - most, e = expf(d);
        sums.e += e;
        sums.weighted = fmaf(d, e, sums.weighted);
        sums.plain += d;
    }
    sums = sums_of_block(sums);
    if (threadIdx.x == 0) {
        float log_sum = logf(sums.e), logp = at_target - most - log_sum, mean = sums.plain / (float)vocabulary - log_sum;
        if (score) score[row] = eps > 0 ? (1 - eps) * logp + eps * mean : logp;
        if (entropy) entropy[row] = log_sum - sums.weighted / sums.e;
        if (correct) correct[row] = largest.at == target;
    }
    if (!coef) return;
    float c = coef[row], even = eps / (float)vocabulary, inverse = 1 / sums.e;
    for (int v = (int)threadIdx.x; v < vocabulary; v += THREADS) {
        float t = softcap > 0 ? z[v] / softcap : 0, p = expf(z[v] - most) * inverse;
        z[v] = c * ((v == target ? 1 - eps : 0) + even - p) * ((1 - t) * (1 + t));
    }
}

/* block 256, shared 0, registers 32. A thread has one element of the scored rows. */
static __global__ void head_take(const float *x, const int32_t *row, unsigned pieces, unsigned cols, float *scored)
{
    Place at = place_in_row(pieces);
    if (at.col < cols) scored[at.row * cols + at.col] = x[(int64_t)row[at.row] * cols + at.col];
}

/* block 256, shared 0, registers 40. A thread has one column: a row may be scored several times. */
static __global__ void head_give(const float *scored, const int32_t *row, int64_t n, int64_t cols, float *to)
{
    int64_t col = grid_thread();
    if (col >= cols) return;
    for (int64_t i = 0; i < n; i++) to[row[i] * cols + col] += scored[i * cols + col];
}

typedef struct {
    const Backend *b;
    const OpCall *c;
    const float *trained, *bias, *coef;      /* W in the step's memory, or NULL; b, or NULL; on the device; coef NULL: no gradient is made */
    float *to, *dw, *db;                     /* gradients, which are added to; NULL: not wanted */
    int64_t vocabulary, width, step;         /* step: W's rows in a panel */
    float *x, *dx, *z, *room;                /* [rows, width] twice, [rows, vocabulary], a panel */
    void *sums;
} Head;

static int64_t chunk_rows(const OpCall *c) { return c->args->head.n < CHUNK ? c->args->head.n : CHUNK; }

static Head head_of(const Backend *b, const OpCall *c)
{
    const Weight *w = c->args->head.w;
    int64_t vocabulary = w ? w->rows : c->in[1].rows, width = c->in[0].cols, rows = chunk_rows(c);
    Head h = { b, c, NULL, NULL, NULL, NULL, NULL, NULL, vocabulary, width, w ? panel_rows(w) : vocabulary, (float *)c->scratch, NULL, NULL, NULL, NULL };
    h.dx = h.x + rows * width;
    h.z = h.dx + rows * width;
    h.room = h.z + rows * vocabulary;
    h.sums = h.room + (w ? panel_floats(w) : 0);
    h.trained = w ? NULL : c->in[1].data;
    h.bias = c->args->head.trained_bias ? c->in[c->n_in - 1].data : placed(b, c->args->head.b);
    return h;
}

/* What sums over rows need stands on 8 bytes: it comes last, behind an even number of floats. */
size_t cuda_head_scratch(const Backend *, const OpCall *c, bool bwd)
{
    const Weight *w = c->args->head.w;
    if (bwd && c->args->head.gradient) return 0;
    int64_t vocabulary = w ? w->rows : c->in[1].rows, rows = chunk_rows(c);
    size_t floats = (size_t)(rows * (2 * c->in[0].cols + vocabulary) + (w ? panel_floats(w) : 0));
    return floats * sizeof(float) + (bwd && c->args->head.trained_bias ? sizeof(float) + column_sums_scratch(rows, vocabulary) : 0);
}

static const float *rows_of_w(const Head *h, int64_t token, int64_t n)
{
    return h->trained ? h->trained + token * h->width : panel(h->b, h->c, h->c->args->head.w, token, n, h->room);
}

static int64_t tokens(const Head *h, int64_t token) { return h->vocabulary - token < h->step ? h->vocabulary - token : h->step; }

static void logits(const Head *h, int64_t n)
{
    for (int64_t token = 0; token < h->vocabulary; token += h->step) {
        Product p = { .m = n, .n = tokens(h, token), .k = h->width, .a = { h->x, h->width, false }, .b = { rows_of_w(h, token, tokens(h, token)), h->width, true },
                      .c = h->z + token, .c_stride = h->vocabulary };
        product(h->b, h->c, &p);
    }
}

static void gradient_of_x(const Head *h, int64_t first, int64_t n)
{
    for (int64_t token = 0; token < h->vocabulary; token += h->step) {
        Product p = { .m = n, .n = h->width, .k = tokens(h, token), .a = { h->z + token, h->vocabulary, false },
                      .b = { rows_of_w(h, token, tokens(h, token)), h->width, false }, .c = h->dx, .c_stride = h->width, .beta = token ? 1.0f : 0.0f };
        product(h->b, h->c, &p);
    }
    RUN(h->b, h->c, head_give, blocks_for(h->width, ELEMENTWISE), ELEMENTWISE, 0, h->dx, placed(h->b, h->c->args->head.row + first), n, h->width, h->to);
}

static void gradient_of_w(const Head *h, int64_t n)
{
    Product p = { .m = h->vocabulary, .n = h->width, .k = n, .a = { h->z, h->vocabulary, true }, .b = { h->x, h->width, false }, .c = h->dw,
                  .c_stride = h->width, .beta = 1 };
    product(h->b, h->c, &p);
}

static void gradient_of_bias(const Head *h, int64_t n)
{
    void *sums = (void *)(((uintptr_t)h->sums + sizeof(double) - 1) / sizeof(double) * sizeof(double));
    column_sums(h->b, h->c, ColumnTerms{ h->z, NULL, NULL, NULL, n, h->vocabulary, 1 }, sums, 1, h->db);
}

static void chunk(const Head *h, int64_t first, int64_t n)
{
    const OpArgs *args = h->c->args;
    RUN(h->b, h->c, head_take, blocks_for_rows(n, h->width), ELEMENTWISE, 0, h->c->in[0].data, placed(h->b, args->head.row + first), row_pieces(h->width),
        (unsigned)h->width, h->x);
    logits(h, n);
    RUN(h->b, h->c, head_score, blocks_for(n, 1), THREADS, 0, h->bias, placed(h->b, args->head.target), h->coef, first, (int)h->vocabulary, args->head.softcap,
        args->head.smoothing, h->z, h->c->out[0].data, h->c->out[1].data, h->c->out[2].data);
    if (!h->coef) return;
    if (h->dw) gradient_of_w(h, n);
    if (h->db) gradient_of_bias(h, n);
    if (h->to) gradient_of_x(h, first, n);
}

static void every_chunk(const Head *h)
{
    const int32_t *target = h->c->args->head.target;
    int64_t n = h->c->args->head.n;
    for (int64_t i = 0; i < n; i++)
        CHECK(target[i] >= 0 && target[i] < h->vocabulary, "target %d of a vocabulary of %lld", target[i], (long long)h->vocabulary);
    for (int64_t first = 0; first < n; first += CHUNK) chunk(h, first, n - first < CHUNK ? n - first : CHUNK);
}

static void clear(const Backend *b, Tensor t)
{
    if (t.data) device_clear(b->device, t.data, (size_t)elements(t) * sizeof(float));
}

void cuda_head_fwd(const Backend *b, const OpCall *c)
{
    Head h = head_of(b, c);
    if (c->args->head.gradient) {
        h.coef = c->args->head.n ? placed(b, c->args->head.coef) : NULL;
        h.to = c->saved[0].data;
        clear(b, c->saved[0]);
    }
    every_chunk(&h);
}

/* Outputs are there already: their statistics are made again for the gradient alone. */
static void bwd_again(const Backend *b, const OpCall *c)
{
    CHECK(c->dout[0].data, "of a head's outputs only the score has a gradient");
    Head h = head_of(b, c);
    h.coef = c->dout[0].data;
    h.to = c->din[0].data;
    if (!c->args->head.w) h.dw = c->din[1].data;
    if (c->args->head.trained_bias) h.db = c->din[c->n_in - 1].data;
    for (int i = 0; i < c->n_in; i++)
        if (c->beta[i] == 0) clear(b, c->din[i]);
    every_chunk(&h);
}

void cuda_head_bwd(const Backend *b, const OpCall *c)
{
    if (!c->args->head.gradient) {
        bwd_again(b, c);
        return;
    }
    CHECK(!c->args->head.n || c->dout[0].data == placed(b, c->args->head.coef), "the head was told other coefficients before");
    hand_over(b, c, c->saved[0], 1, c->beta[0], c->din[0]);
}
