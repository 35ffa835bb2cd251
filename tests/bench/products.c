/* Speed of a frozen linear's products, forward and input gradient, by every set of instructions that this machine has: GFLOP/s, and the
 * share of what the same threads reach in registers alone.
 *
 *     products [ROWS [SECONDS]]        rows of x, 512; time for each figure, 0.3: the best of as many calls as fit, at least two
 *
 * Shapes are those of SmolLM2-135M (joint projections, MLP, keys and values, head) and of 7 B models, weights bfloat16. On tiles a float32-accurate
 * product is three of bfloat16, and its share counts them so. A busy machine shows: look at the peaks first. */
#include <stdio.h>
#include <stdlib.h>

#include "kernels/cpu/instructions.h"
#include "kernels/memory.h"
#include "kernels/profile.h"

typedef struct { int64_t out, in; } Shape;
static const Shape shapes[] = { { 576, 576 }, { 1536, 576 }, { 576, 1536 }, { 192, 576 }, { 49152, 576 }, { 4096, 4096 }, { 11008, 4096 } };
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

typedef struct { Backend backend; OpCall call; OpArgs args; Weight w; uint16_t *values; } Linear;

static void call_once(const Linear *l, bool bwd)
{
    const Kernels *kernels = &l->backend.op[OP_LINEAR];
    (bwd ? kernels->bwd : kernels->fwd)(&l->backend, &l->call);
}

/* Small numbers of both signs, another in each place. */
static float *values_new(int64_t n)
{
    float *x = memory_try((size_t)n * sizeof *x);
    CHECK(x, "no memory for %lld floats", (long long)n);
    for (int64_t i = 0; i < n; i++) x[i] = (float)(i * 2654435761 % 2039 - 1019) / 1024.0f;
    return x;
}

static double best_rate(Linear *l, bool bwd, double seconds)
{
    OpCall *c = &l->call;
    const Kernels *kernels = &l->backend.op[OP_LINEAR];
    double flops = 2.0 * (double)c->in[0].rows * (double)l->w.rows * (double)l->w.cols, best = 0, begin = profile_now();
    c->scratch_bytes = kernels->scratch(&l->backend, c, bwd);
    c->scratch = memory_try(c->scratch_bytes);
    for (int i = 0; i < 2 || profile_now() - begin < seconds; i++) {
        double from = profile_now();
        call_once(l, bwd);
        double rate = flops / (profile_now() - from) * 1e-9;
        best = rate > best ? rate : best;
    }
    free(c->scratch);
    return best;
}

static void show(Pool *pool, Isa isa, Precision precision, double peak_rate, Shape shape, int64_t rows, double seconds)
{
    int terms = isa == ISA_AMX && precision == PRECISION_F32 ? 3 : 1;
    Linear l = { .backend = cpu_backend(pool), .values = memory_try((size_t)(shape.out * shape.in) * sizeof(uint16_t)) };
    CHECK(l.values && cpu_backend_use(&l.backend, isa) == STATUS_OK);
    for (int64_t i = 0; i < shape.out * shape.in; i++) l.values[i] = (uint16_t)(0x3D00 + i * 40503 % 255 + (i % 3 ? 0x8000 : 0));
    l.backend.precision = precision;
    l.w = (Weight){ .name = "w", .dtype = DTYPE_BF16, .bytes = l.values, .rows = shape.out, .cols = shape.in };
    l.args.linear.w = &l.w;
    l.call = (OpCall){ .op = OP_LINEAR, .n_in = 1, .n_out = 1, .in = { { values_new(rows * shape.in), rows, shape.in } }, .args = &l.args,
                       .out = { { values_new(rows * shape.out), rows, shape.out } }, .din = { { values_new(rows * shape.in), rows, shape.in } } };
    l.call.dout[0] = l.call.out[0];
    double fwd = best_rate(&l, false, seconds), bwd = best_rate(&l, true, seconds);
    printf("%-9s %-8s %6lld x %-5lld %8.0f %5.0f %% %8.0f %5.0f %%\n", isa_names[isa], precision == PRECISION_BF16 ? "bfloat16" : "float32",
           (long long)shape.out, (long long)shape.in, fwd, 100 * terms * fwd / peak_rate, bwd, 100 * terms * bwd / peak_rate);
    fflush(stdout);
    free(l.call.in[0].data);
    free(l.call.out[0].data);
    free(l.call.din[0].data);
    free(l.values);
}

/* GFLOP/s of the instructions: the best of ten short tries, as a busy machine interrupts them. */
static double best_peak(const Backend *backend)
{
    double best = 0;
    for (int i = 0; i < 10; i++) {
        double rate = backend->peak(backend) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    int64_t rows = argc > 1 ? atoll(argv[1]) : 512;
    double seconds = argc > 2 ? atof(argv[2]) : 0.3;
    Pool *pool = pool_open(pool_default_workers());
    printf("%d threads, %lld rows\n", pool_workers(pool), (long long)rows);
    printf("isa       product        W (out x in)  forward  of peak  gradient  of peak    GFLOP/s\n");
    for (Isa isa = 0; isa < ISA_COUNT; isa++) {
        if (!instruction_sets[isa].here()) {
            printf("%-9s not on this machine\n", isa_names[isa]);
            continue;
        }
        Backend backend = cpu_backend(pool);
        CHECK(cpu_backend_use(&backend, isa) == STATUS_OK);
        double peak_rate = best_peak(&backend);
        printf("%-9s in registers %.0f\n", isa_names[isa], peak_rate);
        for (Precision precision = PRECISION_F32; precision <= (isa == ISA_AMX ? PRECISION_BF16 : PRECISION_F32); precision++)
            for (int i = 0; i < N_SHAPES; i++) show(pool, isa, precision, peak_rate, shapes[i], rows, seconds);
    }
    pool_close(pool);
    return 0;
}
