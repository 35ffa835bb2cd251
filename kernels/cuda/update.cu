#include "kernels/cuda/elementwise.cuh"

extern "C" {
#include "kernels/cuda/update.h"
}

enum { THREADS = 256, WARPS = THREADS / WARP };
static const int64_t PART = 1 << 14;        /* gradients of a block */

/* Every thread gets it. A block may call it once. */
DEVICE double sum_of_block(double x)
{
    SHARED(double, of_warp, [WARPS]);
    for (int apart = WARP / 2; apart; apart /= 2) x += __shfl_xor_sync(FULL_WARP, x, apart);
    if (threadIdx.x % WARP == 0) of_warp[threadIdx.x / WARP] = x;
    __syncthreads();
    double sum = 0;
    for (int w = 0; w < WARPS; w++) sum += of_warp[w];
    return sum;
}

/* block 256, shared 128, registers 40. A block has one part, a thread every 256th gradient of it. */
static __global__ void update_squares(const float *grad, int64_t n, double *part)
{
    int64_t begin = (int64_t)blockIdx.x * PART, end = begin + PART < n ? begin + PART : n;
    double sum = 0;
    for (int64_t i = begin + threadIdx.x; i < end; i += THREADS) sum += (double)grad[i] * (double)grad[i];
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) part[blockIdx.x] = sum;
}

/* block 256, shared 128, registers 40. One block. */
static __global__ void update_root(const double *part, int64_t parts, double *norm)
{
    double sum = 0;
    for (int64_t i = threadIdx.x; i < parts; i += THREADS) sum += part[i];
    sum = sum_of_block(sum);
    if (threadIdx.x == 0) *norm = sqrt(sum);
}

/* min(1, max_norm / (norm + 1e-6)), rounded where optim/adamw.c rounds. */
DEVICE float clip_of(const double *norm, float max_norm)
{
    if (max_norm <= 0) return 1;
    float coefficient = 1.0f / ((float)*norm + 1e-6f) * max_norm;
    return coefficient < 1 ? coefficient : 1;
}

/* block 256, shared 0, registers 40. A thread has one element. Fused where optim/adamw.c is. */
static __global__ void update_elements(const float *grad, const double *norm, float max_norm, UpdateFactors f, int64_t n, float *p, float *m, float *v)
{
    int64_t i = grid_thread();
    if (i >= n) return;
    float g = clip_of(norm, max_norm) * grad[i], first = fmaf(f.beta1_gap, g - m[i], m[i]), second = fmaf(f.beta2_gap * g, g, v[i] * f.beta2);
    m[i] = first;
    v[i] = second;
    p[i] = p[i] * f.keep - f.rate * first / (sqrtf(second) / f.root + f.eps);
}

static int64_t parts_of(int64_t n) { return (n + PART - 1) / PART; }

/* What a fault is called: there is no operation. */
static OpCall no_call(void)
{
    OpCall c = {};
    c.op = OP_KINDS;
    return c;
}

size_t update_norm_scratch(int64_t n) { return (size_t)parts_of(n) * sizeof(double); }

void update_norm(const Backend *b, const float *grad, int64_t n, void *scratch, double *norm)
{
    OpCall c = no_call();
    RUN(b, &c, update_squares, blocks_for(n, PART), THREADS, 0, grad, n, (double *)scratch);
    RUN(b, &c, update_root, 1, THREADS, 0, (const double *)scratch, parts_of(n), norm);
}

void update_adamw(const Backend *b, const UpdateFactors *factors, const double *norm, float max_norm, const float *grad, int64_t n, float *p, float *m, float *v)
{
    OpCall c = no_call();
    RUN(b, &c, update_elements, blocks_for(n, ELEMENTWISE), ELEMENTWISE, 0, grad, norm, max_norm, *factors, n, p, m, v);
}
